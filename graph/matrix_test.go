package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

// asker is one column of the matrix.
type asker struct {
	*client
	signedIn    bool
	permissions []string // what they may do
	fresh       bool
	apiToken    bool
	accessToken bool
}

// TestTheMatrixOfFieldsAndViewers asks every root field, as the schema has it, as every sort of
// viewer, and holds the answer to what the field's guard says. A new field cannot be forgotten.
func TestTheMatrixOfFieldsAndViewers(t *testing.T) {
	t.Parallel()
	schema := graph.SubgraphSchema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			t.Run(root.Name+"."+field.Name, func(t *testing.T) {
				t.Parallel()
				s := newSubgraph(t, func(o *auth.Options) { o.RateLimits = false })
				operation := strings.ToLower(root.Name) + " { " + field.Name + arguments(schema, field) + selection(schema, field) + " }"
				for name, ask := range s.askers() {
					run := ask.run
					if root == schema.Subscription {
						run = ask.open
					}
					r := run(operation)
					got := ""
					for _, err := range r.json.Errors {
						if code := err.Extensions.Code; len(err.Path) <= 1 && slices.Contains([]string{"UNAUTHENTICATED", "FORBIDDEN", "REAUTHENTICATION_REQUIRED"}, code) {
							got = code
						} else if code == "GRAPHQL_VALIDATION_FAILED" || code == "INTERNAL_SERVER_ERROR" {
							t.Fatalf("%s: %s", operation, r.body)
						}
					}
					want := expected(field, root == schema.Mutation, ask)
					// A rule behind the guard may refuse what the guard lets pass, never the other way round.
					if got != want && (want != "" || got != "FORBIDDEN" && got != "REAUTHENTICATION_REQUIRED") {
						t.Errorf("%s gets %q, want %q: %.300s", name, got, want, r.body)
					}
				}
			})
		}
	}
}

// open opens a stream of events and returns the answer that refuses it, or an empty one.
func (c *client) open(operation string, _ ...any) *reply {
	c.t.Helper()
	stream := c.listen(operation)
	defer stream.response.Body.Close()
	r := &reply{t: c.t, status: stream.response.StatusCode, header: stream.response.Header}
	first, err := stream.body.Peek(1)
	if err != nil {
		c.t.Fatal(err)
	}
	switch string(first) {
	case ":": // it is open: a comment comes before the first event
		return r
	case "e":
		r.body = stream.want("next")
	default:
		body, err := io.ReadAll(stream.body)
		if err != nil {
			c.t.Fatal(err)
		}
		r.body = string(body)
	}
	if err := json.Unmarshal([]byte(r.body), &r.json); err != nil {
		c.t.Fatalf("the answer is not JSON: %s", r.body)
	}
	return r
}

// askers returns every sort of viewer.
func (s *server) askers() map[string]asker {
	s.t.Helper()
	admin := s.admin()
	all := []string(graph.Permissions())
	// Each has an account of their own, so that what one does to theirs concerns no other.
	asAdmin := func(name string) *client {
		c := s.as(name)
		admin.run(grantRole, "id", c.run(me).ok().get("me.id"), "role", "admin").ok()
		return c
	}
	asAdmin("basic")
	askers := map[string]asker{
		"nobody":                   {client: s.bearer("")},
		"a bad token":              {client: s.bearer("garbage")},
		"a plain user":             {client: s.as("plain"), signedIn: true, fresh: true},
		"an administrator":         {client: asAdmin("boss"), signedIn: true, fresh: true, permissions: all},
		"a password by Basic":      {client: s.basic("basic", password), signedIn: true, fresh: true, permissions: all},
		"a token without scopes":   {client: s.apiToken(asAdmin("scopeless")), signedIn: true, apiToken: true},
		"a token with every scope": {client: s.apiToken(asAdmin("scoped"), all...), signedIn: true, apiToken: true, permissions: all},
		"an access token":          {client: s.bearer(asAdmin("jwt").accessToken()), signedIn: true, accessToken: true, permissions: all},
	}
	for _, permission := range all {
		role := strings.ReplaceAll(permission, ":", "-")
		admin.run(createRole, "name", role, "permissions", []string{permission}).ok()
		c := s.as(role)
		admin.run(grantRole, "id", c.run(me).ok().get("me.id"), "role", role).ok()
		askers["a holder of "+permission] = asker{client: c, signedIn: true, fresh: true, permissions: []string{permission}}
	}
	disabled := s.as("disabled")
	s.disable(disabled.run(me).ok().get("me.id"))
	askers["a disabled user"] = asker{client: disabled}
	expired := s.as("expired")
	s.exec(`UPDATE sessions SET expires_at = 1 WHERE user_id IN (SELECT id FROM users WHERE username = 'expired')`)
	askers["an expired session"] = asker{client: expired}
	stale := s.as("stale")
	s.exec(`UPDATE sessions SET authenticated_at = 1 WHERE user_id IN (SELECT id FROM users WHERE username = 'stale')`)
	askers["a stale session"] = asker{client: stale, signedIn: true}
	return askers
}

// as signs a new user up and in.
func (s *server) as(name string) *client {
	s.signUp(name)
	return s.bearer(s.bearer("").logIn(name))
}

func (s *server) apiToken(owner *client, scopes ...string) *client {
	return s.bearer(owner.run(createAPIToken, "name", "x", "scopes", append([]string{}, scopes...)).ok().get("createApiToken.token"))
}

// expected returns what a field's guard says to an asker, read from the schema by other means
// than the server's.
func expected(field *ast.FieldDefinition, mutation bool, ask asker) string {
	guard := field.Directives.ForName("auth")
	if guard == nil {
		return ""
	}
	if !ask.signedIn {
		return "UNAUTHENTICATED"
	}
	var permissions []string
	if argument := guard.Arguments.ForName("permissions"); argument != nil {
		for _, child := range argument.Value.Children {
			permissions = append(permissions, child.Value.Raw)
		}
	}
	if ask.apiToken && mutation && permissions == nil {
		return "FORBIDDEN"
	}
	for _, permission := range permissions {
		if !slices.Contains(ask.permissions, permission) {
			return "FORBIDDEN"
		}
	}
	fresh := guard.Arguments.ForName("fresh")
	switch {
	case fresh == nil || fresh.Value.Raw != "true" || ask.fresh:
		return ""
	case ask.apiToken || ask.accessToken:
		return "FORBIDDEN"
	default:
		return "REAUTHENTICATION_REQUIRED"
	}
}

// arguments returns values for the arguments that a field needs: well-formed ones of nothing.
func arguments(schema *ast.Schema, field *ast.FieldDefinition) string {
	var given []string
	for _, argument := range field.Arguments {
		if argument.Type.NonNull && argument.DefaultValue == nil {
			given = append(given, argument.Name+": "+value(schema, argument.Name, argument.Type))
		}
	}
	if given == nil {
		return ""
	}
	return "(" + strings.Join(given, ", ") + ")"
}

func value(schema *ast.Schema, name string, typ *ast.Type) string {
	definition := schema.Types[typ.Name()]
	switch {
	case typ.Elem != nil:
		return "[]"
	case definition.Kind == ast.InputObject:
		var fields []string
		for _, field := range definition.Fields {
			if field.Type.NonNull && field.DefaultValue == nil {
				fields = append(fields, field.Name+": "+value(schema, field.Name, field.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case typ.Name() == "ID":
		prefix := map[string]string{"userId": "usr_"}[name]
		if prefix == "" {
			prefix = "xyz_"
		}
		return fmt.Sprintf("%q", prefix+strings.Repeat("0", 26))
	case typ.Name() == "Int":
		return "1"
	case typ.Name() == "Boolean":
		return "false"
	default:
		return `"x"`
	}
}

// selection returns the least that can be selected of a field.
func selection(schema *ast.Schema, field *ast.FieldDefinition) string {
	if definition := schema.Types[field.Type.Name()]; definition.IsCompositeType() {
		return " { __typename }"
	}
	return ""
}

// TestNestedPathsToOthersAreGuarded walks, from every root field that shows users, to what is
// private of them, as someone who may see the users and no more.
func TestNestedPathsToOthersAreGuarded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	s.bearer("").logIn("ada")
	plain := s.as("plain")
	private := []string{"roles { name }", "permissions", `can(permission: "users:read")`, "sessions { id }", "apiTokens { id }", "securityEvents { totalCount }"}
	for i, field := range private {
		// A stranger who has just signed someone up, and a plain user who asks for another.
		r := s.browser().run(fmt.Sprintf(`mutation { createUser(input: {username: "n%d", password: "%s"}) { user { %s } } }`, i, password, field))
		r.refused(auth.Unauthenticated, "")
		for _, query := range []string{`{ node(id: "%s") { ... on User { %s } } }`, `{ user(id: "%s") { %s } }`} {
			if r := plain.run(fmt.Sprintf(query, id, field)); len(r.json.Errors) != 1 || r.get("node") != "null" || r.get("user") != "null" {
				t.Errorf("%s: %s", field, r.body)
			}
		}
		admin.run(fmt.Sprintf(`{ user(id: "%s") { %s } }`, id, field)).ok()
		plain.run(fmt.Sprintf(`{ me { %s } }`, field)).ok()
	}
}
