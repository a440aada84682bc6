package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// This file replays the session authentication API over Flask, with its user bob@hbtn.io. The
// calls, of which all but the status need its AUTH_TYPE:
//
//	AUTH_TYPE=basic_auth         →  AUTHGRAPH_SCHEMES=basic
//	AUTH_TYPE=session_auth       →  AUTHGRAPH_SCHEMES=cookie AUTHGRAPH_SESSION_DURATION=0
//	AUTH_TYPE=session_exp_auth   →  AUTHGRAPH_SCHEMES=cookie AUTHGRAPH_SESSION_DURATION=60
//	the same, kept in a file     →  AUTHGRAPH_DATABASE=sqlite:FILE
//	SESSION_NAME                 →  AUTHGRAPH_SESSION_COOKIE
//	GET /status, /stats          →  query status, query stats
//	GET /users, /users/:id       →  query users, query user(id:)
//	GET /users/me                →  query me
//	POST /users                  →  mutation createUser
//	PUT and DELETE /users/:id    →  mutations updateUser and deleteUser
//	GET /unauthorized            →  UNAUTHENTICATED, and 401 over GET /auth
//	GET /forbidden               →  FORBIDDEN, and 403 over GET /auth
//	POST /auth_session/login     →  mutation login
//	DELETE /auth_session/logout  →  mutation logout
//	DELETE /auth_session with
//	email and password           →  mutation revokeOtherSessions by HTTP Basic

// bobsPassword is the one of the walk-through, which the policy takes.
const bobsPassword = "H0lbertonSchool98!"

const (
	bobEntry = `{"email": "bob@hbtn.io", "password": "` + bobsPassword + `"}`
	bobIs    = `{"data":{"me":{"email":"bob@hbtn.io"}}}`
	whoAmI   = `{ me { email } }`
	bobIn    = `mutation { login(input: {identifier: "bob@hbtn.io", password: "` + bobsPassword + `"}) {
		... on LoginSuccess { token session { createdAt expiresAt } } } }`
)

func startSessionAPI(t *testing.T, environ ...string) *instance {
	return startWith(t, []string{bobEntry, adminEntry}, append([]string{"AUTHGRAPH_SESSION_COOKIE=_my_session_id"}, environ...)...)
}

// asBob returns bob by HTTP Basic, with the header of the walk-through.
func asBob(i *instance) *newcomer {
	return i.script("Authorization", "Basic Ym9iQGhidG4uaW86SDBsYmVydG9uU2Nob29sOTgh")
}

func TestComingFromASessionAPITheSchemesAreASetting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, setting             string
		takesBasic, takesSessions bool
		challenges                []string
	}{
		{"Basic only", "AUTHGRAPH_SCHEMES=basic", true, false, []string{basicChallenge}},
		{"sessions only", "AUTHGRAPH_SCHEMES=cookie", false, true, nil},
		{"both", "AUTHGRAPH_SCHEMES=basic,cookie", true, true, []string{basicChallenge}},
	} {
		i := startSessionAPI(t, test.setting)
		login := i.browser().ask(bobIn).is(`{"data":{"login":{…}}}`)
		withSession := i.script("Cookie", "_my_session_id="+login.find(aSessionToken))
		for _, way := range []struct {
			name  string
			curl  *newcomer
			taken bool
		}{{"HTTP Basic", asBob(i), test.takesBasic}, {"a session", withSession, test.takesSessions}} {
			t.Log(test.name + ", asked by " + way.name)
			if way.taken {
				way.curl.ask(whoAmI).is(bobIs).setsNoCookie()
				if status := way.curl.send("GET", "/auth").StatusCode; status != http.StatusOK {
					t.Errorf("GET /auth is %d", status)
				}
			} else {
				way.curl.ask(whoAmI).refused(auth.Unauthenticated, "").challenges(test.challenges...)
				way.curl.send("GET", "/auth").unauthorized(test.challenges...)
			}
		}
	}
}

func TestComingFromASessionAPIAServerWithoutCookiesSetsNone(t *testing.T) {
	t.Parallel()
	i := startSessionAPI(t, "AUTHGRAPH_SCHEMES=basic")
	i.script().ask(bobIn).is(`{"data":{"login":{…}}}`).setsNoCookie()
}

func TestComingFromASessionAPIHowLongSessionsLast(t *testing.T) {
	t.Parallel()
	infinite := startSessionAPI(t, "AUTHGRAPH_SESSION_DURATION=0").browser()
	login := infinite.ask(bobIn).is(`{"data":{"login":{"token":"ags_…","session":{"createdAt":"…Z","expiresAt":null}}}}`)
	cookie := login.cookie("_my_session_id")
	if cookie == nil || cookie.Value != login.find(aSessionToken) || cookie.Path != "/" || !cookie.HttpOnly || cookie.MaxAge != 0 {
		t.Errorf("want a guarded cookie for as long as the browser runs, got %v", cookie)
	}
	infinite.ask(whoAmI).is(bobIs)

	expiring := startSessionAPI(t, "AUTHGRAPH_SESSION_DURATION=60").browser()
	login = expiring.ask(bobIn).is(`{"data":{"login":{"token":"ags_…","session":{"createdAt":"…Z","expiresAt":"…Z"}}}}`)
	if lasts := login.time("expiresAt").Sub(login.time("createdAt")); lasts != time.Minute {
		t.Errorf("the session lasts %s, want 60 seconds", lasts)
	}
	expiring.ask(whoAmI).is(bobIs)
}

// time returns the first point in time with this name in the answer.
func (o *outcome) time(name string) time.Time {
	o.t.Helper()
	moment, err := time.Parse(`"`+name+`":"`+time.RFC3339Nano+`"`, o.find(`"`+name+`":"[^"]*"`))
	if err != nil {
		o.t.Fatal(err)
	}
	return moment
}

func TestComingFromASessionAPISessionsOutliveTheServer(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := startSessionAPI(t, database...)
	curl := i.browser()
	curl.ask(bobIn).is(`{"data":{"login":{…}}}`)
	curl.ask(whoAmI).is(bobIs)
	if err := i.shutDown(); err != nil {
		t.Fatal(err)
	}
	curl.instance = startSessionAPI(t, database...) // the users are there already
	curl.ask(whoAmI).is(bobIs)
	curl.ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`)
	curl.ask(whoAmI).refused(auth.Unauthenticated, "")
}

func TestComingFromASessionAPIStatusAndStats(t *testing.T) {
	t.Parallel()
	i := startSessionAPI(t)
	i.script().ask(`{ status { signupOpen } }`).is(`{"data":{"status":{"signupOpen":true}}}`)
	i.script().send("GET", "/healthz").is("ok\n")
	i.script().send("GET", "/readyz").is("ready\n")
	i.script().ask(`{ stats { users } }`).refused(auth.Unauthenticated, "")
	asBob(i).ask(`{ stats { users } }`).refused(auth.Forbidden, "")
	i.script().ask(bobIn).is(`{"data":{"login":{…}}}`)
	i.admin().ask(`{ stats { users activeUsers sessions loginsToday } }`).
		is(`{"data":{"stats":{"users":2,"activeUsers":2,"sessions":1,"loginsToday":1}}}`)
}

func TestComingFromASessionAPIUsers(t *testing.T) {
	t.Parallel()
	i := startSessionAPI(t)
	i.script().ask(`mutation { createUser(input: {email: "eve@hbtn.io", password: ""}) { user { id } } }`).refused(auth.BadUserInput, "password")
	i.script().ask(`mutation { createUser(input: {password: "fake pwd"}) { user { id } } }`).refused(auth.BadUserInput, "email")
	created := i.script().ask(`mutation { createUser(input: {email: "eve@hbtn.io", password: "fake pwd", firstName: "Eve"}) {
		user { id email firstName lastName createdAt updatedAt } } }`).
		is(`{"data":{"createUser":{"user":{"id":"usr_…","email":"eve@hbtn.io","firstName":"Eve","lastName":null,"createdAt":"…Z","updatedAt":"…Z"}}}}`).
		setsNoCookie()
	if !created.time("createdAt").Equal(created.time("updatedAt")) || time.Since(created.time("createdAt")).Abs() > time.Minute {
		t.Errorf("unexpected times: %s", created.body)
	}
	id := created.find(aUserID)
	i.script().ask(`mutation { createUser(input: {email: "EVE@hbtn.io", password: "fake pwd"}) { user { id } } }`).refused(auth.AlreadyExists, "email")

	i.admin().ask(`{ users { totalCount nodes { email firstName lastName } } }`).
		is(`{"data":{"users":{"totalCount":3,"nodes":[{"email":"bob@hbtn.io","firstName":null,"lastName":null},` +
			`{"email":"admin@example.test","firstName":null,"lastName":null},{"email":"eve@hbtn.io","firstName":"Eve","lastName":null}]}}}`)
	i.admin().ask(`{ user(id: %q) { email } }`, id).is(`{"data":{"user":{"email":"eve@hbtn.io"}}}`)

	updated := i.admin().ask(`mutation { updateUser(input: {id: %q, firstName: null, lastName: "Moneypenny"}) {
		user { email firstName lastName createdAt updatedAt } } }`, id).
		is(`{"data":{"updateUser":{"user":{"email":"eve@hbtn.io","firstName":null,"lastName":"Moneypenny","createdAt":"…Z","updatedAt":"…Z"}}}}`)
	if !updated.time("createdAt").Equal(created.time("createdAt")) || !updated.time("updatedAt").After(created.time("updatedAt")) {
		t.Errorf("unexpected times after the change: %s and before: %s", updated.body, created.body)
	}

	i.admin().ask(`mutation { deleteUser(input: {id: %q}) { deletedUserId } }`, id).is(`{"data":{"deleteUser":{"deletedUserId":"` + id + `"}}}`)
	i.admin().ask(`{ user(id: %q) { email } }`, id).refused(auth.NotFound, "")
	i.admin().ask(`mutation { deleteUser(input: {id: %q}) { deletedUserId } }`, id).refused(auth.NotFound, "")
	i.script().basic("eve@hbtn.io", "fake pwd").ask(whoAmI).refused(auth.Unauthenticated, "")
}

func TestComingFromASessionAPIUnauthorizedAndForbidden(t *testing.T) {
	t.Parallel()
	i := startSessionAPI(t)
	const all = `{ users { nodes { email } } }`
	i.script().ask(all).refused(auth.Unauthenticated, "").challenges(bearerChallenge, basicChallenge)
	i.script().basic("bob@hbtn.io", "fake pwd").ask(all).refused(auth.Unauthenticated, "").challenges(bearerChallenge, basicChallenge)
	i.script("Authorization", "Basic not/base64!").ask(all).refused(auth.Unauthenticated, "")
	asBob(i).ask(all).refused(auth.Forbidden, "").challenges()

	i.script().send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)
	i.script().basic("bob@hbtn.io", "fake pwd").send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)
	for path, want := range map[string]int{"/auth": 200, "/auth?role=admin": 403, "/auth?permission=users:read": 403} {
		if got := asBob(i).send("GET", path).StatusCode; got != want {
			t.Errorf("%s is %d for bob, want %d", path, got, want)
		}
		if got := i.admin().send("GET", path); got.StatusCode != http.StatusOK || got.Header.Get("X-Auth-Roles") != "admin" || got.Header.Get("X-Auth-User") == "" {
			t.Errorf("%s is %d with %v for the administrator", path, got.StatusCode, got.Header)
		}
	}
	for name, operation := range map[string]string{
		"show":   `{ user(id: "usr_00000000000000000000000000") { email } }`,
		"update": `mutation { updateUser(input: {id: "usr_00000000000000000000000000", lastName: "x"}) { user { id } } }`,
		"delete": `mutation { deleteUser(input: {id: "usr_00000000000000000000000000"}) { deletedUserId } }`,
	} {
		t.Log(name)
		i.script().ask("%s", operation).refused(auth.Unauthenticated, "")
		asBob(i).ask("%s", operation).refused(auth.Forbidden, "")
	}
}

func TestComingFromASessionAPILogInAndOut(t *testing.T) {
	t.Parallel()
	i := startSessionAPI(t)
	curl := i.browser()
	curl.ask(`mutation { login(input: {identifier: "bob@hbtn.io", password: "fake pwd"}) { __typename } }`).refused(auth.InvalidCredentials, "").setsNoCookie()
	curl.ask(bobIn).is(`{"data":{"login":{…}}}`)
	curl.ask(whoAmI).is(bobIs)
	curl.ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`)
	curl.ask(whoAmI).refused(auth.Unauthenticated, "")

	// DELETE /auth_session with email and password: wherever bob is logged in, he is not any more.
	desk, phone := i.browser(), i.browser()
	desk.ask(bobIn).is(`{"data":{"login":{…}}}`)
	phone.ask(bobIn).is(`{"data":{"login":{…}}}`)
	const everywhere = `mutation { revokeOtherSessions { count } }`
	i.script().basic("bob@hbtn.io", "fake pwd").ask(everywhere).refused(auth.Unauthenticated, "")
	desk.ask(whoAmI).is(bobIs)
	asBob(i).ask(everywhere).is(`{"data":{"revokeOtherSessions":{"count":2}}}`).setsNoCookie()
	desk.ask(whoAmI).refused(auth.Unauthenticated, "")
	phone.ask(whoAmI).refused(auth.Unauthenticated, "")
	asBob(i).ask(everywhere).is(`{"data":{"revokeOtherSessions":{"count":0}}}`)
}

func TestComingFromASessionAPIPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.test"
	for _, test := range []struct {
		name, origins, origin, wantOrigin, wantCredentials string
	}{
		{"a listed origin", app, app, app, "true"},
		{"an origin that is not listed", app, "https://evil.test", "", ""},
		{"any origin, without cookies", "*", app, "*", ""},
	} {
		i := startSessionAPI(t, "AUTHGRAPH_ORIGINS="+test.origins)
		token := i.script().ask(bobIn).find(aSessionToken)
		page := i.script("Origin", test.origin)
		for step, o := range map[string]*outcome{
			"the preflight": page.with("Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type").send("OPTIONS", "/graphql"),
			"status":        page.ask(`{ status { signupOpen } }`),
			"me":            page.with("Authorization", "Bearer "+token).ask(whoAmI),
		} {
			if got := o.Header.Get("Access-Control-Allow-Origin"); got != test.wantOrigin {
				t.Errorf("%s: %s allows the origin %q, want %q", test.name, step, got, test.wantOrigin)
			}
			if got := o.Header.Get("Access-Control-Allow-Credentials"); got != test.wantCredentials {
				t.Errorf("%s: %s allows credentials %q, want %q", test.name, step, got, test.wantCredentials)
			}
		}
	}
}

func TestComingFromASessionAPILogInFromAPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.test"
	listed := startSessionAPI(t, "AUTHGRAPH_ORIGINS="+app).browser().with("Origin", app)
	if listed.ask(bobIn).is(`{"data":{"login":{…}}}`).cookie("_my_session_id") == nil {
		t.Error("a page of a listed origin gets no cookie")
	}
	listed.ask(whoAmI).is(bobIs)

	i := startSessionAPI(t, "AUTHGRAPH_ORIGINS=*")
	token := i.script("Origin", app).ask(bobIn).is(`{"data":{"login":{…}}}`).setsNoCookie().find(aSessionToken)
	i.script("Origin", app, "Authorization", "Bearer "+token).ask(whoAmI).is(bobIs)
}
