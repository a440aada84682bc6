package graph_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

const me = `{ me { id email roles { name } } }`

func TestLoginByCookie(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada@example.test")
	browser := s.browser()
	r := browser.run(loginMutation, "identifier", "ada@example.test", "password", password).ok()
	cookie := r.cookie("authgraph_session")
	if cookie == nil || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" ||
		cookie.Domain != "" || cookie.Secure || cookie.MaxAge != 0 || !cookie.Expires.IsZero() {
		t.Errorf("want an HttpOnly, SameSite=Lax cookie for as long as the browser runs, got %v", cookie)
	}
	if r.get("login.user.id") != id || r.get("login.session.fresh") != "true" || r.get("login.session.persistent") != "false" {
		t.Errorf("unexpected payload: %s", r.body)
	}
	if got := browser.run(me).ok().get("me.id"); got != id {
		t.Errorf("me is %q, want %q", got, id)
	}
	if got := browser.run(`{ session { user { id } } }`).ok().get("session.user.id"); got != id {
		t.Errorf("session.user is %q, want %q", got, id)
	}
}

func TestLoginByBearer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	token := s.bearer("").logIn("ada")
	if !strings.HasPrefix(token, "ags_") || len(token) != 47 {
		t.Errorf("the token is %q, want ags_ and 43 characters", token)
	}
	if got := s.bearer(token).run(me).ok().get("me.id"); got != id {
		t.Errorf("me is %q, want %q", got, id)
	}
	c := s.bearer("")
	c.headers["Authorization"] = "bearer  " + token
	if got := c.run(me).ok().get("me.id"); got != id {
		t.Errorf("the scheme's letter case must not matter: me is %q", got)
	}
}

func TestThePayloadOfLoginSeesTheNewViewer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.admin()
	r := s.browser().run(loginMutation, "identifier", "admin@example.test", "password", password).ok()
	if r.get("login.user.roles.0.name") != "admin" {
		t.Errorf("nested fields must see the user who just signed in: %s", r.body)
	}
	both := s.browser().run(`mutation { login(input: {identifier: "admin@example.test", password: "` + password + `"}) { __typename }
		logout { loggedOut } }`).ok()
	if both.get("logout.loggedOut") != "true" {
		t.Errorf("the next field must see the user who just signed in: %s", both.body)
	}
}

func TestRefusedLoginsAreAlike(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada@example.test")
	disabled := s.signUp("eve@example.test")
	s.disable(disabled)
	body := func(identifier, secret string) string {
		r := s.browser().run(loginMutation, "identifier", identifier, "password", secret).refused(auth.InvalidCredentials, "")
		if len(r.cookies) > 0 {
			t.Errorf("a refused log-in sets a cookie: %v", r.cookies)
		}
		return strings.ReplaceAll(r.body, r.json.Errors[0].Extensions.RequestID, "ID")
	}
	want := body("ada@example.test", "a wrong password")
	for name, got := range map[string]string{
		"an unknown email":           body("nobody@example.test", password),
		"an unknown user name":       body("nobody", password),
		"no possible identifier":     body("no one; DROP TABLE users", password),
		"a disabled user":            body("eve@example.test", password),
		"a disabled user's mistake":  body("eve@example.test", "a wrong password"),
		"the password in capitals":   body("ada@example.test", strings.ToUpper(password)),
		"the password and one space": body("ada@example.test", password+" "),
	} {
		if got != want {
			t.Errorf("%s is told from a wrong password:\n%s\n%s", name, got, want)
		}
	}
}

// disable shuts a user out, as an administrator does.
func (s *server) disable(id string) {
	s.t.Helper()
	user, err := s.store.UserByID(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	user.DisabledAt = model.NewTime(s.clock())
	if err := s.store.UpdateUser(s.t.Context(), user); err != nil {
		s.t.Fatal(err)
	}
}

func TestLoginRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, test := range []struct{ identifier, password, field string }{
		{"", password, "identifier"},
		{"ada", "", "password"},
		{"ada\x00", password, "identifier"},
		{strings.Repeat("x", 255), password, "identifier"},
		{"ada", strings.Repeat("x", 257), "password"},
		{"ada", "a\x00bcdefgh", "password"},
		{"ada\uFFFD", password, "identifier"},
	} {
		s.browser().run(loginMutation, "identifier", test.identifier, "password", test.password).refused(auth.BadUserInput, test.field)
	}
}

func TestEveryLoginStartsANewSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	first := browser.logIn("ada")
	second := browser.logIn("ada")
	if first == second {
		t.Error("a log-in must not keep the session that it was asked with")
	}
	s.bearer(first).run(me).refused(auth.Unauthenticated, "")
	s.bearer(second).run(me).ok()

	planted := s.withCookie("ags_" + strings.Repeat("A", 43))
	if token := planted.logIn("ada"); token == "ags_"+strings.Repeat("A", 43) {
		t.Error("a log-in must not take over a planted token")
	}
}

func TestRememberMe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	r := s.browser().run(loginMutation, "identifier", "ada", "password", password, "rememberMe", true).ok()
	cookie := r.cookie("authgraph_session")
	if cookie == nil || cookie.MaxAge != int((30*24*time.Hour).Seconds()) || r.get("login.session.persistent") != "true" {
		t.Errorf("want a cookie for 30 days, got %v", cookie)
	}
	kept := s.withCookie(cookie.Value)
	s.wait(29 * 24 * time.Hour)
	kept.run(me).ok()
	s.wait(24 * time.Hour)
	kept.run(me).refused(auth.Unauthenticated, "")
}

func TestSessionsEndWithTheirDuration(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = time.Minute })
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	s.wait(time.Minute - time.Millisecond)
	s.bearer(token).run(me).ok()
	s.wait(time.Millisecond)
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
	if r := s.bearer(token).run(`{ session { id } }`).ok(); r.get("session") != "null" {
		t.Errorf("an ended session must not show: %s", r.body)
	}
}

func TestADurationOfZeroNeverEnds(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration, o.RememberDuration = 0, 0 })
	s.signUp("ada")
	r := s.browser().run(loginMutation, "identifier", "ada", "password", password, "rememberMe", true).ok()
	if r.get("login.session.expiresAt") != "null" {
		t.Errorf("want no end: %s", r.body)
	}
	const year = 365 * 24 * time.Hour
	cookie := r.cookie("authgraph_session")
	if cookie.MaxAge != int((400 * 24 * time.Hour).Seconds()) {
		t.Errorf("want the longest cookie that browsers keep, got %d s", cookie.MaxAge)
	}
	s.wait(20 * 24 * time.Hour)
	if r := s.withCookie(cookie.Value).run(me).ok(); r.cookie("authgraph_session") != nil {
		t.Error("a young cookie must not be sent again")
	}
	s.wait(11 * 24 * time.Hour)
	again := s.withCookie(cookie.Value).run(me).ok().cookie("authgraph_session")
	if again == nil || again.Value != cookie.Value || again.MaxAge != cookie.MaxAge {
		t.Errorf("want the cookie again after a month, got %v", again)
	}
	if r := s.withCookie(cookie.Value).run(me).ok(); r.cookie("authgraph_session") != nil {
		t.Error("a cookie must be sent again once")
	}
	s.wait(10 * year)
	s.withCookie(cookie.Value).run(me).ok()
}

func TestUnderHTTPSTheCookieIsBoundToTheHost(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.Cookie.Secure = true })
	s.signUp("ada")
	r := s.browser().run(loginMutation, "identifier", "ada", "password", password).ok()
	cookie := r.cookie("__Host-authgraph_session")
	if cookie == nil || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" {
		t.Fatalf("want a Secure cookie named __Host-, got %v", r.cookies)
	}
	for _, name := range []string{"authgraph_session", "__host-authgraph_session", "__Host-Authgraph_session"} {
		c := s.bearer("")
		c.headers["Cookie"] = name + "=" + cookie.Value
		c.run(me).refused(auth.Unauthenticated, "")
	}
}

func TestSessionsSurviveARestart(t *testing.T) {
	t.Parallel()
	before := newServer(t)
	id := before.signUp("ada")
	token := before.bearer("").logIn("ada")
	ended := before.bearer("").logIn("ada")
	before.bearer(ended).run(`mutation { logout { loggedOut } }`).ok()
	if err := before.store.Close(); err != nil {
		t.Fatal(err)
	}
	after := newServerAt(t, before.address)
	if got := after.bearer(token).run(me).ok().get("me.id"); got != id {
		t.Errorf("me is %q, want %q", got, id)
	}
	after.bearer(ended).run(me).refused(auth.Unauthenticated, "")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	token := browser.logIn("ada")
	other := s.bearer("").logIn("ada")
	r := browser.run(`mutation { logout { loggedOut } }`).ok()
	if cookie := r.cookie("authgraph_session"); r.get("logout.loggedOut") != "true" || cookie == nil || cookie.MaxAge >= 0 {
		t.Errorf("want the session ended and the cookie deleted: %s %v", r.body, r.cookies)
	}
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
	s.withCookie(token).run(me).refused(auth.Unauthenticated, "")
	s.bearer(other).run(me).ok()

	for name, nobody := range map[string]*client{"no credential": s.browser(), "an ended session": s.bearer(token), "a bad cookie": s.withCookie("x")} {
		if got := nobody.run(`mutation { logout { loggedOut } }`).ok().get("logout.loggedOut"); got != "false" {
			t.Errorf("logout with %s: loggedOut is %s", name, got)
		}
	}
	if r := s.bearer(other).run(`mutation { logout { loggedOut } }`).ok(); len(r.cookies) > 0 {
		t.Errorf("a log-out by token must leave the browser's cookie alone: %v", r.cookies)
	}
}

func TestEndedSessionsAreSwept(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = time.Hour })
	s.signUp("ada")
	for range 3 {
		s.bearer("").logIn("ada")
	}
	s.wait(30 * time.Minute)
	live := s.bearer("").logIn("ada")
	s.wait(31 * time.Minute)
	now := model.NewTime(s.clock())
	for want := range []int{2, 1, 0} {
		removed, err := s.store.DeleteExpiredSessions(t.Context(), now, 2)
		if err != nil || removed != []int{2, 1, 0}[want] {
			t.Fatalf("removed %d sessions, %v", removed, err)
		}
	}
	s.bearer(live).run(me).ok()
}
