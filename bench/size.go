package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/authgraph/authgraph/bench/people"
)

const (
	// smallSize is how many users a small database has, and how many sessions ask.
	smallSize = 1000
	// manyAsking is how many sessions ask of the large one beside: more than a server recalls.
	manyAsking = 20_000
)

// lookup: does it cost more to find a session among very many? It asks /auth, which does little
// else.
var lookup = question{
	name: "lookup", title: "session look-up among very many",
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		ask := func(name string, server *child, sessions []int) {
			var requests []request
			for _, cookie := range cookies(sessions) {
				requests = append(requests, newRequest(http.MethodGet, "/auth", "", cookie))
			}
			t.sides = append(t.sides, r.cpuSide(name, server, requests))
		}
		var large *child
		for _, size := range []int{smallSize, r.Size} {
			database, err := r.filled(ctx, size)
			if err != nil {
				return t, err
			}
			server, err := r.serve(ctx, t, database)
			if err != nil {
				return t, err
			}
			ask(strconv.Itoa(size)+" users", server, spread(smallSize, size))
			large = server
		}
		asking := min(manyAsking, r.Size)
		ask(fmt.Sprintf("%d sessions ask", asking), large, spread(asking, r.Size))
		small := t.sides[0].name
		t.rows = []row{
			{
				name: "cpu", title: fmt.Sprintf("CPU per request, %d users and sessions against %d, of which %d ask", r.Size, smallSize, smallSize),
				unit: "µs", of: t.sides[1].name, per: small, goal: atMost(1.5),
			},
			{
				name: "many", title: fmt.Sprintf("the same where %d ask", asking),
				unit: "µs", of: t.sides[2].name, per: small,
			},
		}
		return t, nil
	},
}

// depth: does a page cost more that lies deep in the list?
var depth = question{
	name: "depth", title: "a page of users at any depth",
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Size)
		if err != nil {
			return t, err
		}
		server, err := r.serveAdmin(ctx, t, database)
		if err != nil {
			return t, err
		}
		t.sides = []side{r.cpuSide("first page", server, []request{pageRequest("")})}
		for _, place := range []struct {
			name string
			user int
		}{{"page in the middle", r.Size / 2}, {"last page", r.Size - 51}} {
			after, err := cursor(ctx, server, place.user)
			if err != nil {
				return t, err
			}
			t.sides = append(t.sides, r.cpuSide(place.name, server, []request{pageRequest(after)}))
			t.rows = append(t.rows, row{
				name: place.name, title: fmt.Sprintf("CPU per request, %s of %d users against the first", place.name, r.Size),
				unit: "µs", of: place.name, per: "first page", goal: atMost(1.5),
			})
		}
		return t, nil
	},
}

// cursor returns where a user stands in the list.
func cursor(ctx context.Context, server *child, user int) (string, error) {
	c, err := dial(ctx, server.address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	var found struct {
		Users struct {
			Edges []struct {
				Cursor string
				Node   struct{ ID string }
			}
		}
	}
	variables := map[string]any{"name": people.Username(user)}
	if err := c.query(&found, `query ($name: String!) { users(filter: {search: $name}) { edges { cursor node { id } } } }`, variables, cookie(admin)); err != nil {
		return "", err
	}
	for _, edge := range found.Users.Edges {
		if edge.Node.ID == people.UserID(user) {
			return edge.Cursor, nil
		}
	}
	return "", fmt.Errorf("the server does not find %s", people.Username(user))
}
