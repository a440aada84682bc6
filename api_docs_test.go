package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/graph"
)

// The tests of this file write docs/api.md and docs/errors.md, with -update, from the schema and
// from the examples, and otherwise hold the pages to them.

const (
	apiPagePath    = "docs/api.md"
	errorsPagePath = "docs/errors.md"
)

// apiChapters are the chapters of docs/api.md, with their root fields in the order of reading. Those
// that none names stand in the last one.
var apiChapters = []struct{ title, fields string }{
	{"Sign in and out", "status createUser login session logout renewSession reauthenticate setPassword"},
	{"The own account", "me updateMe changePassword deleteMe node"},
	{"Sessions and tokens", "revokeSession revokeOtherSessions issueAccessToken createApiToken revokeApiToken"},
	{"Live", "authEvents"},
	{"Administration", "users user addUser updateUser createPasswordCode disableUser enableUser unlockUser revokeSessions deleteUser stats"},
	{"Roles", "roles createRole updateRole deleteRole grantRole revokeRole"},
	{"Audit", "auditLog"},
	{"More", ""},
}

// rootField is a field of Query, Mutation or Subscription.
type rootField struct {
	*ast.FieldDefinition
	kind string // query, mutation or subscription
}

// anchor returns what links to the field's section end in.
func (f rootField) anchor() string { return f.kind + "-" + strings.ToLower(f.Name) }

// apiPage writes docs/api.md.
type apiPage struct {
	schema   *ast.Schema
	examples map[string]*example
	fields   map[string]rootField // by name
	users    map[string]int       // how many fields and arguments name a type
}

func newAPIPage(schema *ast.Schema, examples map[string]*example) *apiPage {
	page := &apiPage{schema, examples, map[string]rootField{}, map[string]int{}}
	for _, definition := range schema.Types {
		if definition.BuiltIn {
			continue
		}
		for _, field := range definition.Fields {
			page.users[field.Type.Name()]++
			for _, argument := range field.Arguments {
				page.users[argument.Type.Name()]++
			}
		}
	}
	for kind, root := range map[string]*ast.Definition{"query": schema.Query, "mutation": schema.Mutation, "subscription": schema.Subscription} {
		if root == nil {
			continue
		}
		for _, field := range root.Fields {
			if !strings.HasPrefix(field.Name, "_") { // introspection, and what gateways alone ask
				page.fields[field.Name] = rootField{field, kind}
			}
		}
	}
	return page
}

// chapters calls for each chapter that has fields.
func (p *apiPage) chapters(each func(title string, fields []rootField)) {
	rest := maps.Clone(p.fields)
	for _, chapter := range apiChapters {
		var fields []rootField
		for name := range strings.FieldsSeq(chapter.fields) {
			if field, ok := rest[name]; ok {
				fields = append(fields, field)
				delete(rest, name)
			}
		}
		if chapter.fields == "" {
			fields = slices.SortedFunc(maps.Values(rest), func(a, b rootField) int { return cmp.Compare(a.anchor(), b.anchor()) })
		}
		if len(fields) > 0 {
			each(chapter.title, fields)
		}
	}
}

// contents is the page's table of contents.
func (p *apiPage) contents() string {
	text := "| to | operations |\n|---|---|\n"
	p.chapters(func(title string, fields []rootField) {
		var links []string
		for _, field := range fields {
			links = append(links, fmt.Sprintf("[`%s`](#%s)", field.Name, field.anchor()))
		}
		text += fmt.Sprintf("| [%s](#%s) | %s |\n", title, strings.ReplaceAll(strings.ToLower(title), " ", "-"), strings.Join(links, ", "))
	})
	return text
}

// operations is every chapter.
func (p *apiPage) operations(t *testing.T) string {
	t.Helper()
	text := ""
	p.chapters(func(title string, fields []rootField) {
		text += "## " + title + "\n\n"
		for _, field := range fields {
			text += p.operation(t, field)
		}
	})
	return text
}

// operation is the section of a root field.
func (p *apiPage) operation(t *testing.T, field rootField) string {
	t.Helper()
	text := fmt.Sprintf("### %s `%s`\n\n%s\n\n", field.kind, field.Name, paragraphs(field.Description))
	if reason := deprecation(field.Directives); reason != "" {
		text += "**Deprecated.** " + reason + "\n\n"
	}
	text += "**Who may ask:** " + guardInWords(field) + "\n\n"
	if rows := p.inputs(field); rows != "" {
		text += "| input | type | meaning |\n|---|---|---|\n" + rows + "\n"
	}
	answer := p.schema.Types[field.Type.Name()]
	if p.shownInPlace(answer) {
		text += "| answer | type | meaning |\n|---|---|---|\n" + p.rows("", answer.Fields) + "\n"
	} else {
		text += "**Answer:** " + p.link(field.Type) + "\n\n"
	}
	var links []string
	for _, code := range p.codes(field) {
		links = append(links, codeLink(code))
	}
	if len(links) > 0 {
		text += "**Codes of its refusals:** " + strings.Join(links, ", ") + "\n\n"
	}
	for _, e := range p.examplesOf(field.Name) {
		text += exampleText(t, e)
	}
	return text
}

// examplesOf returns the examples of a root field: the one of its name first.
func (p *apiPage) examplesOf(field string) []*example {
	var found []*example
	for _, name := range slices.Sorted(maps.Keys(p.examples)) {
		if p.examples[name].field() == field {
			found = append(found, p.examples[name])
		}
	}
	return found
}

// exampleText shows an example.
func exampleText(t *testing.T, e *example) string {
	t.Helper()
	who := map[string]string{"stranger": "a stranger", "ada": "Ada", "grace": "Grace", "admin": "an administrator"}[e.as]
	text := fmt.Sprintf("[Example](examples/%s.graphql), asked by %s", e.name, who)
	if e.after != "" {
		before, _, _ := strings.Cut(e.after, "-")
		text += fmt.Sprintf(" after `%s`", before)
	}
	text += "."
	if e.caption != "" {
		text += " " + e.caption
	}
	text += "\n\n```graphql\n" + e.operation + "\n```\n\n"
	if e.sent != "" {
		text += "```json\n" + shown(t, e.sent) + "\n```\n\n"
	}
	if e.then != "" {
		text += fmt.Sprintf("tells, once [`%s`](examples/%s.graphql) is called:", strings.Split(e.then, "-")[0], e.then)
	} else {
		text += "is answered by"
	}
	return text + "\n\n```json\n" + shown(t, e.answer) + "\n```\n\n"
}

// guardInWords says who may call a root field.
func guardInWords(field rootField) string {
	guard := field.Directives.ForName("auth")
	if guard == nil {
		return "everyone, signed in or not."
	}
	asked := map[string][]string{}
	for _, argument := range guard.Arguments {
		values := []string{argument.Value.Raw} // GraphQL takes a single value for a list of one
		if argument.Value.Kind == ast.ListValue {
			values = nil
			for _, child := range argument.Value.Children {
				values = append(values, child.Value.Raw)
			}
		}
		for _, value := range values {
			asked[argument.Name] = append(asked[argument.Name], "`"+value+"`")
		}
	}
	text := "whoever is signed in"
	if roles := asked["roles"]; len(roles) > 0 {
		text += ", has the role " + strings.Join(roles, " or ")
	}
	if permissions := asked["permissions"]; len(permissions) > 0 {
		text += ", holds the permission " + strings.Join(permissions, " and ")
	}
	if schemes := asked["schemes"]; len(schemes) > 0 {
		text += ", by a credential presented as " + strings.Join(schemes, " or ")
	}
	fresh := slices.Contains(asked["fresh"], "`true`")
	if fresh {
		text += ", and has proved their password a short while ago, by [`login`](#mutation-login) or [`reauthenticate`](#mutation-reauthenticate)"
	}
	switch {
	case fresh || len(asked["roles"]) > 0 || field.kind == "mutation" && len(asked["permissions"]) == 0:
		text += "; no API token"
	case len(asked["permissions"]) > 0:
		text += "; an API token needs the scope"
	}
	return text + "."
}

// inputs are the rows for what a root field takes. The fields of an input that nothing else takes
// stand in the place of its name.
func (p *apiPage) inputs(field rootField) string {
	rows := ""
	for _, argument := range field.Arguments {
		definition := p.schema.Types[argument.Type.Name()]
		if p.shownInPlace(definition) {
			rows += p.rows(argument.Name+".", definition.Fields)
		} else {
			rows += p.row(argument.Name, argument.Type, argument.DefaultValue, argument.Directives, argument.Description)
		}
	}
	return rows
}

// shownInPlace reports whether a type is shown in the section of the root field that alone names it.
func (p *apiPage) shownInPlace(definition *ast.Definition) bool {
	input := definition.Kind == ast.InputObject && strings.HasSuffix(definition.Name, "Input")
	payload := definition.Kind == ast.Object && strings.HasSuffix(definition.Name, "Payload")
	return (input || payload) && p.users[definition.Name] == 1
}

// rows are the rows for the fields of a type.
func (p *apiPage) rows(prefix string, fields ast.FieldList) string {
	rows := ""
	for _, field := range fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		rows += p.row(prefix+field.Name, field.Type, field.DefaultValue, field.Directives, field.Description)
		for _, argument := range field.Arguments {
			rows += p.row(prefix+field.Name+"("+argument.Name+":)", argument.Type, argument.DefaultValue, argument.Directives, argument.Description)
		}
	}
	return rows
}

func (p *apiPage) row(name string, kind *ast.Type, fallback *ast.Value, directives ast.DirectiveList, description string) string {
	meaning := oneLine(description)
	if fallback != nil {
		meaning += " By default `" + fallback.String() + "`."
	}
	if reason := deprecation(directives); reason != "" {
		meaning += " **Deprecated.** " + reason
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", name, p.link(kind), strings.ReplaceAll(meaning, "|", `\|`))
}

// link is a type's name, which leads to its section where it has one.
func (p *apiPage) link(kind *ast.Type) string {
	definition := p.schema.Types[kind.Name()]
	if definition.BuiltIn || p.shownInPlace(definition) {
		return "`" + kind.String() + "`"
	}
	return fmt.Sprintf("[`%s`](#%s)", kind, typeAnchor(definition))
}

var kindNames = map[ast.DefinitionKind]string{
	ast.Object: "type", ast.Interface: "interface", ast.Union: "union", ast.Enum: "enum", ast.InputObject: "input", ast.Scalar: "scalar",
}

func typeAnchor(definition *ast.Definition) string {
	return kindNames[definition.Kind] + "-" + strings.ToLower(definition.Name)
}

// types are the sections of all types that are not shown in place.
func (p *apiPage) types() string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(p.schema.Types)) {
		definition := p.schema.Types[name]
		root := definition == p.schema.Query || definition == p.schema.Mutation || definition == p.schema.Subscription
		if definition.BuiltIn || root || strings.HasPrefix(name, "_") || p.shownInPlace(definition) {
			continue
		}
		text += fmt.Sprintf("### %s `%s`\n\n%s\n\n", kindNames[definition.Kind], name, paragraphs(definition.Description))
		if len(definition.Interfaces) > 0 {
			var links []string
			for _, other := range definition.Interfaces {
				links = append(links, p.link(ast.NamedType(other, nil)))
			}
			text += "It is a " + strings.Join(links, ", ") + ".\n\n"
		}
		if definition.IsAbstractType() {
			var links []string
			for _, possible := range p.schema.GetPossibleTypes(definition) {
				links = append(links, p.link(ast.NamedType(possible.Name, nil)))
			}
			slices.Sort(links)
			text += "One of " + strings.Join(links, ", ") + ".\n\n"
		}
		if len(definition.Fields) > 0 {
			text += "| field | type | meaning |\n|---|---|---|\n" + p.rows("", definition.Fields) + "\n"
		}
		if len(definition.EnumValues) > 0 {
			text += "| value | meaning |\n|---|---|\n"
			for _, value := range definition.EnumValues {
				name, meaning := "`"+value.Name+"`", oneLine(value.Description)
				if definition.Name == "ErrorCode" {
					name = codeLink(value.Name)
					meaning, _, _ = strings.Cut(meaning, " To do: ")
				}
				if reason := deprecation(value.Directives); reason != "" {
					meaning += " **Deprecated.** " + reason
				}
				text += fmt.Sprintf("| %s | %s |\n", name, meaning)
			}
			text += "\n"
		}
	}
	return text
}

// codes returns the codes by which a root field may be refused, as far as the schema tells: by its
// guard, by what it takes, and by what the descriptions name.
func (p *apiPage) codes(field rootField) []string {
	var found []string
	descriptions := field.Description
	var look func(arguments ast.ArgumentDefinitionList, fields ast.FieldList)
	one := func(name string, kind *ast.Type, description string) {
		descriptions += "\n" + description
		if kind.Name() == "ID" && !strings.HasSuffix(name, "Filter.") {
			found = append(found, "NOT_FOUND")
		}
	}
	look = func(arguments ast.ArgumentDefinitionList, fields ast.FieldList) {
		for _, argument := range arguments {
			one(argument.Name, argument.Type, argument.Description)
			if definition := p.schema.Types[argument.Type.Name()]; strings.HasSuffix(definition.Name, "Input") {
				look(nil, definition.Fields)
			}
		}
		for _, input := range fields {
			one(input.Name, input.Type, input.Description)
		}
	}
	look(field.Arguments, nil)
	if guard := field.Directives.ForName("auth"); guard != nil {
		found = append(found, "UNAUTHENTICATED")
		if len(guard.Arguments) > 0 || field.kind == "mutation" {
			found = append(found, "FORBIDDEN")
		}
		if fresh := guard.Arguments.ForName("fresh"); fresh != nil && fresh.Value.Raw == "true" {
			found = append(found, "REAUTHENTICATION_REQUIRED")
		}
	}
	if field.Directives.ForName("password") != nil {
		found = append(found, "RATE_LIMITED", "OVERLOADED")
	}
	if len(field.Arguments) > 0 {
		found = append(found, "BAD_USER_INPUT")
	}
	if strings.Contains(descriptions, "needs the permission") {
		found = append(found, "FORBIDDEN")
	}
	var all []string
	for _, value := range p.schema.Types["ErrorCode"].EnumValues { // in their order
		named := regexp.MustCompile(`\b` + value.Name + `\b`).MatchString(descriptions)
		if named || slices.Contains(found, value.Name) {
			all = append(all, value.Name)
		}
	}
	return all
}

// codeLink leads to a code's section in docs/errors.md.
func codeLink(code string) string {
	return fmt.Sprintf("[`%s`](errors.md#%s)", code, strings.ToLower(code))
}

// errorSections are the sections of docs/errors.md: what each code means, what to do, and which
// operations say so.
func (p *apiPage) errorSections(t *testing.T) string {
	text := ""
	for _, value := range p.schema.Types["ErrorCode"].EnumValues {
		meaning, todo, ok := strings.Cut(oneLine(value.Description), " To do: ")
		if !ok {
			t.Errorf("the description of %s does not tell clients what to do, after `To do: `", value.Name)
		}
		text += fmt.Sprintf("### `%s`\n\n%s\n\n**What to do:** %s\n\n", value.Name, meaning, todo)
		var refused, others, shownBy []string
		p.chapters(func(_ string, fields []rootField) {
			for _, field := range fields {
				link := fmt.Sprintf("[`%s`](api.md#%s)", field.Name, field.anchor())
				if slices.Contains(p.codes(field), value.Name) {
					refused = append(refused, link)
				} else {
					others = append(others, link)
				}
				if slices.ContainsFunc(p.examplesOf(field.Name), func(e *example) bool { return e.refused == value.Name }) {
					shownBy = append(shownBy, link)
				}
			}
		})
		if len(refused) > 0 {
			text += "**Where:** "
			if len(refused) > len(others) {
				text += "everywhere but at " + strings.Join(others, ", ")
			} else {
				text += strings.Join(refused, ", ")
			}
			if len(shownBy) > 0 {
				text += ". **Shown at** " + strings.Join(shownBy, ", ")
			}
			text += ".\n\n"
		}
	}
	return text
}

func deprecation(directives ast.DirectiveList) string {
	deprecated := directives.ForName("deprecated")
	if deprecated == nil {
		return ""
	}
	if reason := deprecated.Arguments.ForName("reason"); reason != nil {
		return oneLine(reason.Value.Raw)
	}
	return "No longer supported."
}

// paragraphs joins the lines of each paragraph of a description.
func paragraphs(text string) string {
	var joined []string
	for _, paragraph := range strings.Split(text, "\n\n") {
		joined = append(joined, oneLine(paragraph))
	}
	return strings.Join(joined, "\n\n")
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestAPIDocs runs every example and holds docs/api.md and docs/errors.md to what the program
// answers and to what the schema says. With -update it writes that.
func TestAPIDocs(t *testing.T) {
	t.Parallel()
	examples := readExamples(t)
	t.Run("examples", func(t *testing.T) {
		for name, e := range examples {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				runExample(t, examples, e)
			})
		}
	})
	if t.Failed() {
		return
	}
	page := newAPIPage(graph.Schema(), examples)
	holdPart(t, apiPagePath, "contents", page.contents())
	holdPart(t, apiPagePath, "operations", page.operations(t))
	holdPart(t, apiPagePath, "types", page.types())
	holdPart(t, errorsPagePath, "example", "```json\n"+shown(t, examples["createUser-refused"].answer)+"\n```\n")
	holdPart(t, errorsPagePath, "codes", page.errorSections(t))
}

// TestAPIExamplesShowEveryRootField wants an example of each root field that is not refused, named
// after it, and holds the refused ones to the codes that the page gives.
func TestAPIExamplesShowEveryRootField(t *testing.T) {
	t.Parallel()
	page := newAPIPage(graph.Schema(), readExamples(t))
	for name, field := range page.fields {
		answered := func(e *example) bool { return e.refused == "" }
		if !slices.ContainsFunc(page.examplesOf(name), answered) {
			t.Errorf("the %s %s has no example: write %s/%s.graphql, as %s/me.graphql is written", field.kind, name, examplesFolder, name, examplesFolder)
		}
	}
	for name, e := range page.examples {
		field, ok := page.fields[e.field()]
		if !ok {
			t.Errorf("%s.graphql shows no root field", name)
			continue
		}
		document, errs := gqlparser.LoadQueryWithRules(page.schema, e.operation, nil)
		if errs != nil || len(document.Operations) != 1 || string(document.Operations[0].Operation) != field.kind ||
			document.Operations[0].SelectionSet[0].(*ast.Field).Name != field.Name {
			t.Errorf("%s.graphql is no operation that asks for %s first: %v", name, field.Name, errs)
		}
		if e.refused != "" && !slices.Contains(page.codes(field), e.refused) {
			t.Errorf("%s.graphql is refused with %s, of which the schema tells nothing at %s", name, e.refused, field.Name)
		}
	}
}

// TestLinksOfThePagesLeadSomewhere follows every link of these pages to a heading or a file.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{apiPagePath, errorsPagePath, "docs/recipes.md", "docs/cors-and-cookies.md", "CHANGELOG.md", "README.md"} {
		for _, broken := range brokenLinks(t, page) {
			t.Errorf("%s links to %s, which is not there", page, broken)
		}
	}
}

// brokenLinks returns which links of a page, into this repository, lead nowhere.
func brokenLinks(t *testing.T, page string) (broken []string) {
	t.Helper()
	anchors := map[string][]string{}
	for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(readFile(t, page), -1) {
		target, anchor, _ := strings.Cut(match[1], "#")
		if strings.Contains(target, "://") {
			continue
		}
		path := page
		if target != "" {
			path = filepath.Join(filepath.Dir(page), target)
		}
		if _, err := os.Stat(path); err != nil {
			broken = append(broken, match[1])
			continue
		}
		if anchor == "" {
			continue
		}
		if anchors[path] == nil {
			anchors[path] = headings(readFile(t, path))
		}
		if !slices.Contains(anchors[path], anchor) {
			broken = append(broken, match[1])
		}
	}
	return broken
}

// headings returns what links to the headings of a page end in, as GitHub makes it.
func headings(text string) (anchors []string) {
	text = regexp.MustCompile("(?s)```.*?```").ReplaceAllString(text, "")
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}\s_-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(strings.TrimSpace(name), " ", "-"))
	}
	return anchors
}

// TestAPIDocsTakeEverySchema writes the pages of a schema with what the present one may not have: a
// subscription, something deprecated, a field of no chapter, a guard with every argument.
func TestAPIDocsTakeEverySchema(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `
		directive @public on FIELD_DEFINITION
		directive @auth(roles: [String!], permissions: [String!], schemes: [Scheme!], fresh: Boolean! = false) on FIELD_DEFINITION
		"How."
		enum Scheme {
			"By cookie."
			COOKIE
		}
		"Why."
		enum ErrorCode {
			"Nobody. To do: sign in."
			UNAUTHENTICATED
			"Too old. To do: prove it."
			REAUTHENTICATION_REQUIRED
		}
		"What is asked."
		type Query {
			"Notes."
			notes: [Event!] @auth(roles: ["editor", "admin"], permissions: "users:read", schemes: [COOKIE], fresh: true) @deprecated(reason: "Use ` + "`me`" + `.")
			"Why."
			me: ErrorCode @public
		}
		"What is told as it happens."
		type Subscription {
			"What happens."
			authEvents("Of everyone." all: Boolean! = false): Event @auth
		}
		"Something that happened."
		type Event {
			"When."
			at: String!
			"Then."
			then: String @deprecated(reason: "Use ` + "`at`" + `.")
		}`})
	page := newAPIPage(schema, map[string]*example{"authEvents": {name: "authEvents", as: "ada", then: "me", answer: `{}`}})
	for part, wants := range map[string][]string{
		page.contents(): {"| [Live](#live) | [`authEvents`](#subscription-authevents) |", "| [More](#more) | [`notes`](#query-notes) |"},
		page.operation(t, page.fields["authEvents"]): {
			"### subscription `authEvents`", "whoever is signed in.", "| `all` | `Boolean!` | Of everyone. By default `false`. |", "**Answer:** [`Event`](#type-event)",
			"asked by Ada.", "tells, once [`me`](examples/me.graphql) is called:",
		},
		page.operation(t, page.fields["notes"]): {
			"whoever is signed in, has the role `editor` or `admin`, holds the permission `users:read`, by a credential presented as `COOKIE`, and has proved",
			"; no API token.", "**Deprecated.** Use `me`.", "[`REAUTHENTICATION_REQUIRED`](errors.md#reauthentication_required)",
		},
		page.types(): {"### type `Event`\n\nSomething that happened.", "| `then` | `String` | Then. **Deprecated.** Use `at`. |"},
	} {
		for _, want := range wants {
			if !strings.Contains(part, want) {
				t.Errorf("%q is not in\n%s", want, part)
			}
		}
	}
}
