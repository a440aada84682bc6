package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// serveCommand serves.
type serveCommand struct {
	Database string `type:"existingfile" placeholder:"FILE" help:"A SQLite file to read the page of users from."`
}

// Run serves until it is told to stop.
func (c serveCommand) Run(ctx context.Context) (err error) {
	api := new(api)
	if c.Database != "" {
		if api.pages, err = openPages(ctx, c.Database); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, api.pages.close()) }()
	}
	mux := http.NewServeMux()
	mux.Handle("POST /graphql", api)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	fmt.Println("ready on", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// request is a request of GraphQL.
type request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// user is what is answered of a user.
type user struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Username  string    `json:"username"`
	FirstName string    `json:"firstName"`
	LastName  string    `json:"lastName"`
	CreatedAt time.Time `json:"createdAt"`
}

var someone = user{
	ID: "usr_01kdw6nm7r7001g0000000000g", Email: "Xenia.Fischer1234@example.test", Username: "user1234",
	FirstName: "Xenia", LastName: "Fischer", CreatedAt: time.Date(2026, 1, 1, 0, 20, 34, 0, time.UTC),
}

// api answers two operations.
type api struct {
	pages *pages // nil without a database
}

// ServeHTTP decodes a request and encodes the answer, by the beginning of the operation: it parses
// none.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var asked request
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, "not a request", http.StatusBadRequest)
		return
	}
	switch {
	case strings.HasPrefix(asked.Query, "query Me "):
		encode(w, map[string]user{"me": someone})
	case strings.HasPrefix(asked.Query, "query Page(") && a.pages != nil:
		users, err := a.pages.first(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		encode(w, map[string]*connection{"users": users})
	default:
		http.Error(w, "not an operation that is known", http.StatusBadRequest)
	}
}

// encode writes an answer.
func encode(w http.ResponseWriter, data any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(struct { // a client that is gone needs no answer
		Data any `json:"data"`
	}{data})
}
