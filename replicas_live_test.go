package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store/storetest"
)

// endsWithin is how long after a session's end streams may last, anywhere: a poll and a look at every
// credential, with what slow machines add to it. It is promised to be 5 s.
const endsWithin = 5 * time.Second

// TestAStreamEndsOnEveryReplica opens streams of one session on three replicas and ends it on one
// of them, by a command, and behind everyone's back.
func TestAStreamEndsOnEveryReplica(t *testing.T) {
	t.Parallel()
	r := startReplicas(t)
	const email = "ada@example.test"
	id := r.mustAt(r.all[0].URL(), "", signUpOperation, email, goodPassword).find(aUserID)
	for _, end := range []struct {
		name, told string
		act        func(token, sessionID string)
	}{
		{"log-out", "SIGNED_OUT", func(token, _ string) { r.mustAt(r.all[0].URL(), token, logOutOperation) }},
		{"revocation", "SESSION_REVOKED", func(_, id string) { r.mustAt(r.all[1].URL(), "Bearer "+r.admin, revokeSessionOperation, id) }},
		{"a command", "SESSION_REVOKED", func(string, string) { r.all[2].runCommand("", "sessions", "revoke", "--user", email) }},
		{"its disappearance", "", func(_, id string) {
			if _, err := r.database.ExecContext(t.Context(), "DELETE FROM sessions WHERE id = '"+id+"'"); err != nil {
				t.Fatal(err)
			}
		}},
		{"disabling", "ACCOUNT_DISABLED", func(string, string) {
			r.mustAt(r.all[0].URL(), "Bearer "+r.admin, `mutation { disableUser(input: {id: %q}) { user { id } } }`, id)
		}},
	} {
		signedIn := r.askAt(r.all[0].URL(), "", logInOperation, email, goodPassword).Data.Login
		var listeners []*listener
		for _, replica := range r.all {
			listeners = append(listeners, mustListen(t, replica.URL(), signedIn.Token))
		}
		end.act("Bearer "+signedIn.Token, signedIn.Session.ID)
		acknowledged := time.Now()
		var took []time.Duration
		for _, l := range listeners {
			if end.told != "" {
				l.want(fmt.Sprintf(`{"kind":%q,"current":true}`, end.told))
			}
			l.wantClosed(4401)
			took = append(took, time.Since(acknowledged).Round(time.Millisecond))
		}
		t.Logf("streams ended after %s: %v", end.name, took)
		if slices.Max(took) > endsWithin {
			t.Errorf("after %s a stream lasted %v", end.name, slices.Max(took))
		}
	}
}

// mustAt is askAt for what may not be refused.
func (r *replicas) mustAt(origin, credential, operation string, arguments ...any) *answer {
	r.t.Helper()
	answer := r.askAt(origin, credential, operation, arguments...)
	if answer.code() != "" {
		r.t.Fatalf("%s is answered by %v", operation, answer)
	}
	return answer
}

// TestStreamsOutliveTheConnectionToPostgreSQL cuts every connection of a server that listens. What
// happens elsewhere meanwhile and afterwards is told all the same.
func TestStreamsOutliveTheConnectionToPostgreSQL(t *testing.T) {
	t.Parallel()
	if !storetest.OnPostgres() {
		t.Skip("needs PostgreSQL")
	}
	r := startReplicas(t)
	token := r.admin
	l := mustListen(t, r.all[0].URL(), token)
	change := func(name string) {
		r.mustAt(r.all[1].URL(), "Bearer "+token, `mutation { updateMe(input: {firstName: %q}) { user { id } } }`, name)
	}
	change("Ada")
	l.want("PROFILE_CHANGED")
	for i := range 3 {
		if _, err := r.database.ExecContext(t.Context(),
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", r.all[0].name); err != nil {
			t.Fatal(err)
		}
		change(fmt.Sprint("Ada the ", i))
		l.want("PROFILE_CHANGED")
	}
	r.mustAt(r.all[2].URL(), "Bearer "+token, logOutOperation)
	l.want(`"current":true`)
	l.wantClosed(4401)
}
