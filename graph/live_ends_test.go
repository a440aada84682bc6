package graph_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// TestAStreamEndsWithItsCredential opens a stream by each kind of credential, in each way, and ends
// the credential in each way in which it can.
func TestAStreamEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	type way struct {
		name string
		end  func(s *server)
		told string // "" for nothing
	}
	logOut := way{"log-out", func(s *server) { s.session.run(`mutation { logout { loggedOut } }`).ok() }, "SIGNED_OUT of a session"}
	revoked := way{"revocation", func(s *server) {
		id := s.session.run(`{ session { id } }`).ok().get("session.id")
		s.adminClient.run(`mutation($id: ID!) { revokeSession(input: {id: $id}) { session { id } } }`, "id", id).ok()
	}, "SESSION_REVOKED of a session"}
	allRevoked := way{"revocation of all", func(s *server) {
		s.adminClient.run(`mutation($id: ID!) { revokeSessions(input: {userId: $id}) { count } }`, "id", s.adaID).ok()
	}, "SESSION_REVOKED of a session"}
	disabled := way{"disabling", func(s *server) { s.adminClient.run(disableUser, "id", s.adaID).ok() }, "ACCOUNT_DISABLED"}
	deleted := way{"deletion", func(s *server) { s.adminClient.run(deleteUser, "id", s.adaID).ok() }, "ACCOUNT_DELETED"}
	newPassword := way{"a new password", func(s *server) {
		code := s.adminClient.run(passwordCode, "id", s.adaID).ok().get("createPasswordCode.code")
		s.browser().run(setPassword, "code", code, "password", anotherGood).ok()
	}, "PASSWORD_CHANGED"}
	expiry := way{"its end", func(s *server) { s.wait(100 * 24 * time.Hour) }, ""}
	tokenRevoked := way{"revocation", func(s *server) {
		id := s.session.run(`{ me { apiTokens { id } } }`).ok().get("me.apiTokens.0.id")
		s.session.run(`mutation($id: ID!) { revokeApiToken(input: {id: $id}) { apiToken { id } } }`, "id", id).ok()
	}, ""}
	gone := way{"its disappearance", func(s *server) { s.exec("DELETE FROM sessions"); s.exec("DELETE FROM api_tokens") }, ""}

	for _, credential := range []struct {
		name    string
		open    func(s *server) *client
		session bool // whether the listener has one
		ways    []way
	}{
		{"a cookie", func(s *server) *client { c := s.browser(); c.logIn("ada"); s.session = c; return c }, true,
			[]way{logOut, revoked, allRevoked, disabled, deleted, newPassword, expiry, gone}},
		{"a session's token", func(s *server) *client { return s.session }, true,
			[]way{logOut, revoked, allRevoked, disabled, deleted, newPassword, expiry, gone}},
		{"an access token", func(s *server) *client { return s.bearer(s.session.accessToken()) }, true,
			[]way{logOut, revoked, disabled, expiry, {"its own end", func(s *server) { s.wait(11 * time.Minute) }, ""}}},
		{"an API token", func(s *server) *client { return s.apiToken(s.session) }, false,
			[]way{tokenRevoked, disabled, deleted, newPassword, gone}},
		{"a password", func(s *server) *client { return s.basic("ada", password) }, false,
			[]way{disabled, deleted, newPassword}},
	} {
		for _, way := range credential.ways {
			t.Run(credential.name+" ends by "+way.name, func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				s.adaID = s.prepare()
				client := credential.open(s)
				silent := client.connect() // has no subscription
				socket := client.connect()
				socket.subscribe("1", authEvents)
				stream := client.listen(authEvents)
				way.end(s)
				if way.told != "" {
					want := way.told
					if credential.session && want[len(want)-1] == 'D' {
						want += " of a session"
					}
					if credential.session {
						want += ", the current one"
					}
					socket.wantEvent("1", want)
					stream.wantEvent(want)
				}
				socket.wantClosed(4401)
				silent.wantClosed(4401)
				if code := errorCode(stream.want("next")); code != "UNAUTHENTICATED" {
					t.Errorf("the stream ends with %s", code)
				}
				stream.want("complete")
			})
		}
	}
}

func TestARenewedTokenEndsNoStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	browser.logIn("ada")
	socket := browser.connect()
	socket.subscribe("1", authEvents)
	stream := browser.listen(authEvents)
	for range 2 {
		browser.run(renewSession).ok()
	}
	browser.run(reauthenticate, "password", password).ok()
	s.wait(time.Hour) // every old token is void
	browser.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	socket.wantEvent("1", "PROFILE_CHANGED")
	stream.wantEvent("PROFILE_CHANGED")
	socket.send("subscribe", "2", map[string]any{"query": `{ me { firstName } }`})
	if got := socket.want("next", "2"); got != `{"data":{"me":{"firstName":"Ada"}}}` {
		t.Errorf("the socket answers %s", got)
	}
	socket.want("complete", "2")
	// Whoever holds the old token alone has proved nothing.
	browser.run(reauthenticate, "password", password).ok()
	socket.send("subscribe", "3", map[string]any{"query": `{ session { current fresh } }`})
	if got := socket.want("next", "3"); got != `{"data":{"session":{"current":true,"fresh":false}}}` {
		t.Errorf("by the old token the session is %s", got)
	}
}

func TestASocketUsesItsSession(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.IdleDuration = 20 * time.Minute })
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	socket := c.connect()
	for i := range 4 {
		s.wait(10 * time.Minute)
		id := strconv.Itoa(i)
		socket.send("subscribe", id, map[string]any{"query": `{ me { id } }`})
		socket.want("next", id)
		socket.want("complete", id)
	}
	c.run(me).ok()
}

func TestASessionThatIsAboutToEndIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = time.Hour })
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	socket := c.connect()
	socket.subscribe("1", authEvents)
	s.wait(58 * time.Minute)
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	socket.wantEvent("1", "PROFILE_CHANGED") // two minutes before the end there is no warning yet
	s.wait(90 * time.Second)
	socket.wantEvent("1", "SESSION_EXPIRING of a session, the current one")
	c.run(updateMe, "input", map[string]any{"firstName": "Eva"}).ok()
	socket.wantEvent("1", "PROFILE_CHANGED")
	s.wait(time.Minute)
	socket.wantClosed(4401) // and no second warning
}

func TestAShortSessionIsWarnedOfInItsLastTenth(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = 5 * time.Minute })
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	socket := c.connect()
	socket.subscribe("1", authEvents)
	s.wait(4*time.Minute + 20*time.Second)
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	socket.wantEvent("1", "PROFILE_CHANGED")
	s.wait(15 * time.Second)
	socket.wantEvent("1", "SESSION_EXPIRING of a session, the current one")
}

func TestWithoutUseAStreamEndsAsWell(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.IdleDuration = 10 * time.Minute })
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	socket := c.connect()
	socket.subscribe("1", authEvents)
	for range 2 { // each use puts the end off, and what was told can be told again
		s.wait(9*time.Minute + 10*time.Second)
		socket.wantEvent("1", "SESSION_EXPIRING of a session, the current one")
		c.run(me).ok()
		c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
		socket.wantEvent("1", "PROFILE_CHANGED")
	}
	s.wait(11 * time.Minute)
	if m, code := socket.next(); code != 4401 && m.Type != "next" {
		t.Errorf("the socket says %s", m.Payload)
	} else if code == 0 {
		socket.wantClosed(4401)
	}
}
