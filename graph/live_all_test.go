package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

const updateRole = `mutation($id: ID!, $description: String, $permissions: [String!]) {
	updateRole(input: {id: $id, description: $description, permissions: $permissions}) { role { id } }
}`

func TestWhoMayReadTheTrailIsToldOfEveryAccount(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	auditor := s.as("auditor")
	admin.run(createRole, "name", "auditor", "permissions", []string{"audit:read"}).ok()
	admin.run(grantRole, "id", auditor.run(me).ok().get("me.id"), "role", "auditor").ok()
	bystander := s.as("bystander")

	all := admin.connect()
	all.subscribe("1", authEvents, "all", true)
	all.subscribe("own", authEvents)
	blind := auditor.connect() // who sees what happens, and no other user
	blind.subscribe("1", authEvents, "all", true)
	scoped := s.apiToken(admin, "audit:read").connect()
	scoped.subscribe("1", authEvents, "all", true)
	own := bystander.connect()
	own.subscribe("1", authEvents)
	told := func(want, name string) event {
		t.Helper()
		e := all.wantEvent("1", want)
		if name != "" && (e.User == nil || e.User.Username != name) {
			t.Errorf("the user is %+v, want %s", e.User, name)
		}
		if e := blind.wantEvent("1", want); e.User != nil {
			t.Errorf("who may not see users is told of %+v", e.User)
		}
		scoped.wantEvent("1", want)
		return e
	}

	id := s.signUp("ada")
	if e := told("ACCOUNT_CREATED", "ada"); e.UserID != id {
		t.Errorf("the event is %+v", e)
	}
	ada := s.bearer(s.bearer("").logIn("ada"))
	told("SIGNED_IN of a session", "ada")
	admin.run(disableUser, "id", id).ok()
	told("ACCOUNT_DISABLED", "ada")
	ada.run(me).refused(auth.Unauthenticated, "")
	admin.run(enableUser, "id", id).ok()
	told("ACCOUNT_ENABLED", "ada")
	admin.run(deleteUser, "id", id).ok()
	if e := told("ACCOUNT_DELETED", ""); e.User != nil || e.UserID != id {
		t.Errorf("the event is %+v", e)
	}
	own.quiet() // nothing of it concerned them
	all.quiet()
}

func TestWhoeverLosesThePermissionIsToldNoMore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	auditor := s.as("auditor")
	id := auditor.run(me).ok().get("me.id")
	role := admin.run(createRole, "name", "auditor", "permissions", []string{"audit:read", "users:read"}).ok().get("createRole.role.id")
	admin.run(grantRole, "id", id, "role", "auditor").ok()
	for i, lose := range []func(){
		func() { admin.run(revokeRole, "id", id, "role", "auditor").ok() },
		func() { admin.run(updateRole, "id", role, "permissions", []string{"users:read"}).ok() },
	} {
		socket := auditor.connect()
		socket.subscribe("all", authEvents, "all", true)
		socket.subscribe("own", `subscription { authEvents { kind user { permissions } } }`)
		stream := auditor.listen(`subscription { authEvents(all: true) { kind } }`)
		lose()
		var forbidden, changed bool
		for !forbidden || !changed {
			switch m, code := socket.next(); {
			case code != 0:
				t.Fatalf("the socket ends by %d", code)
			case m.ID == "all":
				forbidden = m.Type == "error" && errorCode(string(m.Payload)) == "FORBIDDEN"
			case m.ID == "own":
				changed = strings.Contains(string(m.Payload), "ROLES_CHANGED") && !strings.Contains(string(m.Payload), "audit:read")
			}
		}
		if code := errorCode(stream.want("next")); code != "FORBIDDEN" {
			t.Errorf("the stream ends with %s", code)
		}
		stream.want("complete")
		s.signUp(fmt.Sprint("ada", i))
		socket.quiet()
		admin.run(grantRole, "id", id, "role", "auditor").ok()
		socket.wantEvent("own", "ROLES_CHANGED")
	}
}

func TestHoldersAreToldWhenTheirRolePermitsSomethingElse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	ada, eve := s.as("ada"), s.as("eve")
	role := admin.run(createRole, "name", "reader", "permissions", []string{"users:read"}).ok().get("createRole.role.id")
	admin.run(grantRole, "id", ada.run(me).ok().get("me.id"), "role", "reader").ok()
	holder, other := ada.connect(), eve.connect()
	holder.subscribe("1", `subscription { authEvents { kind userId user { permissions } } }`)
	other.subscribe("1", authEvents)
	permissions := func(want string) {
		t.Helper()
		if got := holder.want("next", "1"); !strings.Contains(got, "ROLES_CHANGED") || !strings.Contains(got, `"permissions":[`+want+`]`) {
			t.Errorf("the holder is told %s", got)
		}
	}
	admin.run(updateRole, "id", role, "permissions", []string{"users:read", "roles:read"}).ok()
	permissions(`"roles:read","users:read"`)
	admin.run(updateRole, "id", role, "description", "The same as before.").ok()
	admin.run(updateRole, "id", role, "permissions", []string{"roles:read"}).ok()
	permissions(`"roles:read"`) // of the description nobody was told
	// Whoever asks over the socket first, and so finds out, is told all the same.
	holder.send("subscribe", "2", map[string]any{"query": "{ me { permissions } }"})
	holder.want("next", "2")
	holder.want("complete", "2")
	admin.run(`mutation($id: ID!) { deleteRole(input: {id: $id}) { deletedRoleId } }`, "id", role).ok()
	permissions("")
	other.quiet()
}

// TestWhatOnlyTheDatabaseKnowsIsToldByThePoll records events behind the server's back, as a command
// of another process does, some of them late: their ids come before what was read already.
func TestWhatOnlyTheDatabaseKnowsIsToldByThePoll(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	id := c.run(me).ok().get("me.id")
	socket := c.connect()
	socket.subscribe("1", authEvents)
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	socket.wantEvent("1", "PROFILE_CHANGED")
	copyOf := func(id, kind string) string {
		return "INSERT INTO audit_events (id, kind, at, user_id, occurrences) SELECT " + id + ", '" + kind + "', at, user_id, 1 FROM audit_events WHERE kind = 'USER_UPDATED'"
	}
	s.exec(copyOf("replace(id, substr(id, 25), '000000')", "PASSWORD_CHANGED")) // comes before it
	socket.wantEvent("1", "PASSWORD_CHANGED")
	s.exec(copyOf("replace(id, substr(id, 25), 'zzzzzz')", "ROLE_GRANTED"))
	socket.wantEvent("1", "ROLES_CHANGED")
	other := newServerAt(t, s.address)
	other.bearer("").withToken(c).run(updateMe, "input", map[string]any{"firstName": "Eva"}).ok()
	if e := socket.wantEvent("1", "PROFILE_CHANGED"); e.UserID != id || e.User.FirstName != "Eva" {
		t.Errorf("the event is %+v", e)
	}
	socket.quiet()
}

// withToken returns the client with another one's headers.
func (c *client) withToken(other *client) *client {
	c.headers = other.headers
	return c
}

// TestMuchThatHappensAtOnceReachesWhoeverReads records as many events in one statement as a busy
// server has in a second.
func TestMuchThatHappensAtOnceReachesWhoeverReads(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	socket := admin.connect()
	socket.subscribe("1", `subscription { authEvents(all: true) { kind } }`)
	const many = 900
	s.exec(fmt.Sprintf(`INSERT INTO audit_events (id, kind, at, user_id, occurrences)
		WITH RECURSIVE n(i) AS (SELECT 100000 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT replace(id, substr(id, 25), i || ''), 'USER_UPDATED', at, user_id, 1 FROM audit_events CROSS JOIN n WHERE kind = 'USER_CREATED' AND user_id = '%s'`, 100_000+many-1, id))
	for range many {
		if got := socket.want("next", "1"); got != `{"data":{"authEvents":{"kind":"PROFILE_CHANGED"}}}` {
			t.Fatalf("the event is %s", got)
		}
	}
	socket.quiet()
}
