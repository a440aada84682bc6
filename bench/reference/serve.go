package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// serveCommand serves.
type serveCommand struct {
	Database string `type:"existingfile" placeholder:"FILE" help:"A SQLite file to read the page of users from."`
}

// Run serves until it is told to stop.
func (c serveCommand) Run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql", me)
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

// me decodes a request and encodes a user: the least that an answer takes.
func me(w http.ResponseWriter, r *http.Request) {
	if !decode(w, r) {
		return
	}
	var answer struct {
		Data struct {
			Me user `json:"me"`
		} `json:"data"`
	}
	answer.Data.Me = someone
	encode(w, answer)
}

// decode reads a request, or refuses it.
func decode(w http.ResponseWriter, r *http.Request) bool {
	var asked request
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Query == "" {
		http.Error(w, "not a request", http.StatusBadRequest)
		return false
	}
	return true
}

func encode(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone needs no answer
}
