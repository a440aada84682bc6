package storetest

import (
	"context"
	"testing"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store"
)

// People adds so many of package people's users to a database, with a session each.
func People(t testing.TB, db *store.Store, n int) {
	t.Helper()
	crowd := people.Crowd{Users: n, Sessions: n, Cost: 10}
	const some = 1000 // at once, since a transaction has only so much time
	for first := 0; first < n; first += some {
		err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
			for i := first; i < min(first+some, n); i++ {
				if err := tx.InsertUser(ctx, crowd.User(i)); err != nil {
					return err
				}
				if err := tx.InsertSession(ctx, crowd.Session(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
