package main

import (
	"bytes"
	"database/sql"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store/storetest"
)

var replicasTime = flag.Duration("replicas-time", 8*time.Second, "how long TestReplicasThatDieGiveNoWrongAnswer lasts")

// replicas are processes of the program on one database, behind a load balancer.
type replicas struct {
	*ledger
	all      []*process
	address  string
	database *sql.DB // the same, behind their back
}

// startReplicas starts three replicas. The administrator is admin@example.test.
func startReplicas(t *testing.T, environ ...string) *replicas {
	t.Helper()
	r := &replicas{address: storetest.Address(t)}
	r.database = storetest.SQL(t, r.address)
	balancer := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    &roundRobin{replicas: r},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
	t.Cleanup(balancer.Close)
	environ = append([]string{"AUTHGRAPH_PUBLIC_URL=" + balancer.URL, "AUTHGRAPH_FRESH_DURATION=1h"}, environ...)
	for range 3 {
		r.all = append(r.all, startProcess(t, r.address, environ...))
	}
	r.all[0].runCommand(goodPassword+"\n", "create-admin", "admin@example.test")
	r.ledger = newLedger(t, func() string { return balancer.URL })
	return r
}

// roundRobin passes requests on to replicas in turn. It asks another one only where the first
// refuses the connection, so that nothing is asked twice.
type roundRobin struct {
	replicas  *replicas
	turn      atomic.Uint64
	transport http.Transport
}

func (b *roundRobin) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var response *http.Response
	for range b.replicas.all {
		replica := b.replicas.all[b.turn.Add(1)%uint64(len(b.replicas.all))]
		attempt := r.Clone(r.Context())
		attempt.URL.Scheme, attempt.URL.Host = "http", strings.TrimPrefix(replica.URL(), "http://")
		attempt.Body = io.NopCloser(bytes.NewReader(body))
		if response, err = b.transport.RoundTrip(attempt); !unreachable(err) {
			break
		}
	}
	return response, err
}

// TestReplicasThatDieGiveNoWrongAnswer has people use three replicas while one after the other is
// killed and started again. Nobody gets another answer than one server would give, but for
// requests that are cut off. For a longer run:
//
//	go test -run TestReplicasThatDieGiveNoWrongAnswer -replicas-time 1m -v .
func TestReplicasThatDieGiveNoWrongAnswer(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	r := startReplicas(t)
	end := time.Now().Add(*replicasTime)
	enough := func() bool { return t.Failed() || time.Now().After(end) }
	var users sync.WaitGroup
	for n := range uint64(6) {
		users.Go(func() { r.live(rand.New(rand.NewPCG(seed, n)), enough) })
	}
	listings := 0
	users.Go(func() {
		for known := 0; !enough(); time.Sleep(20 * time.Millisecond) { // for all others it is a load
			listings++
			a := r.read(r.admin, `{ users(first: 5) { totalCount } }`)
			if a.code() != "" || a.Data.Users.TotalCount < known {
				r.loses("after %d users the administrator is told %v", known, a)
			}
			known = a.Data.Users.TotalCount
		}
	})
	var recoveries []time.Duration
	users.Go(func() {
		for random := rand.New(rand.NewPCG(seed, 100)); !enough(); {
			time.Sleep(time.Duration(100+random.IntN(700)) * time.Millisecond) // wherever requests are by then
			victim := r.all[random.IntN(len(r.all))]
			r.kill(func() {
				if err := victim.killForGood(); err != nil {
					r.broken("%v", err)
				}
			})
			begin := time.Now()
			if err := victim.start(); err != nil {
				r.broken("after a crash: %v", err)
			}
			recoveries = append(recoveries, time.Since(begin))
		}
	})
	users.Wait()
	r.checkAll()
	r.checkTables(r.address)
	t.Logf("%s; %d lists of users, %d kills, from start to serving %s", r.summary(), listings, len(recoveries), spread(recoveries))
}
