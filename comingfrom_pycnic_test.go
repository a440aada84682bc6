package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

// This file replays the full authentication example of pycnic: a database in memory with one
// user, a log-in that sets a cookie, a greeting for who is logged in, a log-out. The calls:
//
//	start with a user "foo"  →  AUTHGRAPH_DATABASE=sqlite::memory: AUTHGRAPH_USERS_FILE=users.json
//	the cookie "session_id"  →  AUTHGRAPH_SESSION_COOKIE=session_id
//	POST /login              →  mutation login, which answers the token that the cookie holds
//	GET or POST /home        →  query me { username }; the client builds the greeting
//	POST /logout             →  mutation logout
//	a 401 error              →  UNAUTHENTICATED, and 401 over GET /auth

func startPycnic(t *testing.T) *instance {
	return startWith(t, []string{userEntry("username", "foo"), adminEntry}, "AUTHGRAPH_SESSION_COOKIE=session_id")
}

func TestComingFromPycnic(t *testing.T) {
	t.Parallel()
	i := startPycnic(t)
	curl := i.browser()

	curl.ask(`{ me { username } }`).refused(auth.Unauthenticated, "")

	login := curl.logIn("foo")
	cookie := login.cookie("session_id")
	if cookie == nil || cookie.Value != login.find(aSessionToken) || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
		t.Fatalf("want the answered token in a guarded cookie, got %v and %s", cookie, login.body)
	}

	home := curl.ask(`{ me { username } }`).is(`{"data":{"me":{"username":"foo"}}}`)
	_, username, _ := strings.Cut(home.body, `"username":"`)
	username, _, _ = strings.Cut(username, `"`)
	if greeting := "Hello, " + username; greeting != "Hello, foo" {
		t.Errorf("the greeting is %q", greeting)
	}

	logout := curl.ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`)
	if cleared := logout.cookie("session_id"); cleared == nil || cleared.MaxAge >= 0 || cleared.Value != "" {
		t.Errorf("log-out must delete the cookie, got %v", cleared)
	}
	curl.ask(`{ me { username } }`).refused(auth.Unauthenticated, "")
	curl.send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)

	// The session itself is deleted: whoever kept its cookie or its token has nothing.
	kept := i.script("Cookie", "session_id="+cookie.Value)
	kept.ask(`{ me { username } }`).refused(auth.Unauthenticated, "").challenges(refusedBearerChallenge, basicChallenge)
	kept.send("GET", "/auth").unauthorized(refusedBearerChallenge, basicChallenge)
	i.script("Authorization", "Bearer "+cookie.Value).ask(`{ me { username } }`).refused(auth.Unauthenticated, "")
	i.admin().ask(`{ stats { sessions } }`).is(`{"data":{"stats":{"sessions":0}}}`)
}

func TestComingFromPycnicNotLoggedInIsNoError(t *testing.T) {
	t.Parallel()
	i := startPycnic(t)
	i.script().ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":false}}}`)
	i.script("Cookie", "session_id=of-nobody").ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":false}}}`)
}

func TestComingFromPycnicMissingFieldsAreNoWrongCredentials(t *testing.T) {
	t.Parallel()
	curl := startPycnic(t).script()
	curl.ask(`mutation { login(input: {identifier: "", password: "foo"}) { __typename } }`).refused(auth.BadUserInput, "identifier").setsNoCookie()
	curl.ask(`mutation { login(input: {identifier: "foo", password: ""}) { __typename } }`).refused(auth.BadUserInput, "password").setsNoCookie()
	curl.ask(`mutation { login(input: {identifier: "foo"}) { __typename } }`).refused("GRAPHQL_VALIDATION_FAILED", "").setsNoCookie()

	wrong := curl.ask(`mutation { login(input: {identifier: "foo", password: "foo"}) { __typename } }`).refused(auth.InvalidCredentials, "").setsNoCookie()
	unknown := curl.ask(`mutation { login(input: {identifier: "bar", password: "foo"}) { __typename } }`).refused(auth.InvalidCredentials, "").setsNoCookie()
	withoutID := func(o *outcome) string { return strings.ReplaceAll(o.body, o.Header.Get("X-Request-Id"), "") }
	if withoutID(wrong) != withoutID(unknown) {
		t.Errorf("a wrong password is told from an unknown user:\n%s\n%s", wrong.body, unknown.body)
	}
}

func TestComingFromPycnicItsOwnPasswordIsRefused(t *testing.T) {
	t.Parallel()
	file := usersFile(t, `{"username": "foo", "password": "foo"}`)
	err := run(t.Context(), nil, append(newDatabase(t), "AUTHGRAPH_ADDR=127.0.0.1:0", file),
		console{in: strings.NewReader(""), out: io.Discard, err: io.Discard})
	if err == nil || !strings.HasPrefix(err.Error(), "AUTHGRAPH_USERS_FILE: user 1: ") || !strings.Contains(err.Error(), "password must be at least 8 characters long") {
		t.Errorf("the start ends with %v", err)
	}
	start(t).script().ask(`mutation { createUser(input: {username: "foo", password: "foo"}) { user { id } } }`).refused(auth.BadUserInput, "password")
}
