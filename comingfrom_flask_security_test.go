package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

// This file replays the tutorial of token authentication with Flask-Security: users with roles
// and tracked log-ins, a resource by HTTP Basic, then the same by a token in a header. The calls:
//
//	User, Role                     →  type User, type Role
//	user_datastore.create_role     →  mutation createRole
//	user_datastore.create_user     →  mutations addUser and setPassword, or createUser
//	User.active                    →  User.active
//	User.confirmed_at              →  updateUser(input: {confirmed:}), User.confirmedAt
//	SECURITY_TRACKABLE             →  User.lastLoginAt, lastLoginAddress, currentLoginAt,
//	                                  currentLoginAddress, loginCount: always on
//	@http_auth_required            →  HTTP Basic, AUTHGRAPH_SCHEMES=basic
//	@auth_token_required           →  Authentication-Token, AUTHGRAPH_SCHEMES=authentication-token
//	@auth_required on one resource →  @auth(schemes:) in the schema
//	POST /login with JSON          →  mutation login, which answers the token
//	WTF_CSRF_ENABLED = False       →  nothing: the API takes JSON alone

// testExampleEntry is the user of the tutorial.
var testExampleEntry = userEntry("email", "test@example.com")

const testExampleIs = `{"data":{"me":{"email":"test@example.com"}}}`

func TestComingFromFlaskSecurityUsersAndRoles(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{adminEntry}, "AUTHGRAPH_SIGNUP=closed")
	i.script().ask(`mutation { createUser(input: {email: "test@example.com", password: %q}) { user { id } } }`, goodPassword).refused(auth.Forbidden, "")

	i.admin().ask(`mutation { createRole(input: {name: "support", description: "Helps people in.", permissions: ["users:read"]}) {
		role { name description permissions } } }`).
		is(`{"data":{"createRole":{"role":{"name":"support","description":"Helps people in.","permissions":["users:read"]}}}}`)
	added := i.admin().ask(`mutation { addUser(input: {email: "test@example.com", firstName: "Test", lastName: "Case", confirmed: true, roles: ["support"]}) {
		code user { id email firstName lastName active confirmedAt loginCount lastLoginAt roles { name description } } } }`).
		is(`{"data":{"addUser":{"code":"agp_…","user":{"id":"usr_…","email":"test@example.com","firstName":"Test","lastName":"Case",` +
			`"active":true,"confirmedAt":"…Z","loginCount":0,"lastLoginAt":null,"roles":[{"name":"support","description":"Helps people in."}]}}}}`)
	id, code := added.find(aUserID), added.find(aPasswordCode)

	const setPassword = `mutation { setPassword(input: {code: %q, password: %q}) { passwordSet } }`
	i.script().ask(setPassword, code, "test123").refused(auth.BadUserInput, "password") // the tutorial's own
	i.script().ask(setPassword, code, goodPassword).is(`{"data":{"setPassword":{"passwordSet":true}}}`).setsNoCookie()
	i.script().ask(setPassword, code, goodPassword+"!").refused(auth.InvalidCredentials, "code")

	me := i.script().basic("test@example.com", goodPassword)
	me.ask(`{ me { roles { name } permissions can(permission: "users:read") } }`).
		is(`{"data":{"me":{"roles":[{"name":"support"}],"permissions":["users:read"],"can":true}}}`)
	me.ask(`{ users { totalCount } }`).is(`{"data":{"users":{"totalCount":2}}}`)
	if roles := me.send("GET", "/auth?role=support&permission=users:read").is("").Header.Get("X-Auth-Roles"); roles != "support" {
		t.Errorf("X-Auth-Roles is %q", roles)
	}

	const confirm = `mutation { updateUser(input: {id: %q, confirmed: %t}) { user { confirmedAt } } }`
	me.ask(confirm, id, false).refused(auth.Forbidden, "")
	i.admin().ask(confirm, id, false).is(`{"data":{"updateUser":{"user":{"confirmedAt":null}}}}`)
	i.admin().ask(confirm, id, true).is(`{"data":{"updateUser":{"user":{"confirmedAt":"…Z"}}}}`)

	i.admin().ask(`mutation { revokeRole(input: {userId: %q, role: "support"}) { user { roles { name } } } }`, id).
		is(`{"data":{"revokeRole":{"user":{"roles":[]}}}}`)
	me.ask(`{ users { totalCount } }`).refused(auth.Forbidden, "")
	if status := me.send("GET", "/auth?role=support").StatusCode; status != http.StatusForbidden {
		t.Errorf("GET /auth for a role that was taken is %d", status)
	}
}

func TestComingFromFlaskSecurityTracksLogIns(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testExampleEntry})
	me := i.script().basic("test@example.com", goodPassword)
	const tracked = `{ me { loginCount currentLoginAt currentLoginAddress lastLoginAt lastLoginAddress } }`
	never := `{"data":{"me":{"loginCount":0,"currentLoginAt":null,"currentLoginAddress":null,"lastLoginAt":null,"lastLoginAddress":null}}}`
	me.ask(tracked).is(never)
	me.ask(`mutation { login(input: {identifier: "test@example.com", password: "not it at all"}) { __typename } }`).refused(auth.InvalidCredentials, "")
	me.ask(tracked).is(never) // neither HTTP Basic nor a refused log-in counts

	me.logIn("test@example.com")
	first := me.ask(tracked).is(`{"data":{"me":{"loginCount":1,"currentLoginAt":"…Z","currentLoginAddress":"127.0.0.1","lastLoginAt":null,"lastLoginAddress":null}}}`)
	me.logIn("test@example.com")
	second := me.ask(tracked).is(`{"data":{"me":{"loginCount":2,"currentLoginAt":"…Z","currentLoginAddress":"127.0.0.1","lastLoginAt":"…Z","lastLoginAddress":"127.0.0.1"}}}`)
	if !second.time("lastLoginAt").Equal(first.time("currentLoginAt")) || !second.time("currentLoginAt").After(first.time("currentLoginAt")) {
		t.Errorf("unexpected times: %s and then %s", first.body, second.body)
	}
}

func TestComingFromFlaskSecurityByHTTPBasic(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testExampleEntry}, "AUTHGRAPH_SCHEMES=basic")
	i.script().ask(whoAmI).refused(auth.Unauthenticated, "").challenges(basicChallenge).setsNoCookie()
	i.script().send("GET", "/auth").unauthorized(basicChallenge).setsNoCookie()
	i.script().basic("test@example.com", "test123").ask(whoAmI).refused(auth.Unauthenticated, "").challenges(basicChallenge)
	i.script().basic("test@example.com", goodPassword).ask(whoAmI).is(testExampleIs).setsNoCookie()
	i.script().basic("test@example.com", goodPassword).send("GET", "/auth").is("").setsNoCookie()

	// It takes nothing else.
	token := i.script().logIn("test@example.com").find(aSessionToken)
	i.script("Authentication-Token", token).ask(whoAmI).refused(auth.Unauthenticated, "").challenges(basicChallenge)
	i.script("Authorization", "Bearer "+token).ask(whoAmI).refused(auth.Unauthenticated, "").challenges(basicChallenge)
	i.script("Cookie", "authgraph_session="+token).ask(whoAmI).refused(auth.Unauthenticated, "").challenges(basicChallenge)
}

func TestComingFromFlaskSecurityByToken(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testExampleEntry}, "AUTHGRAPH_SCHEMES=authentication-token")
	i.script().ask(whoAmI).refused(auth.Unauthenticated, "").challenges()
	login := i.script().logIn("test@example.com")
	token := login.find(aSessionToken)
	curl := i.script("Authentication-Token", token)
	curl.ask(whoAmI).is(testExampleIs).setsNoCookie()
	curl.ask(`{ me { id } }`).is(`{"data":{"me":{"id":"` + login.find(aUserID) + `"}}}`)
	curl.send("GET", "/auth").is("")

	// It takes nothing else, and no token that was tampered with.
	i.script().basic("test@example.com", goodPassword).ask(whoAmI).refused(auth.Unauthenticated, "")
	i.script("Authorization", "Bearer "+token).ask(whoAmI).refused(auth.Unauthenticated, "")
	i.script("Cookie", "authgraph_session="+token).ask(whoAmI).refused(auth.Unauthenticated, "")
	i.script("Authentication-Token", strings.ToUpper(token)).ask(whoAmI).refused(auth.Unauthenticated, "")

	curl.ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`).setsNoCookie()
	curl.ask(whoAmI).refused(auth.Unauthenticated, "")
}

func TestComingFromFlaskSecurityChallenges(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testExampleEntry})
	for name, test := range map[string]struct {
		curl *newcomer
		want []string
	}{
		"nothing":             {i.script(), []string{bearerChallenge, basicChallenge}},
		"a wrong password":    {i.script().basic("test@example.com", "test123"), []string{bearerChallenge, basicChallenge}},
		"a bearer token":      {i.script("Authorization", "Bearer WyIxIiwi"), []string{refusedBearerChallenge, basicChallenge}},
		"a token in a header": {i.script("Authentication-Token", "WyIxIiwi"), []string{refusedBearerChallenge, basicChallenge}},
		"a cookie":            {i.script("Cookie", "authgraph_session=WyIxIiwi"), []string{refusedBearerChallenge, basicChallenge}},
	} {
		t.Log("presenting " + name)
		test.curl.ask(whoAmI).refused(auth.Unauthenticated, "").challenges(test.want...)
		test.curl.send("GET", "/auth").unauthorized(test.want...)
	}
}

func TestComingFromFlaskSecurityAPageMaySendTheToken(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testExampleEntry}, "AUTHGRAPH_ORIGINS=https://app.example.test")
	page := i.script("Origin", "https://app.example.test")
	preflight := page.with("Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authentication-token,content-type").send("OPTIONS", "/graphql")
	if allowed := strings.ToLower(preflight.Header.Get("Access-Control-Allow-Headers")); !strings.Contains(allowed, "authentication-token") {
		t.Errorf("the preflight allows the headers %q", allowed)
	}
}
