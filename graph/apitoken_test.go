package graph_test

import (
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

const (
	createAPIToken = `mutation($name: String!, $scopes: [String!]! = [], $expiresAt: DateTime) {
		createApiToken(input: {name: $name, scopes: $scopes, expiresAt: $expiresAt}) { token apiToken { id name scopes createdAt expiresAt lastUsedAt } }
	}`
	revokeAPIToken = `mutation($id: ID!) { revokeApiToken(input: {id: $id}) { apiToken { id name } } }`
	apiTokens      = `{ me { apiTokens { id name scopes lastUsedAt expiresAt } } }`
)

func TestAPITokens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	r := admin.run(createAPIToken, "name", "reporting", "scopes", []string{"users:read", "users:read"}).ok()
	token, id := r.get("createApiToken.token"), r.get("createApiToken.apiToken.id")
	if !strings.HasPrefix(token, "agt_") || len(token) != 47 || r.get("createApiToken.apiToken.scopes") != "[users:read]" || r.get("createApiToken.apiToken.lastUsedAt") != "null" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	list := admin.run(apiTokens).ok()
	if list.get("me.apiTokens.0.id") != id || strings.Contains(list.body, token[4:]) {
		t.Errorf("want the token listed and not shown: %s", list.body)
	}
	c := s.bearer(token)
	c.run(`{ users { totalCount } me { id permissions can(permission: "users:read") no: can(permission: "users:write") } session { id } }`).ok()
	if got := c.run(`{ me { permissions } }`).ok().get("me.permissions"); got != "[users:read]" {
		t.Errorf("a token may do %s", got)
	}
	used := admin.run(apiTokens).ok().get("me.apiTokens.0.lastUsedAt")
	s.wait(30 * time.Second)
	c.run(me).ok()
	if again := admin.run(apiTokens).ok().get("me.apiTokens.0.lastUsedAt"); used == "null" || again != used {
		t.Errorf("the use must be noted, at most once a minute: %s, %s", used, again)
	}
	s.wait(30 * time.Second)
	c.run(me).ok()
	if again := admin.run(apiTokens).ok().get("me.apiTokens.0.lastUsedAt"); again == used {
		t.Error("a later use is not noted")
	}
	admin.run(revokeAPIToken, "id", id).ok()
	c.run(me).refused(auth.Unauthenticated, "")
	admin.run(revokeAPIToken, "id", id).refused(auth.NotFound, "")
}

func TestAPITokensChangeNothingOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	all := []string{"users:read", "users:write", "roles:read", "roles:write"}
	r := admin.run(createAPIToken, "name", "all", "scopes", all).ok()
	c := s.bearer(r.get("createApiToken.token"))
	victim := s.signUp("ada")
	for _, mutation := range []string{
		`mutation { createApiToken(input: {name: "more"}) { token } }`,
		`mutation { revokeApiToken(input: {id: "` + r.get("createApiToken.apiToken.id") + `"}) { apiToken { id } } }`,
		`mutation { issueAccessToken { token } }`,
		`mutation { renewSession { token } }`,
		`mutation { reauthenticate(input: {password: "` + password + `"}) { token } }`,
		`mutation { changePassword(input: {currentPassword: "` + password + `", newPassword: "another good password"}) { user { id } } }`,
		`mutation { updateMe(input: {firstName: "X"}) { user { id } } }`,
		`mutation { revokeOtherSessions { count } }`,
		`mutation { deleteMe { deletedUserId } }`,
		`mutation { grantRole(input: {userId: "` + victim + `", role: "admin"}) { user { id } } }`,
		`mutation { createPasswordCode(input: {userId: "` + victim + `"}) { code } }`,
		`mutation { addUser(input: {username: "eve"}) { code } }`,
	} {
		if r := c.run(mutation); len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "FORBIDDEN" {
			t.Errorf("%s: %s", mutation, r.body)
		}
	}
	if got := c.run(`mutation { logout { loggedOut } }`).ok().get("logout.loggedOut"); got != "false" {
		t.Error("an API token has no session to log out of")
	}
	c.run(`mutation($id: ID!) { disableUser(input: {id: $id}) { user { active } } }`, "id", victim).ok() // by its scope
}

func TestCreateAPITokenRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.browser()
	c.logIn("ada")
	for _, test := range []struct {
		code      auth.Code
		field     string
		variables []any
	}{
		{auth.BadUserInput, "name", []any{"name", ""}},
		{auth.BadUserInput, "name", []any{"name", "a\nb"}},
		{auth.BadUserInput, "name", []any{"name", strings.Repeat("x", 101)}},
		{auth.BadUserInput, "scopes", []any{"name", "x", "scopes", []string{"no:such"}}},
		{auth.Forbidden, "scopes", []any{"name", "x", "scopes", []string{"users:read"}}},
		{auth.BadUserInput, "expiresAt", []any{"name", "x", "expiresAt", "2020-01-01T00:00:00Z"}},
		{auth.BadUserInput, "expiresAt", []any{"name", "x", "expiresAt", "tomorrow"}},
	} {
		c.run(createAPIToken, test.variables...).refused(test.code, test.field)
	}
	if got := c.run(apiTokens).ok().get("me.apiTokens"); got != "[]" {
		t.Errorf("a refused token is left: %s", got)
	}
}

func TestAPITokensExpire(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.browser()
	c.logIn("ada")
	end := s.clock().Add(time.Hour).UTC().Format(time.RFC3339)
	token := s.bearer(c.run(createAPIToken, "name", "x", "expiresAt", end).ok().get("createApiToken.token"))
	token.run(me).ok()
	s.wait(time.Hour)
	token.run(me).refused(auth.Unauthenticated, "")
	if got := c.run(apiTokens).ok().get("me.apiTokens"); got != "[]" {
		t.Errorf("an expired token is listed: %s", got)
	}
}

func TestAPITokensBelongToTheirOwner(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	s.signUp("eve")
	ada, eve := s.browser(), s.browser()
	ada.logIn("ada")
	eve.logIn("eve")
	r := ada.run(createAPIToken, "name", "x").ok()
	id := r.get("createApiToken.apiToken.id")
	node := `query($id: ID!) { node(id: $id) { ... on ApiToken { name } } }`
	ada.run(node, "id", id).ok()
	eve.run(node, "id", id).refused(auth.NotFound, "")
	eve.run(revokeAPIToken, "id", id).refused(auth.NotFound, "")
	s.bearer(r.get("createApiToken.token")).run(me).ok()
	s.admin().run(revokeAPIToken, "id", id).ok()
	s.bearer(r.get("createApiToken.token")).run(me).refused(auth.Unauthenticated, "")
}
