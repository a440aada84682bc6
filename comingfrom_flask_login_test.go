package main

import (
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// This file replays the Flask-Login tutorial: a protected resource refuses, answers after a
// log-in by cookie, and refuses again; and what Flask-Login adds to that. The calls:
//
//	POST /v1/auth/login               →  mutation login
//	GET /v1/test, @login_required     →  query me, and every field with @auth; GET /auth
//	POST /v1/auth/logout              →  mutation logout
//	the user_loader                   →  query session { user }: read anew for each request
//	is_active                         →  User.active; mutations disableUser and enableUser
//	the anonymous user                →  query session is null, without an error
//	login_user(remember=True)         →  login(input: {rememberMe: true}), AUTHGRAPH_REMEMBER_DURATION
//	login_fresh, @fresh_login_required →  Session.fresh, @auth(fresh: true)
//	confirm_login                     →  mutation reauthenticate
//	session protection                →  another User-Agent ends freshness

// testEntry is the user of the tutorial.
var testEntry = userEntry("email", "test@abc.com")

func TestComingFromFlaskLogin(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testEntry})
	curl := i.browser()
	curl.ask(`{ me { email active } }`).refused(auth.Unauthenticated, "").challenges(bearerChallenge, basicChallenge)
	curl.send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)

	curl.ask(`mutation { login(input: {identifier: "test@abc.com", password: "not it at all"}) { __typename } }`).
		refused(auth.InvalidCredentials, "").setsNoCookie()
	login := curl.ask(`mutation { login(input: {identifier: "test@abc.com", password: %q}) {
		... on LoginSuccess { user { email active createdAt } } } }`, goodPassword).
		is(`{"data":{"login":{"user":{"email":"test@abc.com","active":true,"createdAt":"…Z"}}}}`)
	if cookie := login.cookie("authgraph_session"); cookie == nil || !cookie.HttpOnly || cookie.Path != "/" {
		t.Errorf("want a guarded cookie, got %v", cookie)
	}

	curl.ask(`{ me { email active } }`).is(`{"data":{"me":{"email":"test@abc.com","active":true}}}`).setsNoCookie()
	curl.send("GET", "/auth").is("")
	curl.ask(`{ session { user { email } fresh persistent } }`).
		is(`{"data":{"session":{"user":{"email":"test@abc.com"},"fresh":true,"persistent":false}}}`)

	curl.ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`)
	curl.ask(`{ me { email } }`).refused(auth.Unauthenticated, "")
	curl.send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)
}

func TestComingFromFlaskLoginItsOwnPasswordIsRefused(t *testing.T) {
	t.Parallel()
	start(t).script().ask(`mutation { createUser(input: {email: "test@abc.com", password: "test"}) { user { id } } }`).
		refused(auth.BadUserInput, "password")
}

func TestComingFromFlaskLoginAnonymous(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testEntry})
	for name, curl := range map[string]*newcomer{
		"without a cookie":              i.script(),
		"with a cookie of another kind": i.script("Cookie", "authgraph_session=eyJfZnJlc2giOnRydWV9.B58_Qg.Ez4andKJ01l51Ltd5nDg9EyXzTQ"),
	} {
		t.Log(name)
		curl.ask(`{ session { user { email } } status { signupOpen } }`).is(`{"data":{"session":null,"status":{"signupOpen":true}}}`)
		curl.ask(`{ me { email } }`).refused(auth.Unauthenticated, "")
	}
}

func TestComingFromFlaskLoginInactiveAccounts(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testEntry, adminEntry})
	curl := i.browser()
	login := curl.logIn("test@abc.com")
	id, token := login.find(aUserID), login.find(aSessionToken)
	access := i.script().basic("test@abc.com", goodPassword).ask(`mutation { issueAccessToken { token } }`).find(anAccessToken)
	ways := map[string]*newcomer{
		"the cookie":                      curl,
		"the token as bearer":             i.script("Authorization", "Bearer "+token),
		"the token in its own header":     i.script("Authentication-Token", token),
		"the token as Basic user name":    i.script().basic(token, "x"),
		"the password by HTTP Basic":      i.script().basic("test@abc.com", goodPassword),
		"an access token":                 i.script("Authorization", "Bearer "+access),
		"an access token as a user name":  i.script().basic(access, "x"),
		"an access token in a header":     i.script("Authentication-Token", access),
		"the token as bearer, with a jar": curl.with("Authorization", "Bearer "+token),
	}
	for name, way := range ways {
		t.Log(name)
		way.ask(`{ me { email } }`).is(`{"data":{"me":{"email":"test@abc.com"}}}`)
	}

	i.admin().ask(`mutation { disableUser(input: {id: %q}) { user { active } } }`, id).
		is(`{"data":{"disableUser":{"user":{"active":false}}}}`)
	for name, way := range ways {
		t.Log(name + ", disabled")
		way.ask(`{ me { email } }`).refused(auth.Unauthenticated, "")
		if status := way.send("GET", "/auth").StatusCode; status != 401 {
			t.Errorf("%s: GET /auth is %d for a disabled user", name, status)
		}
	}
	curl.ask(`mutation { login(input: {identifier: "test@abc.com", password: %q}) { __typename } }`, goodPassword).
		refused(auth.InvalidCredentials, "").setsNoCookie()

	i.admin().ask(`mutation { enableUser(input: {id: %q}) { user { active } } }`, id).
		is(`{"data":{"enableUser":{"user":{"active":true}}}}`)
	curl.ask(`{ me { email } }`).refused(auth.Unauthenticated, "") // the old session is gone for good
	curl.logIn("test@abc.com")
	curl.ask(`{ me { email active } }`).is(`{"data":{"me":{"email":"test@abc.com","active":true}}}`)
}

func TestComingFromFlaskLoginRememberMe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		setting, rememberMe string
		wantPersistent      string
		want                time.Duration // that the browser keeps the cookie; 0 as long as it runs
	}{
		{"AUTHGRAPH_REMEMBER_DURATION=720h", "false", "false", 0},
		{"AUTHGRAPH_REMEMBER_DURATION=720h", "true", "true", 720 * time.Hour},
		{"AUTHGRAPH_REMEMBER_DURATION=31536000", "true", "true", 365 * 24 * time.Hour},
	} {
		curl := startWith(t, []string{testEntry}, test.setting).browser()
		login := curl.ask(`mutation { login(input: {identifier: "test@abc.com", password: %q, rememberMe: %s}) {
			... on LoginSuccess { session { createdAt expiresAt persistent } } } }`, goodPassword, test.rememberMe).
			is(`{"data":{"login":{"session":{"createdAt":"…Z","expiresAt":"…Z","persistent":` + test.wantPersistent + `}}}}`)
		lasts := login.time("expiresAt").Sub(login.time("createdAt"))
		if test.want > 0 && lasts != test.want || test.want == 0 && lasts != 24*time.Hour {
			t.Errorf("with %s and rememberMe %s the session lasts %s", test.setting, test.rememberMe, lasts)
		}
		if cookie := login.cookie("authgraph_session"); cookie == nil || time.Duration(cookie.MaxAge)*time.Second != test.want {
			t.Errorf("with %s and rememberMe %s want the cookie for %s, got %v", test.setting, test.rememberMe, test.want, cookie)
		}
		curl.ask(`{ me { email } }`).is(`{"data":{"me":{"email":"test@abc.com"}}}`)
	}
}

func TestComingFromFlaskLoginFreshAndStale(t *testing.T) {
	t.Parallel()
	const (
		isFresh      = `{ session { fresh } }`
		changeName   = `mutation { updateMe(input: {firstName: "Tess"}) { user { firstName } } }`
		changeEmail  = `mutation { updateMe(input: {email: "tess@abc.com"}) { user { email } } }`
		anotherAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	)
	i := startWith(t, []string{testEntry})
	curl := i.browser().with("User-Agent", "curl/8.14.1")
	curl.logIn("test@abc.com")
	curl.ask(isFresh).is(`{"data":{"session":{"fresh":true}}}`)

	// The same cookie from another user agent: still logged in, but stale.
	stale := curl.with("User-Agent", anotherAgent)
	stale.ask(isFresh).is(`{"data":{"session":{"fresh":false}}}`)
	stale.ask(changeName).is(`{"data":{"updateMe":{"user":{"firstName":"Tess"}}}}`)
	stale.ask(changeEmail).refused(auth.ReauthenticationRequired, "")

	stale.ask(`mutation { reauthenticate(input: {password: "not it at all"}) { token } }`).refused(auth.InvalidCredentials, "password").setsNoCookie()
	stale.ask(changeEmail).refused(auth.ReauthenticationRequired, "")
	proof := stale.ask(`mutation { reauthenticate(input: {password: %q}) { token session { fresh } } }`, goodPassword).
		is(`{"data":{"reauthenticate":{"token":null,"session":{"fresh":true}}}}`)
	if cookie := proof.cookie("authgraph_session"); cookie == nil || cookie.Value == "" || !cookie.HttpOnly {
		t.Errorf("want the session's new token in the cookie, got %v", cookie)
	}
	stale.ask(isFresh).is(`{"data":{"session":{"fresh":true}}}`)
	stale.ask(changeEmail).is(`{"data":{"updateMe":{"user":{"email":"tess@abc.com"}}}}`)

	// Freshness has moved there: where the log-in was, it is gone.
	curl.ask(isFresh).is(`{"data":{"session":{"fresh":false}}}`)
	curl.ask(`mutation { updateMe(input: {email: "test@abc.com"}) { user { email } } }`).refused(auth.ReauthenticationRequired, "")
}

func TestComingFromFlaskLoginAStolenOldCookieIsNeverFresh(t *testing.T) {
	t.Parallel()
	i := startWith(t, []string{testEntry})
	curl := i.browser().with("User-Agent", "curl/8.14.1")
	old := i.script("User-Agent", "curl/8.14.1", "Cookie", "authgraph_session="+curl.logIn("test@abc.com").find(aSessionToken))
	old.ask(`{ session { fresh } }`).is(`{"data":{"session":{"fresh":true}}}`)
	curl.ask(`mutation { reauthenticate(input: {password: %q}) { session { fresh } } }`, goodPassword).
		is(`{"data":{"reauthenticate":{"session":{"fresh":true}}}}`)
	old.ask(`{ session { fresh } }`).is(`{"data":{"session":{"fresh":false}}}`)
	old.ask(`mutation { deleteMe { deletedUserId } }`).refused(auth.ReauthenticationRequired, "")
	curl.ask(`mutation { deleteMe { deletedUserId } }`).is(`{"data":{"deleteMe":{"deletedUserId":"usr_…"}}}`)
}
