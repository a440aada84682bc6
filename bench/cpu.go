package main

import (
	"context"
	"time"
)

// cpuSide measures how many microseconds of CPU time a server takes for a request. Before each
// measurement every request is made once: what a server does at the first use of a session in a
// while, such as to note that it was used, is not what most requests cost.
func (r *rig) cpuSide(name string, server *child, requests []request) side {
	return side{name: name, take: func(ctx context.Context) (readings, error) {
		if err := r.everyOne(ctx, server, requests); err != nil {
			return nil, err
		}
		var before, after time.Duration
		l := load{address: server.address, requests: requests, connections: r.Connections, rate: r.Rate, duration: r.Duration}
		l.begun = func() (err error) { before, err = cpuTime(server.pid()); return err }
		l.ended = func() (err error) { after, err = cpuTime(server.pid()); return err }
		outcome, err := l.run(ctx)
		if err != nil {
			return nil, err
		}
		return readings{name: float64(after-before) / float64(time.Microsecond) / float64(outcome.answered)}, nil
	}}
}

// everyOneTime bounds how long it takes to make every request once.
const everyOneTime = 5 * time.Minute

// everyOne makes every request once.
func (r *rig) everyOne(ctx context.Context, server *child, requests []request) error {
	l := load{address: server.address, requests: requests, connections: r.Connections, duration: everyOneTime, most: len(requests)}
	_, err := l.run(ctx)
	return err
}
