package graph_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

const auditLog = `query($first: Int, $after: String, $last: Int, $before: String, $filter: AuditFilter) {
	auditLog(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
		totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
		nodes { kind actorId userId sessionId subjectId address userAgent requestId detail occurrences at }
	}
}`

func TestTheAuditTrailTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	adminID := admin.run(me).ok().get("me.id")
	id := s.signUp("ada")
	c := s.with("User-Agent", "a program\tof mine")
	c.headers["Authorization"] = "Bearer " + c.logIn("ada")
	s.browser().guess("ada").refused(auth.InvalidCredentials, "")
	s.browser().guess("nobody").refused(auth.InvalidCredentials, "")
	c.run(createAPIToken, "name", "x").ok()
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	c.headers["Authorization"] = "Bearer " + c.run(reauthenticate, "password", password).ok().get("reauthenticate.token")
	c.run(changePassword, "current", password, "new", anotherGood).ok()
	admin.run(grantRole, "id", id, "role", "admin").ok()
	admin.run(revokeRole, "id", id, "role", "admin").ok()
	admin.run(passwordCode, "id", id).ok()
	c.run(`mutation { logout { loggedOut } }`).ok()
	admin.run(disableUser, "id", id).ok()
	admin.run(enableUser, "id", id).ok()
	admin.run(deleteUser, "id", id).ok()

	r := admin.run(auditLog, "first", 100, "filter", map[string]any{"userId": id}).ok()
	kinds := strings.Fields(r.list("auditLog.nodes", "kind"))
	slices.Reverse(kinds)
	want := []string{"USER_CREATED", "LOGGED_IN", "LOGIN_FAILED", "API_TOKEN_CREATED", "USER_UPDATED", "REAUTHENTICATED", "PASSWORD_CHANGED",
		"ROLE_GRANTED", "ROLE_REVOKED", "PASSWORD_CODE_CREATED", "LOGGED_OUT", "USER_DISABLED", "USER_ENABLED", "USER_DELETED"}
	if !slices.Equal(kinds, want) {
		t.Errorf("the trail tells\n%v, want\n%v", kinds, want)
	}
	last, login := "auditLog.nodes.0.", "auditLog.nodes.12."
	for path, want := range map[string]string{
		last + "actorId": adminID, last + "userId": id, last + "address": "127.0.0.1", last + "occurrences": "1",
		login + "actorId": id, login + "userAgent": "a programof mine",
	} {
		if got := r.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if !strings.HasPrefix(r.get(last+"requestId"), "req_") || !strings.HasPrefix(r.get(login+"sessionId"), "ses_") {
		t.Errorf("the trail lacks the request or the session: %.400s", r.body)
	}
	failed := admin.run(auditLog, "filter", map[string]any{"kind": "LOGIN_FAILED"}).ok()
	if failed.get("auditLog.totalCount") != "2" || failed.get("auditLog.nodes.0.userId") != "null" || failed.get("auditLog.nodes.0.actorId") != "null" {
		t.Errorf("refused log-ins: %s", failed.body)
	}
	byAdmin := admin.run(auditLog, "filter", map[string]any{"actorId": adminID, "kind": "USER_DELETED"}).ok()
	byCommand := admin.run(auditLog, "filter", map[string]any{"actorId": "operator"}).ok()
	if byAdmin.get("auditLog.totalCount") != "1" || byCommand.get("auditLog.totalCount") != "3" {
		t.Errorf("by actor: %s\n%s", byAdmin.body, byCommand.body)
	}
	for _, secret := range []string{password, anotherGood, "ags_", "agt_", "agp_"} {
		if strings.Contains(r.body, secret) {
			t.Errorf("the trail holds a secret: %s", secret)
		}
	}
}

func TestTheAuditTrailTellsOfEveryWayIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	basic := s.basic("ada", password)
	basic.run(me).ok()
	basic.run(me).ok() // remembered
	session := s.bearer("").logIn("ada")
	s.bearer(session).run(issueAccessToken).ok()
	s.bearer(session).run(renewSession).ok()
	s.browser().run(setPassword, "code", "agp_"+strings.Repeat("A", 43), "password", anotherGood).refused(auth.InvalidCredentials, "code")
	got := admin.run(auditLog, "filter", map[string]any{"userId": id}).ok().list("auditLog.nodes", "kind")
	if want := "SESSION_RENEWED ACCESS_TOKEN_ISSUED LOGGED_IN BASIC_VERIFIED USER_CREATED"; got != want {
		t.Errorf("the trail tells %s, want %s", got, want)
	}
	if got := admin.run(auditLog, "filter", map[string]any{"kind": "LOGIN_FAILED"}).ok().get("auditLog.totalCount"); got != "1" {
		t.Errorf("%s wrong codes are recorded", got)
	}
	s.fetch(s.forwardAuth()+"?role=admin", "Authorization", "Bearer "+session)
	if !strings.Contains(s.log.String(), `"msg":"forward authentication refused","code":"FORBIDDEN"`) {
		t.Error("a refusal of forward authentication is not logged")
	}
}

func TestTheAuditTrailIsPagedAndBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for range 9 {
		s.browser().logIn("admin@example.test")
	}
	all := admin.run(auditLog, "first", 100).ok().list("auditLog.nodes", "requestId")
	first := admin.run(auditLog, "first", 5).ok()
	second := admin.run(auditLog, "first", 100, "after", first.get("auditLog.pageInfo.endCursor")).ok()
	if got := first.list("auditLog.nodes", "requestId") + " " + second.list("auditLog.nodes", "requestId"); got != all {
		t.Errorf("two pages are not the whole:\n%s\n%s", got, all)
	}
	back := admin.run(auditLog, "last", 5, "before", second.get("auditLog.pageInfo.startCursor")).ok()
	if back.list("auditLog.nodes", "requestId") != first.list("auditLog.nodes", "requestId") || back.get("auditLog.pageInfo.hasNextPage") != "true" {
		t.Errorf("backwards: %s", back.body)
	}
	oldest := second.get("auditLog.nodes.1.at")
	if got := admin.run(auditLog, "first", 100, "filter", map[string]any{"until": oldest}).ok().get("auditLog.totalCount"); got == "0" || got == "13" {
		t.Errorf("until %s: %s events", oldest, got)
	}
	for field, value := range map[string]any{"userId": "x", "actorId": "x"} {
		admin.run(auditLog, "filter", map[string]any{field: value}).refused(auth.BadUserInput, field)
	}
	admin.run(auditLog, "after", admin.run(usersQuery, "first", 1).ok().get("users.pageInfo.endCursor")).refused(auth.BadUserInput, "after")
}

func TestSecurityEventsAreOnesOwn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	other := s.signUp("eve")
	c := s.browser()
	c.logIn("ada")
	s.browser().guess("ada")
	s.browser().guess("eve")
	events := `{ me { securityEvents(first: 10) { totalCount nodes { kind } } } }`
	if got := c.run(events).ok().list("me.securityEvents.nodes", "kind"); got != "LOGIN_FAILED LOGGED_IN USER_CREATED" {
		t.Errorf("one's own events are %s", got)
	}
	c.run(auditLog).refused(auth.Forbidden, "")
	admin := s.admin()
	admin.run(createRole, "name", "reader", "permissions", []string{"users:read"}).ok()
	admin.run(grantRole, "id", other, "role", "reader").ok()
	reader := s.browser()
	reader.run(loginMutation, "identifier", "eve", "password", password).ok()
	reader.run(`{ users { nodes { securityEvents { totalCount } } } }`).refusedSome(auth.Forbidden)
}

// refusedSome fails the test unless the answer's errors all have this code, and there are some.
func (r *reply) refusedSome(code auth.Code) {
	r.t.Helper()
	for _, err := range r.json.Errors {
		if err.Extensions.Code != string(code) {
			r.t.Fatalf("want %s alone: %s", code, r.body)
		}
	}
	if len(r.json.Errors) == 0 {
		r.t.Fatalf("want %s: %s", code, r.body)
	}
}

func TestRefusalsUnderAttackAreRecordedTogether(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for range 5 {
		s.browser().guess("victim")
	}
	before := s.count("SELECT count(*) FROM audit_events")
	for range 30 {
		s.browser().guess("victim").refused(auth.RateLimited, "")
	}
	if got := s.count("SELECT count(*) FROM audit_events"); got != before {
		t.Errorf("thirty throttled attempts wrote %d rows", got-before)
	}
	s.auth.Close() // records what was refused before it ends
	r := admin.run(auditLog, "filter", map[string]any{"kind": "THROTTLED"}).ok()
	if r.get("auditLog.totalCount") != "1" || r.get("auditLog.nodes.0.occurrences") != "30" || strings.Contains(r.body, "victim") {
		t.Errorf("want one row that counts thirty and names nobody: %s", r.body)
	}
}

func TestOldEventsGo(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.AuditDuration = time.Hour })
	s.signUp("ada")
	s.wait(time.Hour)
	s.signUp("eve")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.auth.Sweep(ctx); close(done) }()
	for s.count("SELECT count(*) FROM audit_events") != 1 {
		if t.Context().Err() != nil {
			t.Fatal("old events stay")
		}
	}
	cancel()
	<-done
}
