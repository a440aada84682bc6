package graph_test

import (
	"testing"

	"github.com/authgraph/authgraph/store/storetest"
)

// lockDatabase has another process keep writers of sessions out until release.
func lockDatabase(t *testing.T, address string) (release func()) {
	t.Helper()
	other := storetest.SQL(t, address)
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if storetest.OnPostgres() { // where SQLite lets one transaction write, whatever it writes
		if _, err := tx.ExecContext(t.Context(), "LOCK TABLE sessions IN EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
}
