package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load is many requests to one server.
type load struct {
	address     string
	requests    []request // sent in this order, round and round
	connections int
	rate        float64       // how many a second, over all connections; 0: each as soon as the last is answered
	duration    time.Duration // after which no more are sent
	most        int           // how many are sent at most; 0: any number

	refusals bool            // whether a refusal is only counted, and the next request sent after a pause
	pause    time.Duration   // after a refusal, on average
	enough   <-chan struct{} // when it is closed, no more are sent

	begun, ended func() error // called when all connections are there, and when the last answer is in
}

// outcome is what became of a load.
type outcome struct {
	answered  int // without the refused ones
	refused   int
	latencies []time.Duration // of those answered, sorted
	ends      []time.Duration // when each was answered, sorted, since the beginning
}

// percentile returns the latency that a share of the requests stay below, in milliseconds.
func (o outcome) percentile(share float64) float64 {
	place := min(int(share*float64(len(o.latencies))), len(o.latencies)-1)
	return float64(o.latencies[place]) / float64(time.Millisecond)
}

// perSecond returns how many were answered a second, from the first answer to the last. So neither
// how long the first took nor what was under way at the end makes a difference.
func (o outcome) perSecond() float64 {
	n := len(o.ends)
	if n < 2 {
		return 0
	}
	return float64(n-1) / (o.ends[n-1] - o.ends[0]).Seconds()
}

// run puts the load on the server, from when all connections are there.
func (l load) run(ctx context.Context) (outcome, error) {
	connections := make([]*connection, l.connections)
	for i := range connections {
		c, err := dial(ctx, l.address)
		if err != nil {
			return outcome{}, err
		}
		defer c.Close()
		connections[i] = c
	}
	if l.begun != nil {
		if err := l.begun(); err != nil {
			return outcome{}, err
		}
	}
	var next atomic.Int64
	start := time.Now()
	workers := make([]worker, l.connections)
	var running sync.WaitGroup
	for i := range workers {
		workers[i] = worker{load: l, connection: connections[i], start: start, next: &next}
		running.Go(func() { workers[i].run(ctx, i) })
	}
	running.Wait()
	var err error
	if l.ended != nil {
		err = l.ended()
	}
	total := outcome{}
	for _, w := range workers {
		if err == nil {
			err = w.err // the others' will be the same
		}
		total.answered += len(w.latencies)
		total.refused += w.refused
		total.latencies = append(total.latencies, w.latencies...)
		total.ends = append(total.ends, w.ends...)
	}
	slices.Sort(total.latencies)
	slices.Sort(total.ends)
	if err == nil && total.answered == 0 {
		err = errors.New("no request was answered")
	}
	return total, err
}

// worker sends what one connection carries.
type worker struct {
	load
	connection *connection
	start      time.Time
	next       *atomic.Int64

	refused         int
	latencies, ends []time.Duration
	err             error
}

func (w *worker) run(ctx context.Context, place int) {
	for turn := 0; w.goesOn(ctx); turn++ {
		due := time.Now()
		if w.rate > 0 {
			due = w.start.Add(time.Duration(float64(turn*w.connections+place) / w.rate * float64(time.Second)))
			if due.Sub(w.start) >= w.duration {
				return
			}
			if wait := time.Until(due); wait > 0 {
				time.Sleep(wait)
				due = time.Now() // that the sleep was too long is not the server's fault
			}
		}
		n := int(w.next.Add(1)) - 1
		if w.most > 0 && n >= w.most {
			return
		}
		status, err := w.connection.ask(w.requests[n%len(w.requests)])
		if err == nil {
			err = mustSucceed(status, w.connection.body.Bytes())
		}
		switch end := time.Now(); {
		case err == nil:
			// A request that had to wait for the answer to the one before counts from when it was due.
			w.latencies = append(w.latencies, end.Sub(due))
			w.ends = append(w.ends, end.Sub(w.start))
		case w.refusals && errors.Is(err, errRefused):
			w.refused++
			w.wait(ctx)
		default:
			w.err = err
			return
		}
	}
	w.err = ctx.Err()
}

// goesOn reports whether another request should be sent.
func (w *worker) goesOn(ctx context.Context) bool {
	select {
	case <-w.enough:
		return false
	default:
		return ctx.Err() == nil && time.Since(w.start) < w.duration
	}
}

// wait waits after a refusal, half as long again or half as short, as clients do: those refused
// together would come together ever after.
func (w *worker) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-w.enough:
	case <-time.After(w.pause/2 + rand.N(w.pause+1)):
	}
}
