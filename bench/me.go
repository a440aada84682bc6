package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authgraph/authgraph/bench/people"
)

// meQuery is what an application asks most.
const meQuery = `query Me { me { id email username firstName lastName createdAt } }`

// meByCookie: what does it cost to tell a browser who is signed in?
var meByCookie = question{
	name: "me-cookie", title: "me by session cookie, on SQLite", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		return t, r.openMe(ctx, t, database, atMost(2.5))
	},
}

// meOnPostgres: and on PostgreSQL, where every look-up goes to another process?
var meOnPostgres = question{
	name: "me-cookie-postgres", title: "me by session cookie, on PostgreSQL", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filledPostgres(ctx, t, r.Tokens)
		if err != nil {
			return t, err
		}
		return t, r.openMe(ctx, t, database, atMost(6))
	},
}

// openMe compares requests for `me` by cookie with the bare server.
func (r *rig) openMe(ctx context.Context, t *trial, database string, goal goal) error {
	server, err := r.serve(ctx, t, database)
	if err != nil {
		return err
	}
	return r.againstBare(ctx, t, server, meRequests(cookies(firstSessions(r.Tokens))), goal)
}

// againstBare compares the CPU time of a server's requests with that of the bare server.
func (r *rig) againstBare(ctx context.Context, t *trial, server *child, requests []request, goal goal) error {
	bare, err := r.refer(ctx, t, "serve")
	if err != nil {
		return err
	}
	if err := sameShape(ctx, server, bare, requests[0]); err != nil {
		return err
	}
	t.rows = []row{{name: "cpu", title: "CPU per request, against the bare server", unit: "µs", of: "me", per: "bare", goal: goal}}
	t.sides = []side{r.cpuSide("me", server, requests), r.cpuSide("bare", bare, requests)}
	return nil
}

// firstSessions returns the numbers of the first sessions.
func firstSessions(n int) []int { return spread(n, n) }

// spread returns n numbers of sessions out of so many, evenly spread.
func spread(n, of int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i * of / n
	}
	return numbers
}

// cookies returns the headers by which browsers present sessions.
func cookies(sessions []int) []string {
	headers := make([]string, len(sessions))
	for i, session := range sessions {
		headers[i] = cookie(session)
	}
	return headers
}

func cookie(session int) string { return "Cookie: authgraph_session=" + people.Token(session) }

// meRequests returns a request for `me` with each of the credentials.
func meRequests(credentials []string) []request {
	requests := make([]request, len(credentials))
	for i, credential := range credentials {
		requests[i] = newOperation(meQuery, nil, credential)
	}
	return requests
}

// newOperation returns a request of GraphQL.
func newOperation(query string, variables map[string]any, headers ...string) request {
	body, err := json.Marshal(struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables,omitempty"`
	}{query, variables})
	if err != nil {
		panic(err) // any such map can be written
	}
	return newRequest(http.MethodPost, "/graphql", string(body), headers...)
}
