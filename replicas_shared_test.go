package main

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// at asks one of the replicas for what it may not refuse.
func (r *replicas) at(n int, token, operation string, arguments ...any) *answer {
	if token != "" {
		token = "Bearer " + token
	}
	a := r.askAt(r.all[n].URL(), token, operation, arguments...)
	if a.code() != "" {
		r.broken("replica %d answers %s with %v", n, operation, a)
	}
	return a
}

// exec changes the database behind the replicas' back.
func (r *replicas) exec(statement string) {
	if _, err := r.database.ExecContext(r.t.Context(), statement); err != nil {
		r.broken("%s: %v", statement, err)
	}
}

// everywhere holds every replica to one answer to what a token asks: a code, "" for none.
func (r *replicas) everywhere(what, token, operation string, want auth.Code) {
	for n, replica := range r.all {
		if a := r.askAt(replica.URL(), "Bearer "+token, "%s", operation); a.code() != want {
			r.loses("%s: replica %d answers %v, want %q", what, n, a, want)
		}
	}
}

// TestGuessesAreCountedOverAllReplicas guesses at all replicas at once. One alone lets five
// guesses pass; if each had a count of its own, three would let fifteen pass.
func TestGuessesAreCountedOverAllReplicas(t *testing.T) {
	t.Parallel()
	r := startReplicas(t, "AUTHGRAPH_RATE_LIMITS=on")
	r.apart(func() {
		id := r.at(0, "", signUpOperation, "ada@example.test", goodPassword).find(aUserID)
		const each = 10
		codes := make(chan auth.Code, each*len(r.all))
		var guesses sync.WaitGroup
		for _, replica := range r.all {
			for range each {
				guesses.Go(func() {
					codes <- r.askAt(replica.URL(), "", logInOperation, "ada@example.test", "a wrong password").code()
				})
			}
		}
		guesses.Wait()
		close(codes)
		got := map[auth.Code]int{}
		for code := range codes {
			got[code]++
		}
		// On a slow machine some waits of 1, 2, 4 … seconds end before the last guess.
		if compared := got[auth.InvalidCredentials]; compared < 5 || compared > 10 || compared+got[auth.RateLimited] != each*len(r.all) {
			r.loses("%d guesses are answered %v, want 5 compared and the others refused", each*len(r.all), got)
		}
		failed := 0
		for _, event := range r.at(1, r.admin, trailOperation, "null", id).Data.AuditLog.Nodes {
			if event.Kind == model.AuditLoginFailed {
				failed++
			}
		}
		if failed != got[auth.InvalidCredentials] {
			r.loses("the audit trail tells of %d wrong passwords, want %d", failed, got[auth.InvalidCredentials])
		}
	})
}

// TestReplicasVerifyEachOthersAccessTokens has every replica take the access tokens of all, also
// at once after the key was rotated, and from a replica that knows the new key alone.
func TestReplicasVerifyEachOthersAccessTokens(t *testing.T) {
	t.Parallel()
	r := startReplicas(t)
	r.apart(func() {
		session := r.at(0, "", logInOperation, "admin@example.test", goodPassword).Data.Login.Token
		exchange := func(when string) {
			for n := range r.all {
				token := r.at(n, session, issueOperation).find(anAccessToken)
				r.everywhere("an access token "+when, token, meOperation, "")
			}
		}
		exchange("from before the rotation")
		r.all[0].runCommand("", "rotate-keys")
		exchange("from after the rotation")

		// Asked for a key that there is not, a replica has just looked for new ones.
		r.all[0].runCommand("", "rotate-keys")
		header := `{"alg":"ES256","kid":"key_00000000000000000000000000","typ":"at+jwt"}`
		unknown := base64.RawURLEncoding.EncodeToString([]byte(header)) + ".e30." + strings.Repeat("A", 86)
		r.everywhere("a token by an unknown key", unknown, meOperation, auth.Unauthenticated)
		r.all[0].runCommand("", "rotate-keys")
		r.all[2].kill()
		if err := r.all[2].start(); err != nil {
			r.broken("%v", err)
		}
		r.everywhere("a token by an unknown key", unknown, meOperation, auth.Unauthenticated)
		exchange("from a replica with the new key alone")
	})
}

// TestAProofOfThePasswordIsKnownToAllReplicas proves the password on one replica. Every other knows
// at once, and none believes the old token.
func TestAProofOfThePasswordIsKnownToAllReplicas(t *testing.T) {
	t.Parallel()
	r := startReplicas(t)
	r.apart(func() {
		r.at(0, "", signUpOperation, "ada@example.test", goodPassword)
		session := r.at(0, "", logInOperation, "ada@example.test", goodPassword).Data.Login
		const fresh = `mutation { createApiToken(input: {name: "x"}) { token } }`
		r.everywhere("after the log-in", session.Token, fresh, "")
		r.exec("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000")
		r.everywhere("two hours later", session.Token, fresh, auth.ReauthenticationRequired)
		next := r.at(1, session.Token, `mutation { reauthenticate(input: {password: %q}) { token } }`, goodPassword).find(aSessionToken)
		r.everywhere("after a proof of the password", next, fresh, "")
		r.everywhere("with the token from before the proof", session.Token, fresh, auth.ReauthenticationRequired)
	})
}

// TestRenewalsAreKnownToAllReplicas renews on one replica. Whoever lost the answer gets it from
// another one, and a token that is used again after its time ends the session on all.
func TestRenewalsAreKnownToAllReplicas(t *testing.T) {
	t.Parallel()
	r := startReplicas(t)
	r.apart(func() {
		id := r.at(0, "", signUpOperation, "ada@example.test", goodPassword).find(aUserID)
		session := r.at(0, "", logInOperation, "ada@example.test", goodPassword).Data.Login
		next := r.at(0, session.Token, renewOperation).Data.RenewSession.Token
		for n := range r.all {
			if again := r.at(n, session.Token, renewOperation).Data.RenewSession.Token; again != next {
				r.loses("replica %d renews to another token", n)
			}
		}
		r.everywhere("the new token", next, meOperation, "")
		r.everywhere("the old token, shortly after", session.Token, meOperation, "")

		r.exec("UPDATE superseded_tokens SET successor_used_at = successor_used_at - 60000000")
		if a := r.askAt(r.all[2].URL(), "Bearer "+session.Token, meOperation); a.code() != auth.Unauthenticated {
			r.loses("the old token, a minute after the new one was used: %v", a)
		}
		r.everywhere("the new token, after the old one was used again", next, meOperation, auth.Unauthenticated)
		for n := range r.all {
			if events := r.at(n, r.admin, trailOperation, "null", id); events.find(`TOKEN_REUSED`) == "" {
				r.loses("the audit trail at replica %d does not tell of the reuse: %v", n, events)
			}
		}
	})
}
