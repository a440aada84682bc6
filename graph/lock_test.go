package graph_test

import (
	"database/sql"
	"strings"
	"testing"
)

// lockDatabase has another process's connection write to a SQLite file until release.
func lockDatabase(t *testing.T, address string) (release func()) {
	t.Helper()
	other, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(address, "sqlite:")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
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
