package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store/storetest"
)

const (
	revokeSession  = `mutation($id: ID!) { revokeSession(input: {id: $id}) { session { id } } }`
	renewSession   = `mutation { renewSession { token session { id expiresAt } } }`
	reauthenticate = `mutation($password: String!) { reauthenticate(input: {password: $password}) { token session { id fresh } } }`
	sessions       = `{ me { sessions { id current fresh persistent address lastSeenAt device { name client system kind } } } }`
)

func TestSessionsAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	firefox := s.with("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0")
	firefox.headers["Authorization"] = "Bearer " + firefox.logIn("ada")
	phone := s.with("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1")
	phone.headers["Authorization"] = "Bearer " + phone.logIn("ada")
	r := firefox.run(sessions).ok()
	for path, want := range map[string]string{
		"0.device.name": "Safari on iOS", "0.device.kind": "MOBILE", "0.current": "false", "0.address": "127.0.0.1",
		"1.device.name": "Firefox on Windows", "1.device.kind": "DESKTOP", "1.current": "true", "1.fresh": "true",
	} {
		if got := r.get("me.sessions." + path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if strings.Contains(r.body, "ags_") {
		t.Error("the list shows a token")
	}
	firefox.run(revokeSession, "id", r.get("me.sessions.0.id")).ok()
	phone.run(me).refused(auth.Unauthenticated, "")
	firefox.run(me).ok()
	firefox.run(revokeSession, "id", r.get("me.sessions.0.id")).refused(auth.NotFound, "")

	s.signUp("eve")
	eve := s.bearer(s.bearer("").logIn("eve"))
	eve.run(revokeSession, "id", r.get("me.sessions.1.id")).refused(auth.NotFound, "")
	firefox.run(me).ok()
	s.admin().run(revokeSession, "id", r.get("me.sessions.1.id")).ok()
	firefox.run(me).refused(auth.Unauthenticated, "")
}

func TestOtherSessionsAreRevoked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	var all []*client
	for range 3 {
		all = append(all, s.bearer(s.bearer("").logIn("ada")))
	}
	if got := all[0].run(`mutation { revokeOtherSessions { count } }`).ok().get("revokeOtherSessions.count"); got != "2" {
		t.Errorf("count is %s", got)
	}
	all[0].run(me).ok()
	all[1].run(me).refused(auth.Unauthenticated, "")
	all[2].run(me).refused(auth.Unauthenticated, "")
	if got := s.basic("ada", password).run(`mutation { revokeOtherSessions { count } }`).ok().get("revokeOtherSessions.count"); got != "1" {
		t.Errorf("count is %s", got)
	}
	all[0].run(me).refused(auth.Unauthenticated, "")

	again := s.bearer(s.bearer("").logIn("ada"))
	revokeSessions := `mutation($id: ID!) { revokeSessions(input: {userId: $id}) { count } }`
	again.run(revokeSessions, "id", id).refused(auth.Forbidden, "")
	if got := s.admin().run(revokeSessions, "id", id).ok().get("revokeSessions.count"); got != "1" {
		t.Errorf("count is %s", got)
	}
	again.run(me).refused(auth.Unauthenticated, "")
}

func TestTheOldestSessionGoes(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.MaxSessions = 2 })
	s.signUp("ada")
	var tokens []string
	for range 3 {
		tokens = append(tokens, s.bearer("").logIn("ada"))
	}
	s.bearer(tokens[0]).run(me).refused(auth.Unauthenticated, "")
	s.bearer(tokens[1]).run(me).ok()
	s.bearer(tokens[2]).run(me).ok()
}

func TestIdleSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.IdleDuration = 10 * time.Minute })
	s.signUp("ada")
	used, unused := s.bearer(s.bearer("").logIn("ada")), s.bearer(s.bearer("").logIn("ada"))
	for range 5 {
		s.wait(9 * time.Minute)
		used.run(me).ok()
	}
	unused.run(me).refused(auth.Unauthenticated, "")
	if got := len(strings.Fields(used.run(sessions).ok().list("me.sessions", "id"))); got != 1 {
		t.Errorf("%d sessions are listed", got)
	}
	s.wait(10 * time.Minute)
	used.run(me).refused(auth.Unauthenticated, "")
}

func TestLastSeenIsExactToAMinute(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	seen := func() string { return c.run(sessions).ok().get("me.sessions.0.lastSeenAt") }
	first := seen()
	s.wait(30 * time.Second)
	if seen() != first {
		t.Error("every read writes")
	}
	s.wait(30 * time.Second)
	c.run(me).ok()
	if seen() == first {
		t.Error("the use of a session is not noted")
	}
}

// One by one, a server that many use would write all the time.
func TestUsesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		idle  time.Duration
		wrote int
	}{
		{"where sessions end at a time alone", 0, 0},
		{"where sessions end by disuse, and other servers decide by it", time.Hour, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *auth.Options) { o.IdleDuration = test.idle })
			s.signUp("ada")
			var clients []*client
			for range 3 {
				clients = append(clients, s.bearer(s.bearer("").logIn("ada")))
			}
			s.wait(10 * time.Minute)
			written := func() int {
				return storetest.Number(t, s.address, "SELECT count(*) FROM sessions WHERE last_seen_at > created_at + 60000000")
			}
			for _, c := range clients {
				c.run(me).ok()
			}
			if got := written(); got != test.wrote {
				t.Errorf("%d of 3 uses are written at once, want %d", got, test.wrote)
			}
			s.auth.Close()
			if got := written(); got != 3 {
				t.Errorf("%d of 3 uses are written in the end", got)
			}
		})
	}
}

func TestRenewalLogsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	first := s.bearer("").logIn("ada")
	id := s.bearer(first).run(`{ session { id } }`).ok().get("session.id")
	renewed := s.bearer(first).run(renewSession).ok()
	second := renewed.get("renewSession.token")
	if second == first || renewed.get("renewSession.session.id") != id || len(renewed.cookies) > 0 {
		t.Fatalf("want a new token for the same session: %s", renewed.body)
	}
	// The answer may get lost: the old token still works and gets the same successor.
	s.wait(time.Hour)
	s.bearer(first).run(me).ok()
	if again := s.bearer(first).run(renewSession).ok().get("renewSession.token"); again != second {
		t.Error("a second renewal by the same token gives another one")
	}
	// The successor is used: the old one works for half a minute more, for the other tab.
	s.bearer(second).run(me).ok()
	s.wait(29 * time.Second)
	s.bearer(first).run(me).ok()
	if again := s.bearer(first).run(renewSession).ok().get("renewSession.token"); again != second {
		t.Error("a second tab gets another token")
	}
	third := s.bearer(second).run(renewSession).ok().get("renewSession.token")
	if again := s.bearer(first).run(renewSession).ok().get("renewSession.token"); again != third {
		t.Error("an old tab must get the newest token")
	}
	s.bearer(third).run(me).ok()
}

func TestAStolenTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	first := s.bearer("").logIn("ada")
	other := s.bearer("").logIn("ada")
	second := s.bearer(first).run(renewSession).ok().get("renewSession.token")
	s.bearer(second).run(me).ok()
	s.wait(31 * time.Second)
	s.bearer(first).run(me).refused(auth.Unauthenticated, "")
	s.bearer(second).run(me).refused(auth.Unauthenticated, "")
	s.bearer(other).run(me).ok()
	if got := s.count("SELECT count(*) FROM audit_events WHERE kind = 'TOKEN_REUSED' AND user_id = '" + id + "'"); got != 1 {
		t.Errorf("the theft is recorded %d times", got)
	}
}

func TestATokenOfLongAgoIsStillKnownForAThief(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	first := s.bearer("").logIn("ada")
	token := first
	for range 4 {
		token = s.bearer(token).run(renewSession).ok().get("renewSession.token")
		s.bearer(token).run(me).ok()
		s.wait(time.Minute)
	}
	s.bearer(first).run(me).refused(auth.Unauthenticated, "")
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
}

func TestRenewalByCookieKeepsTheTokenFromScripts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	first := browser.logIn("ada")
	r := browser.run(renewSession).ok()
	cookie := r.cookie("authgraph_session")
	if r.get("renewSession.token") != "null" || cookie == nil || cookie.Value == first || strings.Contains(r.body, cookie.Value) {
		t.Errorf("want a new cookie and no token: %s %v", r.body, r.cookies)
	}
	browser.run(me).ok()
}

func TestRenewalDoesNotPutOffTheEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = time.Hour })
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	for range 5 {
		s.wait(10 * time.Minute)
		token = s.bearer(token).run(renewSession).ok().get("renewSession.token")
	}
	s.wait(10 * time.Minute)
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
}

func TestFiftyRenewalsAtOnceAgree(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	successors := make([]string, 50)
	var wg sync.WaitGroup
	for i := range successors {
		wg.Go(func() { successors[i] = s.bearer(token).run(renewSession).ok().get("renewSession.token") })
	}
	wg.Wait()
	if distinct := slices.Compact(slices.Sorted(slices.Values(successors))); len(distinct) != 1 || distinct[0] == token {
		t.Errorf("%d successors", len(distinct))
	}
	s.bearer(successors[0]).run(me).ok()
}

func TestRenewalSurvivesARestart(t *testing.T) {
	t.Parallel()
	before := newServer(t)
	before.signUp("ada")
	first := before.bearer("").logIn("ada")
	second := before.bearer(first).run(renewSession).ok().get("renewSession.token")
	after := newServerAt(t, before.address)
	if again := after.bearer(first).run(renewSession).ok().get("renewSession.token"); again != second {
		t.Error("another server gives another successor")
	}
	after.bearer(second).run(me).ok()
}

func TestRenewalNeedsTheSessionsOwnToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	access := s.bearer(s.bearer("").logIn("ada")).accessToken()
	for name, c := range map[string]*client{"an access token": s.bearer(access), "a password": s.basic("ada", password)} {
		for _, mutation := range []string{renewSession, reauthenticate} {
			if r := c.run(mutation, "password", password); len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "FORBIDDEN" {
				t.Errorf("by %s: %s", name, r.body)
			}
		}
	}
	s.bearer("").run(renewSession).refused(auth.Unauthenticated, "")
}

func TestStepUp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	createToken := `mutation { createApiToken(input: {name: "ci"}) { token } }`
	s.bearer(token).run(createToken).ok()
	s.wait(5*time.Minute - time.Second)
	s.bearer(token).run(createToken).ok()
	s.wait(time.Second)
	stale := s.bearer(token)
	stale.run(createToken).refused(auth.ReauthenticationRequired, "")
	stale.run(`mutation { updateMe(input: {firstName: "Ada"}) { user { id } } }`).ok()
	stale.run(`mutation { updateMe(input: {username: "ada"}) { user { id } } }`).ok() // no change
	stale.run(`mutation { updateMe(input: {username: "ada2"}) { user { id } } }`).refused(auth.ReauthenticationRequired, "")
	stale.run(`mutation { updateMe(input: {email: "ada@example.test"}) { user { id } } }`).refused(auth.ReauthenticationRequired, "")
	stale.run(`mutation { deleteMe { deletedUserId } }`).refused(auth.ReauthenticationRequired, "")
	stale.run(`mutation { changePassword(input: {currentPassword: "`+password+`", newPassword: "another good password"}) { user { id } } }`).
		refused(auth.ReauthenticationRequired, "")

	stale.run(reauthenticate, "password", "a wrong password").refused(auth.InvalidCredentials, "password")
	r := stale.run(reauthenticate, "password", password).ok()
	if r.get("reauthenticate.session.fresh") != "true" || r.get("reauthenticate.token") == token {
		t.Errorf("want a fresh session under a new token: %s", r.body)
	}
	stale.run(me).ok()
	stale.run(createToken).refused(auth.ReauthenticationRequired, "") // the old token never becomes fresh
	fresh := s.bearer(r.get("reauthenticate.token"))
	fresh.run(createToken).ok()

	// From another user agent the session goes on, but is no longer fresh.
	moved := s.bearer(r.get("reauthenticate.token"))
	moved.headers["User-Agent"] = "another program"
	moved.run(me).ok()
	if moved.run(`{ session { fresh } }`).ok().get("session.fresh") != "false" {
		t.Error("the session is fresh for another user agent")
	}
	moved.run(createToken).refused(auth.ReauthenticationRequired, "")
	moved.headers["Authorization"] = "Bearer " + moved.run(reauthenticate, "password", password).ok().get("reauthenticate.token")
	moved.run(createToken).ok()

	s.basic("ada", password).run(createToken).ok()
	s.bearer(fresh.accessToken()).run(createToken).refused(auth.Forbidden, "")
}

func TestTrackedLogins(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	const tracked = `{ me { loginCount lastLoginAt lastLoginAddress currentLoginAt currentLoginAddress } }`
	first := s.bearer(s.bearer("").logIn("ada")).run(tracked).ok()
	if first.get("me.loginCount") != "1" || first.get("me.lastLoginAt") != "null" || first.get("me.currentLoginAt") == "null" || first.get("me.currentLoginAddress") != "127.0.0.1" {
		t.Errorf("after one log-in: %s", first.body)
	}
	s.browser().run(loginMutation, "identifier", "ada", "password", "a wrong password").refused(auth.InvalidCredentials, "")
	second := s.bearer(s.bearer("").logIn("ada")).run(tracked).ok()
	if second.get("me.loginCount") != "2" || second.get("me.lastLoginAt") != first.get("me.currentLoginAt") || second.get("me.lastLoginAddress") != "127.0.0.1" {
		t.Errorf("after two log-ins: %s", second.body)
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for i := range 3 {
		s.signUp(fmt.Sprint("user", i))
		s.browser().logIn(fmt.Sprint("user", i))
	}
	s.disable(s.signUp("eve"))
	const stats = `{ stats { users activeUsers sessions loginsToday } }`
	r := admin.run(stats).ok()
	for field, want := range map[string]string{"users": "5", "activeUsers": "4", "sessions": "4", "loginsToday": "4"} {
		if got := r.get("stats." + field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	s.wait(24 * time.Hour)
	if got := s.admin2().run(stats).ok().get("stats.loginsToday"); got != "1" {
		t.Errorf("loginsToday is %s the day after", got)
	}
	plain := s.browser()
	plain.logIn("user0")
	plain.run(stats).refused(auth.Forbidden, "")
}

// admin2 logs the administrator in again.
func (s *server) admin2() *client {
	c := s.browser()
	c.logIn("admin@example.test")
	return c
}
