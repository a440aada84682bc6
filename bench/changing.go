package main

import (
	"context"
	"errors"
	"time"
)

// changeRate is how often a second something else changes the database.
const changeRate = 10

// meWhileChanging: and while others sign in and out all the time?
var meWhileChanging = question{
	name: "me-cookie-changing", title: "me by session cookie, on SQLite, while the database changes",
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
		// Of another process, so that its CPU time is not counted.
		changer, err := r.serve(ctx, t, database)
		if err != nil {
			return t, err
		}
		if err := r.againstBare(ctx, t, server, meRequests(cookies(firstSessions(r.Tokens))), goal{}); err != nil {
			return t, err
		}
		for i := range t.sides {
			t.sides[i].take = r.whileChanging(changer, t.sides[i].take)
		}
		return t, nil
	},
}

// whileChanging measures while a server changes the database again and again.
func (r *rig) whileChanging(changer *child, take func(context.Context) (readings, error)) func(context.Context) (readings, error) {
	changes := []request{
		newOperation(`mutation { updateMe(input: {locale: "de"}) { user { id } } }`, nil, cookie(0)),
		newOperation(`mutation { updateMe(input: {locale: "en"}) { user { id } } }`, nil, cookie(0)),
	}
	return func(ctx context.Context) (readings, error) {
		enough, done := make(chan struct{}), make(chan error, 1)
		l := load{address: changer.address, requests: changes, connections: 1, rate: changeRate, duration: 10 * time.Minute, enough: enough}
		go func() {
			_, err := l.run(ctx)
			done <- err
		}()
		found, err := take(ctx)
		close(enough)
		return found, errors.Join(err, <-done)
	}
}
