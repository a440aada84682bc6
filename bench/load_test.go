package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a server that remembers what was asked of it.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int // by cookie
	dials int
}

// serveFake starts a server that answers as GraphQL does; refuse says whom it refuses.
func serveFake(t *testing.T, refuse func(cookie string) bool) *fake {
	t.Helper()
	f := &fake{asked: map[string]int{}}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked[r.Header.Get("Cookie")]++
		f.mu.Unlock()
		if refuse(r.Header.Get("Cookie")) {
			fmt.Fprint(w, `{"errors":[{"message":"no"}],"data":null}`)
			return
		}
		fmt.Fprintf(w, `{"data":{"text":%q}}`, strings.Repeat("x", 10_000)) // in several chunks
	}))
	f.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.dials++
		}
	}
	f.Start()
	t.Cleanup(f.Close)
	return f
}

func (f *fake) address() string { return f.Listener.Addr().String() }

// as returns requests with these cookies.
func as(cookies ...string) (requests []request) {
	for _, cookie := range cookies {
		requests = append(requests, newOperation("{ text }", nil, "Cookie: "+cookie))
	}
	return requests
}

func nobody(string) bool { return false }

func TestALoadGoesRoundItsRequests(t *testing.T) {
	t.Parallel()
	f := serveFake(t, nobody)
	began, ended := 0, 0
	l := load{address: f.address(), requests: as("a", "b", "c"), connections: 2, duration: time.Minute, most: 9,
		begun: func() error { began++; return nil }, ended: func() error { ended++; return nil }}
	outcome, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if outcome.answered != 9 || len(outcome.latencies) != 9 || len(outcome.ends) != 9 {
		t.Errorf("%d of 9 were answered", outcome.answered)
	}
	for _, cookie := range []string{"a", "b", "c"} {
		if f.asked[cookie] != 3 {
			t.Errorf("%s was sent %d times", cookie, f.asked[cookie])
		}
	}
	f.Close() // then it has counted every connection
	if f.dials != 2 {
		t.Errorf("%d connections carried it", f.dials)
	}
	if began != 1 || ended != 1 {
		t.Errorf("it began %d times and ended %d times", began, ended)
	}
}

func TestALoadKeepsToItsRate(t *testing.T) {
	t.Parallel()
	f := serveFake(t, nobody)
	l := load{address: f.address(), requests: as("a"), connections: 3, rate: 100, duration: 200 * time.Millisecond}
	outcome, err := l.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A slow machine sends fewer.
	if outcome.answered > 20 {
		t.Errorf("%d were sent where 20 were due", outcome.answered)
	}
}

func TestARefusalStopsALoadUnlessItIsCounted(t *testing.T) {
	t.Parallel()
	f := serveFake(t, func(cookie string) bool { return cookie == "bad" })
	l := load{address: f.address(), requests: as("good", "bad"), connections: 1, duration: time.Minute, most: 10}
	if _, err := l.run(t.Context()); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), `"message":"no"`) {
		t.Errorf("a refusal goes unnoticed: %v", err)
	}
	l.refusals = true
	outcome, err := l.run(t.Context())
	if err != nil || outcome.answered != 5 || outcome.refused != 5 || len(outcome.latencies) != 5 {
		t.Errorf("%d were answered and %d refused: %v", outcome.answered, outcome.refused, err)
	}
	l.requests = as("bad")
	if _, err := l.run(t.Context()); err == nil {
		t.Error("a load of which nothing is answered passes")
	}
}

func TestALoadEndsWhenItIsEnough(t *testing.T) {
	t.Parallel()
	f := serveFake(t, func(cookie string) bool { return cookie == "bad" })
	enough := make(chan struct{})
	close(enough)
	l := load{address: f.address(), requests: as("good"), connections: 2, duration: time.Hour, enough: enough}
	if outcome, _ := l.run(t.Context()); outcome.answered != 0 {
		t.Errorf("%d were sent after the end", outcome.answered)
	}
	// Also while it waits after a refusal.
	ctx, cancel := context.WithCancel(t.Context())
	l = load{address: f.address(), requests: as("bad"), connections: 1, duration: time.Hour, refusals: true, pause: time.Hour}
	f.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(10*time.Millisecond, cancel)
	})
	if _, err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a load that is called off ends with %v", err)
	}
}

func TestALoadTellsOfAServerThatIsGone(t *testing.T) {
	t.Parallel()
	f := serveFake(t, nobody)
	address := f.address()
	f.Close()
	if _, err := (load{address: address, requests: as("a"), connections: 1, duration: time.Minute}).run(t.Context()); err == nil {
		t.Error("nobody answers, and nobody hears of it")
	}
}

func TestFiguresOfALoad(t *testing.T) {
	t.Parallel()
	var o outcome
	for n := range 100 {
		o.latencies = append(o.latencies, time.Duration(n+1)*time.Millisecond)
		o.ends = append(o.ends, 5*time.Second+time.Duration(n)*10*time.Millisecond)
	}
	if got := o.percentile(0.99); got != 100 {
		t.Errorf("p99 is %v", got)
	}
	if got := o.percentile(0.5); got != 51 {
		t.Errorf("p50 is %v", got)
	}
	if got := o.perSecond(); got != 100 {
		t.Errorf("%v a second", got)
	}
	if got := (outcome{ends: []time.Duration{1}}).perSecond(); got != 0 {
		t.Errorf("one answer makes %v a second", got)
	}
}
