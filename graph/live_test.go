package graph_test

import (
	"testing"
	"time"
)

func TestWhatHappensToAnAccountIsTold(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	browser := s.browser()
	browser.logIn("ada")
	socket := browser.connect()
	socket.subscribe("1", authEvents)
	stream := browser.listen(`subscription { authEvents { kind userId sessionId current at user { firstName } } }`)
	both := func(want string) event {
		t.Helper()
		stream.wantEvent(want)
		return socket.wantEvent("1", want)
	}

	elsewhere := s.bearer(s.bearer("").logIn("ada"))
	session := elsewhere.run(`{ session { id } }`).ok().get("session.id")
	if e := both("SIGNED_IN of a session"); e.UserID != id || e.SessionID != session || e.User == nil || e.User.Username != "ada" {
		t.Errorf("the event is %+v", e)
	} else if at, err := time.Parse(time.RFC3339Nano, e.At); err != nil || at.Before(s.clock().Add(-time.Minute)) {
		t.Errorf("it happened at %s", e.At)
	}
	elsewhere.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	if e := both("PROFILE_CHANGED"); e.User.FirstName != "Ada" {
		t.Errorf("the user is not as they are now: %+v", e)
	}
	elsewhere.run(`mutation { logout { loggedOut } }`).ok()
	if e := both("SIGNED_OUT of a session"); e.SessionID != session {
		t.Errorf("the event is %+v", e)
	}
	admin.run(grantRole, "id", id, "role", "admin").ok()
	both("ROLES_CHANGED")
	admin.run(revokeRole, "id", id, "role", "admin").ok()
	both("ROLES_CHANGED")
	third := s.bearer(s.bearer("").logIn("ada"))
	both("SIGNED_IN of a session")
	browser.run(`mutation { revokeOtherSessions { count } }`).ok()
	both("SESSION_REVOKED")
	third.run(me).refused("UNAUTHENTICATED", "")
	browser.run(changePassword, "current", password, "new", anotherGood).ok()
	both("PASSWORD_CHANGED")

	admin.run(disableUser, "id", id).ok()
	both("ACCOUNT_DISABLED of a session, the current one")
	socket.wantClosed(4401)
	if code := errorCode(stream.want("next")); code != "UNAUTHENTICATED" {
		t.Errorf("the stream ends with %s", code)
	}
	stream.want("complete")
	stream.want("end")
}
