package graph_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

func TestTheSchemasGuardsAreWhole(t *testing.T) {
	t.Parallel()
	if err := graph.CheckSchema(graph.Schema()); err != nil {
		t.Error(err)
	}
	file, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(graph.SDL(), string(file)) { // types of one's own follow
		t.Error("graph.SDL does not begin with schema.graphqls: run `go generate ./...`")
	}
}

// TestAnIDIsTheObjectsOwn: clients keep what they got by its id, so a payload whose field id is
// somebody else's would take the place of what they know of that one.
func TestAnIDIsTheObjectsOwn(t *testing.T) {
	t.Parallel()
	for name, definition := range graph.Schema().Types {
		if definition.Kind != ast.Object || definition.Fields.ForName("id") == nil || name == "AuditEvent" {
			continue
		}
		if !slices.Contains(definition.Interfaces, "Node") {
			t.Errorf("%s has a field id and is no Node", name)
		}
	}
}

func TestAMistakeInAGuardStopsTheStart(t *testing.T) {
	t.Parallel()
	const directives = `
		directive @public on FIELD_DEFINITION
		directive @auth(roles: [String!], permissions: [String!], fresh: Boolean! = false) on FIELD_DEFINITION
		directive @permission(name: String!, description: String!) repeatable on SCHEMA
		schema @permission(name: "notes:read", description: "") { query: Query mutation: Mutation }
		type Mutation { login: Int @public }
		type Note { text: String secret: String @auth }
	`
	for _, test := range []struct{ query, want string }{
		{`note: Note @auth`, ""},
		{`note: Note @public`, ""},
		{`note: Note @auth(permissions: ["notes:read"])`, ""},
		{`note: Note @auth(permissions: ["notes:write"])`, ""},
		{`note: Note`, "Query.note has neither @auth nor @public"},
		{`note: Note @auth @public`, "Query.note has both"},
		{`note: Note @auth(roles: [])`, "Query.note has an empty list of roles"},
		{`note: Note @auth(permissions: [])`, "Query.note has an empty list of permissions"},
		{`note: Note @auth(permissions: "notes:raed")`, `"notes:raed", which no @permission declares`},
		{`note: Note @auth(roles: [""])`, "Query.note has an empty name among the roles"},
		{`note: Note @auth(permissions: ["notes:raed"])`, `"notes:raed", which no @permission declares`},
	} {
		schema, err := gqlparser.LoadSchema(&ast.Source{Input: directives + "type Query { me: Int @public }"},
			&ast.Source{Input: `extend schema @permission(name: "notes:write", description: "")`},
			&ast.Source{Input: "extend type Query { " + test.query + " }"})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := graph.CheckSchema(schema); err != nil {
			got = err.Error()
		}
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.query, got, test.want)
		}
	}
	nested, err := gqlparser.LoadSchema(&ast.Source{Input: directives + `type Query { note: Note @public } extend type Note { more: Int @auth(permissions: ["x:y"]) }`})
	if err != nil {
		t.Fatal(err)
	}
	if err := graph.CheckSchema(nested); err == nil {
		t.Error("the guards of nested fields must be checked too")
	}
}

func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	describe := func(what, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for name, definition := range graph.SubgraphSchema().Types {
		if definition.BuiltIn {
			continue
		}
		describe(name, definition.Description)
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			describe(name+"."+field.Name, field.Description)
			for _, argument := range field.Arguments {
				describe(name+"."+field.Name+"."+argument.Name, argument.Description)
			}
		}
		for _, value := range definition.EnumValues {
			describe(name+"."+value.Name, value.Description)
		}
	}
	for name, directive := range graph.SubgraphSchema().Directives {
		if directive.Position.Src.BuiltIn {
			continue
		}
		describe("@"+name, directive.Description)
		for _, argument := range directive.Arguments {
			describe("@"+name+"."+argument.Name, argument.Description)
		}
	}
}

func TestTheSchemaPublishesTheRulesNames(t *testing.T) {
	t.Parallel()
	for _, code := range []auth.Code{auth.Unauthenticated, auth.Forbidden, auth.ReauthenticationRequired, auth.InvalidCredentials,
		auth.BadUserInput, auth.NotFound, auth.AlreadyExists, auth.Overloaded, "BAD_REQUEST", "INTERNAL_SERVER_ERROR",
		"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "PERSISTED_QUERY_NOT_FOUND", "DOCUMENT_NOT_TRUSTED"} {
		if !graph.ErrorCode(code).IsValid() {
			t.Errorf("the enum ErrorCode lacks %s", code)
		}
	}
	for _, scheme := range []auth.Scheme{auth.SchemeCookie, auth.SchemeBearer} {
		if !graph.AuthScheme(scheme).IsValid() {
			t.Errorf("the enum AuthScheme lacks %s", scheme)
		}
	}
	for _, permission := range []string{auth.UsersRead, auth.RolesRead} {
		if !slices.Contains(graph.Permissions(), permission) {
			t.Errorf("the schema does not declare the permission %s", permission)
		}
	}
}

func TestThePlaygroundsExamplesFitTheSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../playground/src/operations/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no example operations: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := gqlparser.LoadQueryWithRules(graph.Schema(), string(text), nil); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
