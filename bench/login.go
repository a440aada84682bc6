package main

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/authgraph/authgraph/bench/people"
)

// loginTimes is how many times as long as others a load lasts that waits for passwords, of which a
// core verifies few a second.
const loginTimes = 3

// refusalPause is how long a client waits after a refusal, on average; the server asks for a few
// seconds.
const refusalPause = time.Second

// loginsPerCore is how many clients log in at once, so that none of the cores waits for one.
const loginsPerCore = 4

// login: how much of the time of a log-in is bcrypt, which nobody can do without?
var login = question{
	name: "login", title: "login per second", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		server, err := r.serve(ctx, t, database)
		if err != nil {
			return t, err
		}
		t.rows = []row{{name: "rate", title: "log-ins per second, against bcrypt alone on all cores", unit: "/s", of: "login", per: "bcrypt", goal: atLeast(0.95)}}
		t.sides = []side{{name: "login", take: func(ctx context.Context) (readings, error) {
			outcome, err := r.logins(server, loginsPerCore*runtime.NumCPU()).run(ctx)
			return readings{"login": outcome.perSecond(), "refused": float64(outcome.refused)}, err
		}}, r.bcryptSide()}
		return t, nil
	},
}

// logins returns a load of log-ins, each of another user.
func (r *rig) logins(server *child, connections int) load {
	requests := make([]request, r.Tokens)
	for i := range requests {
		requests[i] = newOperation(`mutation ($name: String!, $password: String!) { login(input: {identifier: $name, password: $password}) { ... on LoginSuccess { user { id } } } }`,
			map[string]any{"name": people.Username(i), "password": people.Password})
	}
	return load{
		address: server.address, requests: requests, connections: connections, duration: loginTimes * r.Duration,
		refusals: true, pause: refusalPause,
	}
}

// bcryptSide measures how many passwords all cores verify in a second when they do nothing else, at
// the low priority that the server gives to it: other programs slow down both alike.
func (r *rig) bcryptSide() side {
	return side{name: "bcrypt", take: func(ctx context.Context) (readings, error) {
		text, err := output(ctx, "", "nice", "-n", "15", r.reference, "bcrypt", "--cost", strconv.Itoa(r.BcryptCost), "--duration", (loginTimes * r.Duration).String())
		if err != nil {
			return nil, err
		}
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("the reference printed %q: %w", text, err)
		}
		return readings{"bcrypt": rate}, nil
	}}
}

const (
	// floodClients is how many clients log in at once, each again and again.
	floodClients = 200
	// floodRate is how often a second others ask for `me` meanwhile.
	floodRate = 100
)

// flood: how long do others wait while very many people sign in at once?
var flood = question{
	name: "flood", title: fmt.Sprintf("me while %d clients log in", floodClients),
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		server, err := r.serve(ctx, t, database)
		if err != nil {
			return t, err
		}
		requests := meRequests(cookies(firstSessions(r.Tokens)))
		asking := load{address: server.address, requests: requests, connections: r.Connections, rate: floodRate, duration: loginTimes * r.Duration}
		t.rows = []row{
			{name: "p99", title: "p99 of me, flooded against idle", unit: "ms", of: "flooded", per: "idle", goal: atMost(3)},
			{name: "rate", title: "log-ins per second meanwhile, against bcrypt alone", unit: "/s", of: "login", per: "bcrypt", goal: atLeast(0.9)},
		}
		t.sides = []side{
			{name: "idle", take: func(ctx context.Context) (readings, error) {
				if err := r.everyOne(ctx, server, requests); err != nil {
					return nil, err
				}
				outcome, err := asking.run(ctx)
				if err != nil {
					return nil, err
				}
				return readings{"idle": outcome.percentile(0.99)}, nil
			}},
			{name: "flooded", take: func(ctx context.Context) (readings, error) {
				if err := r.everyOne(ctx, server, requests); err != nil {
					return nil, err
				}
				return r.flooded(ctx, server, asking)
			}},
			r.bcryptSide(),
		}
		return t, nil
	},
}

// flooded measures a load while clients flood the server with log-ins, from when the first of them
// is in.
func (r *rig) flooded(ctx context.Context, server *child, asking load) (readings, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	logins := r.logins(server, floodClients)
	// It goes on until the others are done, and a little longer where they are late.
	logins.duration *= 2
	under, enough := make(chan struct{}), make(chan struct{})
	logins.begun, logins.enough = func() error { close(under); return nil }, enough
	var flood outcome
	failed := make(chan error, 1)
	go func() {
		var err error
		flood, err = logins.run(ctx)
		failed <- err
	}()
	select {
	case <-under:
	case err := <-failed:
		return nil, err
	}
	asked, err := asking.run(ctx)
	close(enough)
	if err != nil {
		stop()
		<-failed
		return nil, err
	}
	if err := <-failed; err != nil {
		return nil, err
	}
	return readings{"flooded": asked.percentile(0.99), "login": flood.perSecond(), "refused": float64(flood.refused)}, nil
}
