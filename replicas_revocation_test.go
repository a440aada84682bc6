package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// account is a user of several replicas who may list users, and has credentials of each kind.
type account struct {
	*replicas
	random       *rand.Rand
	id, email    string
	role, roleID string            // gives the right to list users
	otherID      string            // of the session "other"
	apiID        string            // of the API token
	credentials  map[string]string // by name, as the header Authorization carries them
}

// newAccount makes a user with the credentials "session", "other" (another session), "access" (an
// access token of that one), "password" (by HTTP Basic) and "API" (an API token).
func (r *replicas) newAccount(random *rand.Rand, name string) *account {
	a := &account{replicas: r, random: random, email: name + "@example.test", role: "reader-" + name}
	a.id = a.must("", signUpOperation, a.email, goodPassword).find(aUserID)
	a.roleID = a.asAdmin(`mutation { createRole(input: {name: %q, permissions: ["users:read"]}) { role { id } } }`, a.role).find(`rol_\w+`)
	a.asAdmin(`mutation { grantRole(input: {userId: %q, role: %q}) { user { id } } }`, a.id, a.role)
	session, other := a.must("", logInOperation, a.email, goodPassword), a.must("", logInOperation, a.email, goodPassword)
	a.otherID = other.Data.Login.Session.ID
	a.credentials = map[string]string{
		"session":  "Bearer " + session.Data.Login.Token,
		"other":    "Bearer " + other.Data.Login.Token,
		"password": "Basic " + base64.StdEncoding.EncodeToString([]byte(a.email+":"+goodPassword)),
	}
	a.credentials["access"] = "Bearer " + a.must(a.credentials["other"], issueOperation).find(anAccessToken)
	made := a.must(a.credentials["session"], `mutation { createApiToken(input: {name: "all", scopes: ["users:read"]}) { token apiToken { id } } }`)
	a.apiID, a.credentials["API"] = made.Data.CreateAPIToken.APIToken.ID, "Bearer "+made.Data.CreateAPIToken.Token
	return a
}

const issueOperation = `mutation { issueAccessToken { token } }`

// anywhere returns one of the replicas.
func (a *account) anywhere() string { return a.all[a.random.IntN(len(a.all))].URL() }

// must asks any replica for what it may not refuse.
func (a *account) must(credential, operation string, arguments ...any) *answer {
	answer := a.askAt(a.anywhere(), credential, operation, arguments...)
	if answer.code() != "" {
		a.broken("%s is told %v", a.email, answer)
	}
	return answer
}

// asAdmin is must as the administrator.
func (a *account) asAdmin(operation string, arguments ...any) *answer {
	return a.must("Bearer "+a.admin, operation, arguments...)
}

// as is must with a credential of the account.
func (a *account) as(name, operation string, arguments ...any) *answer {
	return a.must(a.credentials[name], operation, arguments...)
}

// probe is a question with a credential, and its answer before and after a revocation.
type probe struct {
	credential, operation string
	before, after         auth.Code
}

// TestRevocationsBindAtTheNextRequestOnEveryReplica revokes on one replica while all of them are
// asked with what is revoked. A request that begins after the revocation was acknowledged is
// refused wherever it goes, though that replica has just taken the same credential.
func TestRevocationsBindAtTheNextRequestOnEveryReplica(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	r := startReplicas(t)
	const newPassword = "copper window orchard"
	everything := []string{"session", "other", "access", "password", "API"}
	revocations := []struct {
		name    string
		revoke  func(a *account)
		ends    []string // the credentials that count no longer
		demotes bool     // whether users can no longer be listed by the others
	}{
		{"log-out", func(a *account) { a.as("other", logOutOperation) }, []string{"other", "access"}, false},
		{"a revoked session", func(a *account) { a.as("session", revokeSessionOperation, a.otherID) }, []string{"other", "access"}, false},
		{"a session revoked by an administrator", func(a *account) { a.asAdmin(revokeSessionOperation, a.otherID) }, []string{"other", "access"}, false},
		{"all other sessions revoked", func(a *account) { a.as("session", `mutation { revokeOtherSessions { count } }`) }, []string{"other", "access"}, false},
		{"all sessions revoked by an administrator", func(a *account) {
			a.asAdmin(`mutation { revokeSessions(input: {userId: %q}) { count } }`, a.id)
		}, []string{"session", "other", "access"}, false},
		{"a revoked API token", func(a *account) { a.as("session", revokeTokenOperation, a.apiID) }, []string{"API"}, false},
		{"a changed password", func(a *account) { a.as("session", changePasswordOperation, goodPassword, newPassword) },
			[]string{"other", "access", "password", "API"}, false},
		{"a password set by a code", func(a *account) {
			code := a.asAdmin(`mutation { createPasswordCode(input: {userId: %q}) { code } }`, a.id).find(aPasswordCode)
			a.must("", `mutation { setPassword(input: {code: %q, password: %q}) { passwordSet } }`, code, newPassword)
		}, everything, false},
		{"a disabled user", func(a *account) { a.asAdmin(`mutation { disableUser(input: {id: %q}) { user { id } } }`, a.id) }, everything, false},
		{"a deleted user", func(a *account) { a.asAdmin(`mutation { deleteUser(input: {id: %q}) { deletedUserId } }`, a.id) }, everything, false},
		{"a user who deletes themselves", func(a *account) { a.as("session", `mutation { deleteMe { deletedUserId } }`) }, everything, false},
		{"a revoked role", func(a *account) {
			a.asAdmin(`mutation { revokeRole(input: {userId: %q, role: %q}) { user { id } } }`, a.id, a.role)
		}, nil, true},
		{"a role that permits less", func(a *account) {
			a.asAdmin(`mutation { updateRole(input: {id: %q, permissions: []}) { role { id } } }`, a.roleID)
		}, nil, true},
		{"a deleted role", func(a *account) { a.asAdmin(`mutation { deleteRole(input: {id: %q}) { deletedRoleId } }`, a.roleID) }, nil, true},
		{"a rotated key, which revokes nothing", func(a *account) { a.all[0].runCommand("", "rotate-keys") }, nil, false},
	}
	random := rand.New(rand.NewPCG(seed, 0))
	asked := new(atomic.Int64)
	for _, n := range random.Perm(len(revocations)) {
		test := revocations[n]
		r.apart(func() {
			a := r.newAccount(random, fmt.Sprintf("account-%d", n))
			var probes []probe
			for name, credential := range a.credentials {
				me, list := probe{credential: credential, operation: meOperation}, probe{credential: credential, operation: `{ users(first: 1) { totalCount } }`}
				if test.demotes {
					list.after = auth.Forbidden
				}
				if slices.Contains(test.ends, name) {
					me.after, list.after = auth.Unauthenticated, auth.Unauthenticated
				}
				probes = append(probes, me, list)
			}
			r.revokeWhileAsking(test.name, probes, func() { test.revoke(a) }, asked)
		})
	}
	t.Logf("%d revocations, %d requests on %d replicas, stale %d", len(revocations), asked.Load(), len(r.all), r.lost)
}

// revokeWhileAsking has every replica asked again and again, and once more after the revocation.
func (r *replicas) revokeWhileAsking(name string, probes []probe, revoke func(), asked *atomic.Int64) {
	var readers, seen sync.WaitGroup
	var over atomic.Bool
	for n, replica := range r.all {
		seen.Add(1)
		readers.Go(func() {
			for first := true; ; first = false {
				after := over.Load()
				for _, probe := range probes {
					got := r.askAt(replica.URL(), probe.credential, "%s", probe.operation)
					asked.Add(1)
					if code := got.code(); code != probe.after && (after || code != probe.before) {
						r.loses("%s, after it was acknowledged: %v: replica %d answers %s with %v", name, after, n, probe.operation, got)
					}
				}
				if first {
					seen.Done()
				}
				if after {
					return
				}
			}
		})
	}
	seen.Wait() // every replica has taken every credential
	revoke()
	over.Store(true)
	readers.Wait()
}

// TestWhatRacesARevocationOpensNothing signs in, and asks for tokens in every way there is, while
// another replica revokes. Each attempt may succeed before the revocation; afterwards nothing that
// it gave counts.
func TestWhatRacesARevocationOpensNothing(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	r := startReplicas(t)
	random := rand.New(rand.NewPCG(seed, 0))
	revocations := map[string]func(a *account){
		"a changed password": func(a *account) { a.as("session", changePasswordOperation, goodPassword, "copper window orchard") },
		"a disabled user":    func(a *account) { a.asAdmin(`mutation { disableUser(input: {id: %q}) { user { id } } }`, a.id) },
		"a deleted user":     func(a *account) { a.asAdmin(`mutation { deleteUser(input: {id: %q}) { deletedUserId } }`, a.id) },
	}
	given := 0
	const rounds = 4
	for round := range rounds {
		for name, revoke := range revocations {
			r.apart(func() {
				a := r.newAccount(random, fmt.Sprintf("%s-%d", name[2:4], round)) // ch, di and de
				answers := make(chan *answer, 100)
				var racers sync.WaitGroup
				race := func(credential, operation string, arguments ...any) {
					origin := a.anywhere()
					delay := time.Duration(random.IntN(100)) * time.Millisecond // as long as a password takes
					racers.Go(func() {
						time.Sleep(delay)
						answers <- r.askAt(origin, credential, operation, arguments...)
					})
				}
				for range 3 {
					race("", logInOperation, a.email, goodPassword)
					race(a.credentials["password"], issueOperation)
					race(a.credentials["other"], issueOperation)
					race(a.credentials["other"], createTokenOperation, "racer")
					race(a.credentials["other"], renewOperation)
				}
				race(a.credentials["other"], `mutation { reauthenticate(input: {password: %q}) { token } }`, goodPassword)
				revoke(a)
				racers.Wait()
				close(answers)
				for answer := range answers {
					if answer.code() != "" {
						continue
					}
					token := answer.find(`ag[st]_[\w-]+|` + anAccessToken)
					given++
					for _, replica := range r.all {
						if got := r.askAt(replica.URL(), "Bearer "+token, meOperation); got.code() != auth.Unauthenticated {
							r.loses("%s: what raced it gave a token that counts: %s: %v", name, answer.body, got)
						}
					}
				}
			})
		}
	}
	t.Logf("%d tokens were given while %d revocations came, counting afterwards: %d", given, rounds*len(revocations), r.lost)
}
