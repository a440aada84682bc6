package main

import (
	"context"
	"strings"

	"github.com/authgraph/authgraph/bench/people"
)

// pageQuery is what an administrator's list of users shows.
const pageQuery = `query Page($after: String) { users(first: 50, after: $after) { nodes {
	id email username firstName lastName createdAt roles { id name description } sessions { id createdAt lastSeenAt address }
} pageInfo { hasNextPage endCursor } } }`

// page: what does a page with nested lists cost, against SQL and JSON by hand?
var page = question{
	name: "page", title: "users(first: 50) with roles and sessions, on SQLite", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		server, err := r.serveAdmin(ctx, t, database)
		if err != nil {
			return t, err
		}
		byHand, err := r.refer(ctx, t, "serve", "--database", strings.TrimPrefix(database, "sqlite:"))
		if err != nil {
			return t, err
		}
		requests := []request{pageRequest("")}
		if err := sameShape(ctx, server, byHand, requests[0]); err != nil {
			return t, err
		}
		t.rows = []row{{name: "cpu", title: "CPU per request, against SQL by hand", unit: "µs", of: "page", per: "by hand", goal: atMost(3)}}
		t.sides = []side{r.cpuSide("page", server, requests), r.cpuSide("by hand", byHand, requests)}
		return t, nil
	},
}

// admin is the number of the user, and of the session, of an administrator.
const admin = 0

// serveAdmin starts the server on a database in which it makes an administrator.
func (r *rig) serveAdmin(ctx context.Context, t *trial, database string) (*child, error) {
	if _, err := r.authgraph(ctx, database, "users", "grant", people.Username(admin), "admin"); err != nil {
		return nil, err
	}
	return r.serve(ctx, t, database)
}

// pageRequest asks for the page after a cursor, or for the first one.
func pageRequest(after string) request {
	if after == "" {
		return newOperation(pageQuery, nil, cookie(admin))
	}
	return newOperation(pageQuery, map[string]any{"after": after}, cookie(admin))
}
