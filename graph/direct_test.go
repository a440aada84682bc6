package graph_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store/storetest"
)

// TestWhatIsWrittenDirectlyIsWhatGqlgenWrites asks a thousand operations that chance makes of the
// schema, of an endpoint that writes objects directly and of one where gqlgen executes each field,
// by people who may see much, little and nothing.
func TestWhatIsWrittenDirectlyIsWhatGqlgenWrites(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	byGqlgen := httptest.NewServer(graph.NewHandlerByGqlgen(s.auth, graph.Options{Introspection: true, Log: s.auth.Log}))
	t.Cleanup(byGqlgen.Close)
	admin := s.admin()
	storetest.People(t, s.store, 8)
	s.signUp("ada@example.test")
	ada := s.browser()
	ada.logIn("ada@example.test")
	asking := map[string]*client{"the administrator": admin, "a user": ada, "nobody": s.browser()}
	ids := []string{
		admin.run(`{ me { id } }`).get("me.id"), ada.run(`{ me { id } }`).get("me.id"),
		ada.run(`{ session { id } }`).get("session.id"), admin.run(`{ roles { id } }`).get("roles.0.id"), "usr_nobody",
	}
	answered := 0
	for seed := range uint64(1000) {
		made := operations{Rand: rand.New(rand.NewPCG(seed, 0)), schema: graph.Schema(), ids: ids}
		operation := made.query()
		for who, c := range asking {
			direct := c.run(operation)
			other := *c
			other.url = byGqlgen.URL
			gqlgen := other.run(operation)
			if got, want := comparable(direct), comparable(gqlgen); got != want {
				t.Fatalf("%s asks %s\n%s\ngqlgen answers\n%s", who, operation, got, want)
			}
			if len(direct.json.Errors) == 0 {
				answered++
			}
		}
	}
	if answered < 500 {
		t.Errorf("only %d operations were answered without an error", answered)
	}
}

// comparable returns an answer without what differs each time: the order of errors, which depends
// on what gqlgen was done with first, and the ids of requests.
func comparable(r *reply) string {
	var errors []string
	for _, err := range r.json.Errors {
		errors = append(errors, fmt.Sprint(err.Path, err.Extensions.Code, err.Extensions.Field, err.Message))
	}
	slices.Sort(errors)
	data, _, _ := strings.Cut(r.body[strings.Index(r.body, `"data"`)+1:], `"extensions"`)
	if len(errors) > 0 {
		data = fmt.Sprint(r.json.Data)
	}
	return fmt.Sprintf("%d %s %v", r.status, data, errors)
}

// operations makes operations by chance.
type operations struct {
	*rand.Rand
	schema *ast.Schema
	ids    []string
	named  int
}

func (o *operations) among(names ...string) string { return names[o.IntN(len(names))] }

// query returns a query of one field, or sometimes of two.
func (o *operations) query() string {
	field := func() string {
		name := o.among("me", "users", "roles", "user", "node", "session", "auditLog", "stats", "status")
		return o.field(o.schema.Query.Fields.ForName(name), 5)
	}
	if o.IntN(8) == 0 {
		return "{ first: __typename " + field() + " }"
	}
	if o.IntN(8) == 0 {
		return "{ " + field() + " ... on Query { " + field() + " } }"
	}
	return "{ " + field() + " }"
}

// field returns a field with what it needs, and what it leads to as deep as that.
func (o *operations) field(field *ast.FieldDefinition, depth int) string {
	text := field.Name
	if o.IntN(5) == 0 {
		o.named++
		text = fmt.Sprintf("as%d: %s", o.named, text)
	}
	switch {
	case field.Arguments.ForName("id") != nil:
		text += fmt.Sprintf("(id: %q)", o.among(o.ids...))
	case field.Arguments.ForName("first") != nil:
		text += fmt.Sprintf("(first: %d)", 1+o.IntN(4))
	case field.Arguments.ForName("permission") != nil:
		text += `(permission: "users:read")`
	}
	text += o.among("", "", "", "", " @include(if: true)", " @skip(if: true)")
	definition := o.schema.Types[field.Type.Name()]
	if definition.IsLeafType() {
		return text
	}
	return text + o.selection(definition, depth-1)
}

// selection returns what is asked of a type: at the least its name.
func (o *operations) selection(definition *ast.Definition, depth int) string {
	if definition.IsAbstractType() {
		text := " { __typename"
		for _, possible := range o.schema.GetPossibleTypes(definition) {
			text += " ... on " + possible.Name + o.selection(possible, depth)
		}
		return text + " }"
	}
	text := " {" + o.among(" __typename", "", "")
	for range 1 + o.IntN(6) {
		field := definition.Fields[o.IntN(len(definition.Fields))]
		leaf := o.schema.Types[field.Type.Name()].IsLeafType()
		if !leaf && depth == 0 {
			continue
		}
		asked := o.field(field, depth)
		switch o.IntN(8) {
		case 0:
			asked = "... on " + definition.Name + " { " + asked + " }"
		case 1:
			if leaf {
				asked += " " + asked // the same twice counts once
			}
		}
		text += " " + asked
	}
	if strings.HasSuffix(text, "{") {
		text += " __typename"
	}
	return text + " }"
}
