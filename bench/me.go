package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/authgraph/authgraph/bench/people"
)

// meQuery is what an application asks most.
const meQuery = `query Me { me { id email username firstName lastName createdAt } }`

// meByCookie: what does it cost to tell a browser who is signed in?
var meByCookie = question{
	name: "me-cookie", title: "me by session cookie, on SQLite", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return nil, err
		}
		return r.openMe(ctx, database, atMost(2.5), cookies(r.Tokens))
	},
}

// openMe compares the CPU time of requests for `me` with that of the bare server.
func (r *rig) openMe(ctx context.Context, database string, goal goal, requests []request) (*trial, error) {
	t := &trial{rows: []row{{name: "cpu", title: "CPU per request, against the bare server", unit: "µs", of: "me", per: "bare", goal: goal}}}
	server, err := r.serve(ctx, t, database)
	if err != nil {
		return t, err
	}
	bare, err := r.refer(ctx, t, "serve")
	if err != nil {
		return t, err
	}
	t.sides = []side{r.cpuSide("me", server, requests), r.cpuSide("bare", bare, requests)}
	return t, nil
}

// cookies returns a request for `me` with each of the first sessions' cookies.
func cookies(n int) []request {
	requests := make([]request, n)
	for i := range requests {
		requests[i] = newRequest("POST", "/graphql", graphQL(meQuery, nil), cookie(i))
	}
	return requests
}

// cookie is the header by which a browser presents a session.
func cookie(session int) string { return "Cookie: authgraph_session=" + people.Token(session) }

// graphQL returns the body of a request.
func graphQL(query string, variables map[string]any) string {
	body, err := json.Marshal(struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables,omitempty"`
	}{query, variables})
	if err != nil {
		panic(err) // any such map can be written
	}
	return string(body)
}

// cpuSide measures how many microseconds of CPU time a server takes for a request. Before each
// measurement every request is made once: what a server does at the first use of a session in a
// while, such as to note that it was used, is not what most requests cost.
func (r *rig) cpuSide(name string, server *child, requests []request) side {
	return side{name: name, take: func(ctx context.Context) (readings, error) {
		warm := load{address: server.address, requests: requests, connections: r.Connections, duration: time.Minute, most: len(requests)}
		nothing := func() error { return nil }
		if _, err := warm.run(ctx, nothing, nothing); err != nil {
			return nil, err
		}
		var before, after time.Duration
		measured := load{address: server.address, requests: requests, connections: r.Connections, rate: r.Rate, duration: r.Duration}
		outcome, err := measured.run(ctx,
			func() (err error) { before, err = cpuTime(server.pid()); return err },
			func() (err error) { after, err = cpuTime(server.pid()); return err })
		if err != nil {
			return nil, err
		}
		return readings{name: float64(after-before) / float64(time.Microsecond) / float64(outcome.answered)}, nil
	}}
}
