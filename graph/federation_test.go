package graph_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

const entities = `query($representations: [_Any!]!) { _entities(representations: $representations) {
	__typename
	... on User { id email username sessions { id } }
	... on Session { id user { id } }
	... on Role { id name permissions }
	... on ApiToken { id name scopes }
} }`

// newSubgraph starts a server as a subgraph.
func newSubgraph(t *testing.T, changes ...func(*auth.Options)) *server {
	t.Helper()
	s := newServer(t, changes...)
	s.URL = s.serve(graph.Options{Introspection: true, Federation: true, Log: s.auth.Log}) + "/graphql"
	return s
}

// represent returns the representation of an object by another subgraph.
func represent(typename, id string) map[string]any {
	return map[string]any{"__typename": typename, "id": id}
}

// ask fetches by representations.
func (c *client) ask(representations ...any) *reply {
	c.t.Helper()
	return c.run(entities, "representations", append([]any{}, representations...))
}

// nobody returns a well-formed id of nothing.
func nobody(prefix string) string { return prefix + strings.Repeat("0", 26) }

// TestARefusedFieldThatMayNotBeNullMakesTheAnswerNull is about _entities, the one guarded field of
// Query that may not, by itself and beside another.
func TestARefusedFieldThatMayNotBeNullMakesTheAnswerNull(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	for _, query := range []string{
		`{ _entities(representations: []) { __typename } }`,
		`{ __typename _entities(representations: []) { __typename } }`,
	} {
		r := s.browser().run(query).refused(auth.Unauthenticated, "")
		if !strings.Contains(r.body, `"data":null`) {
			t.Errorf("%s: %s", query, r.body)
		}
	}
}

func TestTheSubgraphIsServedOnlyOnDemand(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	subgraph := s.serve(graph.Options{Introspection: true, Federation: true})
	off, on := s.browser(), s.browserAt(subgraph)
	off.logIn("ada")
	on.logIn("ada")
	for _, query := range []string{
		`{ _service { sdl } }`,
		`{ _entities(representations: []) { __typename } }`,
		`{ _entities(representations: [{__typename: "User", id: "x"}]) { ... on User { id } } }`,
		`{ me { ... on _Entity { __typename } } }`,
		`{ me { ...F } } fragment F on _Entity { __typename }`,
		`query($representations: [_Any!]! = []) { _entities(representations: $representations) { __typename } }`,
	} {
		r := off.run(query)
		if len(r.json.Errors) == 0 || r.json.Errors[0].Extensions.Code != "GRAPHQL_VALIDATION_FAILED" || r.json.Data != nil {
			t.Errorf("%s: %s", query, r.body)
		}
		if r := on.run(query); strings.Contains(errorCodes(r), "GRAPHQL") {
			t.Errorf("%s: %s", query, r.body)
		}
	}
	const names = `{ __schema { types { name possibleTypes { name } } directives { name } queryType { fields { name } } } }`
	for _, name := range []string{"_Any", "_Entity", "_Service", "_entities", "_service", "key", "link", "shareable", "composeDirective"} {
		quoted := fmt.Sprintf(`"name":%q`, name)
		if strings.Contains(off.run(names).ok().body, quoted) {
			t.Errorf("%s is served", name)
		}
		if !strings.Contains(on.run(names).ok().body, quoted) {
			t.Errorf("%s is not served to gateways", name)
		}
	}
	for _, name := range []string{"_Any", "_Entity", "_Service"} {
		if r := off.run(`query($name: String!) { __type(name: $name) { name } }`, "name", name).ok(); r.get("__type") != "null" {
			t.Errorf("%s is served: %s", name, r.body)
		}
	}
	if strings.Contains(graph.SDL(), "_entities") || strings.Contains(graph.SDL(), "@key") {
		t.Error("the schema of clients tells of federation")
	}
}

// TestEntitiesAreWhatNodeShows asks for every sort of object as every sort of viewer, and holds
// _entities to the very answer of node.
func TestEntitiesAreWhatNodeShows(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t, func(o *auth.Options) { o.RateLimits = false })
	viewers := s.askers()
	admin, ada := viewers["an administrator"].client, s.as("ada")
	id := ada.run(me).ok().get("me.id")
	admin.run(createRole, "name", "editor", "permissions", []string{}).ok()
	admin.run(grantRole, "id", id, "role", "editor").ok()
	token := s.apiToken(ada)
	objects := map[string]any{
		"a user":            represent("User", id),
		"a session":         represent("Session", ada.run(`{ session { id } }`).ok().get("session.id")),
		"a role":            represent("Role", ada.run(`{ me { roles { id } } }`).ok().get("me.roles.0.id")),
		"an API token":      represent("ApiToken", ada.run(`{ me { apiTokens { id } } }`).ok().get("me.apiTokens.0.id")),
		"an administrator":  represent("User", admin.run(me).ok().get("me.id")),
		"the built-in role": represent("Role", admin.run(`{ me { roles { id } } }`).ok().get("me.roles.0.id")),
		"no user":           represent("User", nobody("usr_")),
		"no session":        represent("Session", nobody("ses_")),
		"no role":           represent("Role", nobody("rol_")),
		"no API token":      represent("ApiToken", nobody("tok_")),
	}
	viewers["the user"] = asker{client: ada}
	viewers["the user's API token"] = asker{client: token}
	_, fields, _ := strings.Cut(entities, "__typename")
	node := `query($id: ID!) { node(id: $id) { __typename ` + fields
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		shown := 0
		for viewer, c := range viewers {
			want := c.run(node, "id", objects[name].(map[string]any)["id"])
			got := c.ask(objects[name])
			answer, _ := json.Marshal(got.json.Data["_entities"])
			expected, _ := json.Marshal([]any{want.json.Data["node"]})
			if codes := errorCodes(got); codes != errorCodes(want) || codes == "UNAUTHENTICATED" && string(answer) != "null" ||
				codes != "UNAUTHENTICATED" && string(answer) != string(expected) {
				t.Errorf("%s gets of %s: %s; by node: %s", viewer, name, got.body, want.body)
			}
			if want.get("node") != "null" {
				shown++
			}
		}
		if none := strings.HasPrefix(name, "no "); none != (shown == 0) || shown == len(viewers) {
			t.Errorf("%s is shown to %d of %d viewers: this compares nothing", name, shown, len(viewers))
		}
	}
}

// errorCodes returns the codes of an answer's errors.
func errorCodes(r *reply) string {
	var codes []string
	for _, err := range r.json.Errors {
		codes = append(codes, err.Extensions.Code)
	}
	return strings.Join(codes, " ")
}

func TestEntitiesKeepTheirOrderAndTheirNeighbours(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	admin := s.admin()
	ada, eve := s.signUp("ada"), s.signUp("eve")
	session := admin.run(`{ session { id } }`).ok().get("session.id")
	r := admin.ask(represent("User", eve), represent("User", nobody("usr_")), represent("Session", session), represent("User", ada),
		represent("User", eve), represent("User", "42"), represent("Role", nobody("rol_")))
	for i, want := range []string{eve, "null", session, ada, eve, "null", "null"} {
		if got := r.get(fmt.Sprintf("_entities.%d.id", i)); got != want {
			t.Errorf("entity %d is %s, want %s", i, got, want)
		}
	}
	refused := map[string]string{}
	for _, err := range r.json.Errors {
		refused[fmt.Sprint(err.Path)] = err.Extensions.Code
	}
	want := map[string]string{"[_entities 1]": "NOT_FOUND", "[_entities 5]": "BAD_USER_INPUT", "[_entities 6]": "NOT_FOUND"}
	if !maps.Equal(refused, want) || r.status != 200 {
		t.Errorf("the refusals are %v, want %v", refused, want)
	}
	if admin.ask().ok().get("_entities") != "[]" {
		t.Error("nothing must be found for nothing")
	}
}

func TestAnEntityThatIsGoneIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	c := s.as("ada")
	id := c.run(`{ session { id } }`).ok().get("session.id")
	token := c.run(createAPIToken, "name", "x", "expiresAt", s.clock().Add(time.Hour).UTC().Format(time.RFC3339)).ok().get("createApiToken.apiToken.id")
	s.wait(23 * time.Hour)
	fresh := s.bearer(s.bearer("").logIn("ada"))
	fresh.ask(represent("Session", id)).ok()
	fresh.ask(represent("ApiToken", token)).refused(auth.NotFound, "")
	s.wait(2 * time.Hour)
	fresh.ask(represent("Session", id)).refused(auth.NotFound, "")
}

func TestRepresentationsOfNothingAreRefused(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	c := s.as("ada")
	id := c.run(me).ok().get("me.id")
	for name, representation := range map[string]any{
		"no object":           id,
		"a number":            1,
		"a list":              []any{represent("User", id)},
		"nothing":             map[string]any{},
		"no type":             map[string]any{"id": id},
		"null for a type":     map[string]any{"__typename": nil, "id": id},
		"a number for a type": map[string]any{"__typename": 1, "id": id},
		"an unknown type":     represent("Nothing", id),
		"an interface":        represent("Node", id),
		"the union":           represent("_Entity", id),
		"a root type":         represent("Query", id),
		"a type without key":  represent("AuditEvent", nobody("evt_")),
		"a secret's type":     represent("Credential", nobody("crd_")),
		"a type by its case":  represent("user", id),
		"no id":               map[string]any{"__typename": "User"},
		"null for an id":      map[string]any{"__typename": "User", "id": nil},
		"a number for an id":  map[string]any{"__typename": "User", "id": 42},
		"a list for an id":    map[string]any{"__typename": "User", "id": []any{id}},
		"an object for an id": map[string]any{"__typename": "User", "id": map[string]any{"id": id}},
		"another key":         map[string]any{"__typename": "User", "email": "ada@example.test"},
		"one key too many":    map[string]any{"__typename": "User", "id": id, "email": "eve@example.test"},
		"an id's case":        map[string]any{"__typename": "User", "ID": id},
		"another type's id":   represent("Session", id),
		"an empty id":         represent("User", ""),
		"another user's type": represent("User", nobody("ses_")),
	} {
		r := c.ask(representation).refused(auth.BadUserInput, "representations")
		if r.get("_entities.0") != "null" || !strings.HasPrefix(r.json.Errors[0].Message, "representations must be ") {
			t.Errorf("%s: %s", name, r.body)
		}
		s.bearer("").ask(representation).refused(auth.Unauthenticated, "")
	}
	c.ask(represent("User", "usr_1")).refused(auth.BadUserInput, "id")
	c.ask(represent("User", id+"0")).refused(auth.BadUserInput, "id")
	c.ask(represent("User", "usr_"+strings.ToUpper(id[4:]))).refused(auth.BadUserInput, "id")
	c.ask(nil).refused(auth.BadUserInput, "representations")
	for _, variable := range []any{nil, "x", 1, map[string]any{}} {
		if r := c.run(entities, "representations", variable); errorCodes(r) != "BAD_USER_INPUT" {
			t.Errorf("%v: %s", variable, r.body)
		}
	}
	// GraphQL takes a single value for a list of one, and literals for variables.
	if r := c.run(entities, "representations", represent("User", id)).ok(); r.get("_entities.0.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	if r := c.run(`query($id: ID) { _entities(representations: {__typename: "User", id: $id}) { ... on User { username } } }`, "id", id).ok(); r.get("_entities.0.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
}

func TestAFetchOfEntitiesIsBounded(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	c := s.as("ada")
	id := c.run(me).ok().get("me.id")
	many := func(n int, representation any) []any { return slices.Repeat([]any{representation}, n) }
	user := represent("User", id)
	typename := `query($r: [_Any!]!) { _entities(representations: $r) { __typename } }`
	if r := c.run(typename, "r", many(1000, user)).ok(); r.get("_entities.999.__typename") != "User" {
		t.Errorf("unexpected answer: %.300s", r.body)
	}
	for name, r := range map[string]*reply{
		"one too many":              c.run(typename, "r", many(1001, user)),
		"what is none, many times":  c.run(typename, "r", many(10_000, 1)),
		"aliases":                   c.run(`query($r: [_Any!]!) { `+aliases(`_entities(representations: $r) { __typename }`, 11)+` }`, "r", many(100, user)),
		"a fragment, spread twice":  c.run(`query($r: [_Any!]!) { ...F x: __typename ... { ...F } } fragment F on Query { a: _entities(representations: $r) { __typename } }`, "r", many(600, user)),
		"a fragment, many times":    c.run(`query($r: [_Any!]!) { ...F } fragment F on Query { `+aliases(`_entities(representations: $r) { __typename }`, 11)+` }`, "r", many(100, user)),
		"literals":                  c.run(`{ ...F ...F } fragment F on Query { _entities(representations: [` + strings.Repeat("1 ", 501) + `]) { __typename } }`),
		"lists of each":             c.run(`query($r: [_Any!]!) { _entities(representations: $r) { ... on User { sessions { id } } } }`, "r", many(300, user)),
		"lists through a fragment":  c.run(`query($r: [_Any!]!) { _entities(representations: $r) { ...E } } fragment E on _Entity { ... on Node { ...U } } fragment U on User { sessions { id } }`, "r", many(300, user)),
		"a default for a variable":  c.run(`query($r: [_Any!]! = [` + strings.Repeat("1 ", 501) + `]) { a: _entities(representations: $r) { __typename } b: _entities(representations: $r) { __typename } }`),
		"the schema, again & again": c.run(`{ ` + aliases(`_service { sdl }`, 30) + ` }`),
		"its text, again and again": c.run(`{ _service { ` + aliases(`sdl`, 30) + ` } }`),
	} {
		if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "QUERY_TOO_COMPLEX" || r.json.Data != nil {
			t.Errorf("%s: %.300s", name, r.body)
		}
	}
}

// TestEntitiesAreReadTogether compares a fetch of seventy users, for which the number of statements
// does not grow, with as many fetched one by one.
func TestEntitiesAreReadTogether(t *testing.T) { // not parallel: it measures the process
	s := newSubgraph(t, func(o *auth.Options) { o.RateLimits = false })
	admin := s.admin()
	var representations []any
	var nodes strings.Builder
	for i := range 70 {
		id := s.signUp(fmt.Sprintf("user%d", i))
		representations = append(representations, represent("User", id))
		fmt.Fprintf(&nodes, "n%d: node(id: %q) { ...F } ", i, id)
	}
	const fields = ` fragment F on User { email roles { name } can(permission: "users:read") }`
	together := func() *reply {
		return admin.run(`query($r: [_Any!]!) { _entities(representations: $r) { ...F } }`+fields, "r", representations)
	}
	oneByOne := func() *reply { return admin.run(`{ ` + nodes.String() + `}` + fields) }
	quickest := func(ask func() *reply) time.Duration {
		least := time.Hour
		for range 5 {
			before := cpuTime(t)
			ask().ok()
			least = min(least, cpuTime(t)-before)
		}
		return least
	}
	if a, b := quickest(together), quickest(oneByOne); a > b/2 {
		t.Errorf("seventy users take %v together and %v one by one", a, b)
	} else {
		t.Logf("seventy users take %v together and %v one by one", a, b)
	}
}

// TestTheSubgraphTellsItsSchemaWhereIntrospectionDoes: one setting says who learns the schema.
func TestTheSubgraphTellsItsSchemaWhereIntrospectionDoes(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	if sdl := s.bearer("").run(`{ _service { sdl } }`).ok().get("_service.sdl"); sdl != graph.SubgraphSDL() {
		t.Errorf("the schema is %.100s", sdl)
	}
	hidden := s.serve(graph.Options{Federation: true}) + "/graphql"
	s.URL = hidden
	for _, query := range []string{`{ _service { sdl } }`, `{ _service { __typename } }`, `{ ...F } fragment F on Query { x: _service { ... on _Service { sdl } } }`} {
		if r := s.bearer("").run(query).refused("GRAPHQL_VALIDATION_FAILED", ""); r.json.Data != nil {
			t.Errorf("unexpected answer: %s", r.body)
		}
	}
	c := s.as("ada")
	c.ask(represent("User", c.run(me).ok().get("me.id"))).ok()
}

func TestTheSubgraphsSchemaIsWhole(t *testing.T) {
	t.Parallel()
	if err := graph.CheckSchema(graph.SubgraphSchema()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"_entities", "_service"} {
		field := graph.SubgraphSchema().Query.Fields.ForName(name)
		if field == nil || field.Description == "" {
			t.Errorf("%s is not there, or not described", name)
		}
	}
	// What composition brings along.
	const known = `
		directive @link(url: String!, import: [String!]) repeatable on SCHEMA
		directive @composeDirective(name: String!) repeatable on SCHEMA
		directive @key(fields: String!) repeatable on OBJECT
		directive @shareable on OBJECT
	`
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: graph.SubgraphSDL() + known})
	if err != nil {
		t.Fatal(err)
	}
	for name, definition := range schema.Types {
		key := definition.Directives.ForName("key")
		if node := slices.Contains(definition.Interfaces, "Node"); node != (key != nil) || node && key.Arguments.ForName("fields").Value.Raw != "id" {
			t.Errorf("%s is a Node or has the key id, but not both", name)
		}
		if strings.HasPrefix(name, "_") && !definition.BuiltIn {
			t.Errorf("the schema for composition has %s", name)
		}
	}
	for _, member := range graph.SubgraphSchema().Types["_Entity"].Types {
		if !slices.Contains(schema.Types[member].Interfaces, "Node") {
			t.Errorf("%s is an entity and no Node", member)
		}
	}
	if len(graph.SubgraphSchema().Types["_Entity"].Types) != len(schema.PossibleTypes["Node"]) {
		t.Error("not every Node is an entity")
	}
	// Nothing that clients see is lost on the way.
	for name, definition := range graph.Schema().Types {
		composed := schema.Types[name]
		if composed == nil {
			t.Errorf("%s is lost", name)
			continue
		}
		for _, field := range definition.Fields {
			same := composed.Fields.ForName(field.Name)
			if same == nil || same.Type.String() != field.Type.String() || same.Description != field.Description || len(same.Directives) != len(field.Directives) {
				t.Errorf("%s.%s is lost or changed", name, field.Name)
			}
		}
		if len(composed.Fields) != len(definition.Fields) || len(composed.EnumValues) != len(definition.EnumValues) {
			t.Errorf("%s is not as it is served", name)
		}
	}
}

func TestAnOutageIsNoMissingEntity(t *testing.T) {
	t.Parallel()
	s := newSubgraph(t)
	c := s.admin()
	s.exec(`ALTER TABLE api_tokens RENAME TO hidden`)
	r := c.ask(represent("Role", nobody("rol_")), represent("ApiToken", nobody("tok_"))).refused("INTERNAL_SERVER_ERROR", "")
	if r.get("_entities") != "[<nil> <nil>]" || strings.Contains(r.body, "api_tokens") {
		t.Errorf("unexpected answer: %s", r.body)
	}
}
