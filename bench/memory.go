package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// memoryRequests is how many requests are made before memory is measured again.
	memoryRequests = 100_000
	// memoryTokens is how many sessions make them.
	memoryTokens = 10_000
)

// memory: how much does a server hold that does nothing, and one that has done much?
var memory = question{
	name: "memory", title: "memory of the process",
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Size)
		if err != nil {
			return t, err
		}
		t.rows = []row{
			{name: "idle", title: fmt.Sprintf("idle, on a database with %d users", r.Size), unit: "MB", of: "idle", goal: atMost(30)},
			{name: "after", title: fmt.Sprintf("after %d requests", memoryRequests), unit: "MB", of: "after", goal: atMost(80)},
		}
		requests := meRequests(cookies(spread(min(memoryTokens, r.Size), r.Size)))
		t.sides = []side{{name: "memory", take: func(ctx context.Context) (_ readings, err error) {
			server, err := startChild(ctx, r.log(), r.environ(database), r.server)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, server.stop()) }()
			idle, err := settled(ctx, server.pid())
			if err != nil {
				return nil, err
			}
			l := load{address: server.address, requests: requests, connections: r.Connections, duration: 10 * time.Minute, most: memoryRequests}
			if _, err := l.run(ctx); err != nil {
				return nil, err
			}
			after, err := settled(ctx, server.pid())
			return readings{"idle": float64(idle) / megabyte, "after": float64(after) / megabyte}, err
		}}}
		return t, nil
	},
}
