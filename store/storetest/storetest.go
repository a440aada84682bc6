// Package storetest gives each test a database of its own.
package storetest

import (
	"path/filepath"
	"testing"

	"github.com/authgraph/authgraph/store"
)

// Open returns a new migrated database that is closed when the test ends. A test may close
// it before, to see what an outage does.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenAt(t, Address(t))
}

// Address returns the address of a new empty database.
func Address(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// OpenAt opens and migrates the database at an address.
func OpenAt(t testing.TB, address string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
