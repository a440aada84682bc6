//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store"
)

// newPair returns a PostgreSQL server and its standby. A commit is acknowledged when the standby
// has it on disk (synchronous_commit=on): promoted, it replays all that before it takes writes.
// remote_apply would wait for the replay, too, which only helps who reads from a standby.
func newPair(t *testing.T) (primary, standby *cluster) {
	t.Helper()
	primary = newCluster(t)
	standby = primary.standby()
	primary.exec("ALTER SYSTEM SET synchronous_standby_names = '*'") // the standby's own stays empty
	primary.exec("SELECT pg_reload_conf()")
	primary.await("replicates synchronously", func() bool {
		return primary.query("SELECT sync_state FROM pg_stat_replication") == "sync"
	})
	return primary, standby
}

// startOn starts the program on a database of the test's own, with an administrator.
func startOn(t *testing.T, address string, environ ...string) (*process, *ledger) {
	t.Helper()
	program := startProcess(t, address, environ...)
	program.runCommand(goodPassword+"\n", "create-admin", "admin@example.test")
	return program, newLedger(t, program.URL)
}

// TestAFailoverLosesNothingAcknowledged kills the PostgreSQL server that the program uses,
// with all its processes, and promotes the standby. What was acknowledged is there. Until then
// everyone is told of an outage and of nothing else; then all works again without a restart.
func TestAFailoverLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	primary, standby := newPair(t)
	program, l := startOn(t, fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/authgraph", primary.port, standby.port))
	l.outages = true

	var users sync.WaitGroup
	var enough atomic.Bool
	for n := range uint64(6) {
		users.Go(func() {
			l.live(rand.New(rand.NewPCG(seed, n)), func() bool { return enough.Load() || t.Failed() })
		})
	}
	defer users.Wait()
	defer enough.Store(true)
	l.await(200)
	var promotion, recovery time.Duration
	l.kill(func() {
		if err := primary.kill(); err != nil {
			t.Fatal(err)
		}
		program.awaitReady(http.StatusServiceUnavailable)
		for range 20 {
			l.mustTellOfAnOutage()
		}
		begin := time.Now()
		if standby.query("SELECT pg_promote(true, 30)") != "true" {
			t.Fatal("the standby was not promoted")
		}
		promotion = time.Since(begin)
		program.awaitReady(http.StatusOK)
		recovery = time.Since(begin) - promotion
	})
	l.await(400)
	enough.Store(true)
	users.Wait()
	l.checkAll()
	l.checkTables(standby.address("authgraph"))
	t.Logf("%s; the promotion took %v, and then the program %v to serve again",
		l.summary(), promotion.Round(time.Millisecond), recovery.Round(time.Millisecond))
}

// awaitReady waits until /readyz has a status.
func (p *process) awaitReady(want int) {
	p.t.Helper()
	client := &http.Client{Timeout: answerDeadline}
	for deadline := time.Now().Add(answerDeadline); ; time.Sleep(5 * time.Millisecond) {
		response, err := client.Get(p.URL() + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == want {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("/readyz never became %d: %v, %v", want, response, err)
		}
	}
}

// mustTellOfAnOutage holds the program, which reaches no database that takes writes, to saying so:
// nobody is told that they are signed out, unknown, or mistaken about their password.
func (l *ledger) mustTellOfAnOutage() {
	l.t.Helper()
	for _, question := range []struct{ token, operation string }{
		{l.admin, meOperation},
		{l.admin, `{ session { id } }`},
		{l.admin, `{ users { totalCount } }`},
		{l.admin, logOutOperation},
		{l.admin, renewOperation},
		{"", fmt.Sprintf(logInOperation, "admin@example.test", goodPassword)},
		{"", fmt.Sprintf(signUpOperation, "late@example.test", goodPassword)},
	} {
		if a := l.ask(question.token, "%s", question.operation); a.code() != cutOff || a.body == "" {
			l.loses("without a database %s is answered %v", question.operation, a)
		}
	}
}

// TestACommitWithoutItsStandbyIsNotAcknowledged takes the standby away from a PostgreSQL server that
// must wait for it. The program acknowledges nothing, even where statements are bounded by time or
// the waiting is cancelled: PostgreSQL then calls the commit done, and says in a warning that the
// standby may not have it.
func TestACommitWithoutItsStandbyIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parameters string
		cancel     bool
	}{
		"it waits":                 {"", false},
		"statements are bounded":   {"?statement_timeout=1000", false},
		"the waiting is cancelled": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone := newCluster(t)
			_, l := startOn(t, alone.address("authgraph")+test.parameters, "AUTHGRAPH_DATABASE_TIMEOUT=2s")
			l.outages = true
			alone.exec("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
			alone.exec("SELECT pg_reload_conf()")
			alone.await("waits for the standby", func() bool { return alone.query("SHOW synchronous_standby_names") == "gone" })

			var asked sync.WaitGroup
			var answered atomic.Int32
			questions := []struct {
				token, operation string
				times            int // asked again, it may be visible and is as little replicated
			}{
				{l.admin, logOutOperation, 2},
				{"", fmt.Sprintf(logInOperation, "admin@example.test", goodPassword), 1},
				{"", fmt.Sprintf(signUpOperation, "late@example.test", goodPassword), 1},
			}
			for _, question := range questions {
				asked.Go(func() {
					for range question.times {
						if a := l.ask(question.token, "%s", question.operation); a.code() != cutOff {
							l.loses("%s was not replicated and is answered %v", question.operation, a)
						}
					}
					answered.Add(1)
				})
			}
			alone.await("is done", func() bool {
				if test.cancel {
					alone.exec("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
				}
				return int(answered.Load()) == len(questions)
			})
			asked.Wait()
			alone.exec("ALTER SYSTEM RESET synchronous_standby_names")
			alone.exec("SELECT pg_reload_conf()")
			l.apart(func() {
				if p := l.newcomer(rand.New(rand.NewPCG(1, 1))); !p.logIn(p.password()) {
					l.loses("without the wait it does not work again")
				}
			})
		})
	}
}

// TestWhatWasDoneAlreadyIsNotAcknowledgedEither: who ends what another has ended, by a commit that was
// given up and is visible, changes nothing. They are told of success no sooner than the other.
func TestWhatWasDoneAlreadyIsNotAcknowledgedEither(t *testing.T) {
	t.Parallel()
	alone := newCluster(t)
	db, err := store.Open(t.Context(), alone.address("authgraph"), store.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	endNothing := func() error {
		return db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
			_, err := tx.DeleteSession(ctx, "ses_of_nobody")
			return err
		})
	}
	if err := endNothing(); err != nil {
		t.Fatal(err)
	}
	alone.exec("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
	alone.exec("SELECT pg_reload_conf()")
	alone.await("waits for the standby", func() bool { return alone.query("SHOW synchronous_standby_names") == "gone" })
	if err := endNothing(); err == nil {
		t.Error("a commit that the standby never saw is a success")
	}
	if err := db.Settle(t.Context()); err == nil {
		t.Error("what the standby never saw has settled")
	}
}

// TestADatabaseThatHangsIsAnOutage stops every process of a PostgreSQL server as a frozen machine
// does: connections stay, and nothing answers. Everyone is told of the outage after a while, and
// as soon as the database goes on, so does the program.
func TestADatabaseThatHangsIsAnOutage(t *testing.T) {
	t.Parallel()
	frozen := newCluster(t)
	program, l := startOn(t, frozen.address("authgraph"), "AUTHGRAPH_DATABASE_TIMEOUT=2s")
	l.outages = true
	if err := frozen.freeze(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var asked sync.WaitGroup
	for _, operation := range []string{meOperation, `{ session { id } }`, logOutOperation} {
		asked.Go(func() {
			a := l.ask(l.admin, "%s", operation)
			if a.code() != cutOff || a.body == "" {
				l.loses("while the database hangs %s is answered %v", operation, a)
			}
			t.Logf("%s was answered after %v", operation, time.Since(begin).Round(time.Millisecond))
		})
	}
	program.awaitReady(http.StatusServiceUnavailable)
	asked.Wait()
	if err := frozen.thaw(); err != nil {
		t.Fatal(err)
	}
	program.awaitReady(http.StatusOK)
	l.apart(func() {
		if p := l.newcomer(rand.New(rand.NewPCG(1, 1))); !p.logIn(p.password()) {
			l.loses("it does not work again")
		}
	})
}
