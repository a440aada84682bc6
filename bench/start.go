package main

import (
	"context"
	"errors"
	"os"
	"time"
)

// start: how long does a start take, from the command to the first answer, on a database that is
// there?
var start = question{
	name: "start", title: "start to first answer",
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Size)
		if err != nil {
			return t, err
		}
		t.rows = []row{{name: "time", title: "from the command to the first answer", unit: "ms", of: "start", goal: atMost(50)}}
		first := newOperation(meQuery, nil, cookie(r.Size/2))
		t.sides = []side{
			r.startSide("start", first, r.environ(database), r.server),
			r.startSide("bare", first, os.Environ(), r.reference, "serve"), // what a process takes on this machine
		}
		return t, nil
	},
}

// startSide measures how many milliseconds pass from the command to the first answer.
func (r *rig) startSide(name string, first request, environ []string, path string, args ...string) side {
	return side{name: name, take: func(ctx context.Context) (_ readings, err error) {
		log := r.log()
		begin := time.Now()
		server, err := startChild(ctx, log, environ, path, args...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, server.stop()) }()
		c, err := dial(ctx, server.address)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		status, err := c.ask(first)
		if err != nil {
			return nil, err
		}
		took := time.Since(begin)
		return readings{name: float64(took) / float64(time.Millisecond)}, mustSucceed(status, c.body.Bytes())
	}}
}
