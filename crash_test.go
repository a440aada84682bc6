package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

var crashWrites = flag.Int("crash-writes", 500, "after how many acknowledged changes TestNothingAcknowledgedIsLost ends")

// TestNothingAcknowledgedIsLost kills the program again and again while people use it, and starts
// it again on the database that is left. What it acknowledged before it died holds afterwards, and
// what it was at has happened as a whole or not at all. For a long run:
//
//	go test -run TestNothingAcknowledgedIsLost -crash-writes 20000 -timeout 1h -v .
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	address := storetest.Address(t)
	program := startProcess(t, address)
	program.runCommand(goodPassword+"\n", "create-admin", "admin@example.test")
	l := newLedger(t, program.URL)

	var users sync.WaitGroup
	for n := range uint64(6) {
		users.Go(func() {
			l.live(rand.New(rand.NewPCG(seed, n)), func() bool { return l.reached(*crashWrites) })
		})
	}
	var recoveries []time.Duration
	users.Go(func() {
		random := rand.New(rand.NewPCG(seed, 100))
		for next := random.IntN(80); next < *crashWrites && !t.Failed(); next += 10 + random.IntN(70) {
			l.await(next)
			time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond) // wherever requests are by then
			l.kill(func() {
				if err := program.killForGood(); err != nil {
					l.broken("%v", err)
				}
				begin := time.Now()
				if err := program.start(); err != nil {
					l.broken("after a crash: %v", err)
				}
				if a := l.read(l.admin, meOperation); a.Data.Me == nil {
					l.broken("after a crash the administrator is told %v", a)
				}
				recoveries = append(recoveries, time.Since(begin))
			})
		}
	})
	users.Wait()
	l.checkAll()
	l.checkTables(address)
	t.Logf("%s; %d kills, from start to the first good answer %s", l.summary(), len(recoveries), spread(recoveries))
}

// TestAKilledStartCanBeRepeated kills the program while it makes its database and its secret. What
// is left is no obstacle to the next start.
func TestAKilledStartCanBeRepeated(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(newSeed(t), 0))
	const starts = 8
	usual, killed := startDeadline, 0
	for range starts {
		address := storetest.Address(t)
		var environ []string
		if store.SecretFile(address) != "" {
			environ = []string{"AUTHGRAPH_SECRET="} // so that there is a file to make, too
		}
		program := newProcess(t, address, environ...)
		program.patience = time.Duration(float64(usual) * random.Float64())
		begin := time.Now()
		if program.start() != nil {
			killed++
		} else {
			usual = min(usual, time.Since(begin))
		}
		program.kill()
		program.patience = startDeadline
		if err := program.start(); err != nil {
			t.Fatal(err)
		}
		program.runCommand(goodPassword+"\n", "create-admin", "admin@example.test")
		newLedger(t, program.URL).checkTables(address)
		program.kill()
	}
	t.Logf("of %d starts, which take %v, %d were killed", starts, usual.Round(time.Millisecond), killed)
}

// spread tells how long something took.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "never"
	}
	slices.Sort(times)
	return fmt.Sprintf("%v at the median, %v at most", times[len(times)/2].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond))
}
