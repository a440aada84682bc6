package graph_test

import (
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store/storetest"
)

func TestAStranger(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.browser().run(`{ me { id } session { id } status { errorCodes } }`).refused(auth.Unauthenticated, "")
	if r.status != 200 || r.get("me") != "null" || r.get("session") != "null" || r.get("status.errorCodes.0") != "UNAUTHENTICATED" {
		t.Errorf("a refused field must leave its neighbours alone: %s", r.body)
	}
	if got := r.header.Get("WWW-Authenticate"); got != `Bearer realm="authgraph"` {
		t.Errorf("WWW-Authenticate is %q", got)
	}
	if r := s.browser().run(`{ status { signupOpen } }`).ok(); r.header.Get("WWW-Authenticate") != "" {
		t.Error("an answer without a refusal must not ask for credentials")
	}
}

func TestABadCredentialIsNeverGood(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	flip := func(i int) string {
		letter := string(token[i])
		if flipped := strings.ToUpper(letter); flipped != letter {
			return token[:i] + flipped + token[i+1:]
		}
		return token[:i] + strings.ToLower(letter) + token[i+1:]
	}
	bad := []string{"x", "ags_", "null", token[:len(token)-1], token + "A", token + "=", "AGS_" + token[4:], token[4:],
		"agt_" + token[4:], strings.Repeat("A", 10_000), token + "%00", "' OR 1=1 --", token[:46] + "!"}
	for i := 4; i < len(token); i++ {
		if flipped := flip(i); flipped != token {
			bad = append(bad, flipped)
		}
	}
	for _, value := range bad {
		for kind, c := range map[string]*client{"bearer": s.bearer(value), "cookie": s.withCookie(value)} {
			if kind == "cookie" && strings.ContainsAny(value, " !'") {
				continue // not a cookie value: net/http does not pass it on
			}
			r := c.run(`{ me { id } status { signupOpen } session { id } }`).refused(auth.Unauthenticated, "")
			if r.get("status.signupOpen") != "true" || r.get("session") != "null" {
				t.Fatalf("public fields must still answer to a bad %s: %s", kind, r.body)
			}
			if got := r.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="invalid_token"`) {
				t.Errorf("WWW-Authenticate is %q", got)
			}
			if len(r.cookies) > 0 {
				t.Errorf("a read must not touch the cookie: %v", r.cookies)
			}
		}
	}
	overwritten := s.withCookie("garbage").run(loginMutation, "identifier", "ada", "password", password).ok()
	if cookie := overwritten.cookie("authgraph_session"); cookie == nil || cookie.Value == "garbage" {
		t.Errorf("a log-in must overwrite a bad cookie: %v", cookie)
	}
}

func TestTheFirstCredentialPresentDecides(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, eve := s.signUp("ada"), s.signUp("eve")
	c := s.withCookie(s.bearer("").logIn("eve"))

	c.headers["Authorization"] = "Bearer " + s.bearer("").logIn("ada")
	if got := c.run(me).ok().get("me.id"); got != ada {
		t.Error("the header must win over the cookie")
	}
	c.headers["Authorization"] = "Bearer garbage"
	c.run(me).refused(auth.Unauthenticated, "")
	for name, absent := range map[string]string{"an empty token": "Bearer ", "a scheme that is not ours": "Negotiate abc"} {
		c.headers["Authorization"] = absent
		if got := c.run(me).ok().get("me.id"); got != eve {
			t.Errorf("%s must count as absent", name)
		}
	}
	c = s.bearer("")
	c.url += "?access_token=" + s.bearer("").logIn("ada")
	c.run(me).refused(auth.Unauthenticated, "")
}

func TestADisabledUserIsShutOutAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	token := s.bearer("").logIn("ada")
	s.disable(id)
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
	s.withCookie(token).run(me).refused(auth.Unauthenticated, "")
}

func TestAnOutageIsNotAnAbsence(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*client{"bearer": s.bearer(token), "cookie": s.withCookie(token)} {
		for _, query := range []string{
			`{ me { id } }`,
			`{ session { id } }`,
			`{ node(id: "usr_` + strings.Repeat("0", 26) + `") { id } }`,
			`{ users { totalCount } }`,
			`mutation { logout { loggedOut } }`,
			`mutation { login(input: {identifier: "ada", password: "` + password + `"}) { __typename } }`,
			`mutation { createUser(input: {username: "eve", password: "` + password + `"}) { user { id } } }`,
		} {
			r := c.run(query).refused("INTERNAL_SERVER_ERROR", "")
			if strings.Contains(r.body, "sql") || strings.Contains(r.body, "closed") || len(r.cookies) > 0 {
				t.Errorf("%s: %s tells internals: %s", name, query, r.body)
			}
			if r.header.Get("WWW-Authenticate") != "" {
				t.Errorf("%s: %s asks for credentials during an outage", name, query)
			}
			if id := r.json.Errors[0].Extensions.RequestID; !strings.Contains(s.log.String(), id) || r.header.Get("X-Request-Id") != id {
				t.Errorf("the log does not tell of request %s", id)
			}
		}
	}
	if !strings.Contains(s.log.String(), "database is closed") {
		t.Error("the log must tell the cause")
	}
}

func TestALockedDatabaseIsAnOutage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	release := storetest.Lock(t, s.address, "sessions IN EXCLUSIVE MODE")
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused("INTERNAL_SERVER_ERROR", "")
	release()
	s.browser().run(loginMutation, "identifier", "ada", "password", password).ok()
}

func TestSecretsStayOutOfLogsAndAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const canary = "canary-Zx81-horse-battery"
	input := map[string]any{"email": "ada@example.test", "password": canary}
	s.browser().run(createUserMutation, "input", input).ok()
	token := s.browser().run(loginMutation, "identifier", "ada@example.test", "password", canary).ok().get("login.token")
	bodies := []string{
		s.browser().run(loginMutation, "identifier", "ada@example.test", "password", canary+"x").body,
		s.browser().run(loginMutation, "identifier", canary, "password", canary+"x").body,
		s.browser().run(createUserMutation, "input", map[string]any{"email": canary, "password": canary}).body,
		s.browser().run(loginMutation, "identifier", map[string]any{canary: canary}, "password", []string{canary}).body,
		s.browser().post(`{"query": "{ me { id } }", "variables": {"password": "` + canary + `"`).body,
		s.browser().post(canary).body,
		s.browser().run(`mutation { login(input: {identifier: "` + canary + `", password: 17}) { __typename } }`).body,
		s.bearer(canary).run(me).body,
	}
	for _, body := range bodies {
		if strings.Contains(body, canary) {
			t.Errorf("an answer quotes a secret: %s", body)
		}
	}
	s.bearer(token).run(me).ok()
	if log := s.log.String(); strings.Contains(log, canary) || strings.Contains(log, token) || strings.Contains(log, token[4:]) {
		t.Error("the log holds a secret")
	}
	log := s.log.String()
	for _, want := range []string{`"name":"LogIn"`, `"kind":"mutation"`, `"errors":["INVALID_CREDENTIALS"]`, `"viewer":"usr_`, `"requestId":"req_`, `"session":"ses_`, `"address":"127.0.0.1"`, `"milliseconds":`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
