// Package storetest gives each test a database of its own: on SQLite, and again on PostgreSQL
// where the environment names a server.
//
// A test does not choose. The tests of a package run in two rounds, of which the second has
// PostgreSQL, if TestMain passes them through Rounds:
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Rounds(m).Run()) }
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/authgraph/authgraph/store"
)

// EnvPostgres names the PostgreSQL database, as a connection URL, in which tests make schemas.
const EnvPostgres = "AUTHGRAPH_TEST_POSTGRES"

// EnvOnlyPostgres leaves the round on SQLite out, for whoever has run it already.
const EnvOnlyPostgres = "AUTHGRAPH_TEST_ONLY_POSTGRES"

// Connections is how many connections each test's store opens at most, so that a few tests
// at once stay below what a server allows by default.
const Connections = 8

// onPostgres is set during the second round.
var onPostgres atomic.Bool

// Rounds returns the tests of m as two rounds, the second of which has PostgreSQL.
func Rounds(m *testing.M) interface{ Run() int } { return rounds{m} }

type rounds struct{ m *testing.M }

// Run runs the rounds and returns the exit code of the first that fails.
func (r rounds) Run() int {
	if os.Getenv(EnvPostgres) == "" || os.Getenv(EnvOnlyPostgres) == "" {
		if code := r.m.Run(); code != 0 {
			return code
		}
	}
	if os.Getenv(EnvPostgres) == "" {
		fmt.Println("the round on PostgreSQL is skipped:", EnvPostgres, "names no server")
		return 0
	}
	fmt.Println("the same on PostgreSQL:")
	onPostgres.Store(true)
	return r.m.Run()
}

// OnPostgres reports whether this is the round on PostgreSQL.
func OnPostgres() bool { return onPostgres.Load() }

// SQLite skips a test in the round on PostgreSQL, because it is about SQLite alone.
func SQLite(t testing.TB) {
	t.Helper()
	if OnPostgres() {
		t.Skip("about SQLite alone")
	}
}

// Open returns a new migrated database that is closed when the test ends. A test may close
// it before, to see what an outage does.
func Open(t testing.TB) *store.Store {
	t.Helper()
	return OpenAt(t, Address(t))
}

// Address returns the address of a new empty database.
func Address(t testing.TB) string {
	t.Helper()
	if OnPostgres() {
		return Postgres(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres returns the address of a new empty schema of PostgreSQL, or skips the test where the
// environment names no server.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(EnvPostgres)
	if server == "" {
		t.Skip(EnvPostgres, "names no server")
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	maintain(t, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { maintain(t, "DROP SCHEMA "+schema+" CASCADE") })
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

// server is the connection by which schemas are made and removed.
var server = sync.OnceValues(func() (*sql.DB, error) {
	pool, err := sql.Open("pgx", os.Getenv(EnvPostgres))
	if err == nil {
		pool.SetMaxOpenConns(2)
	}
	return pool, err
})

// maintain runs a statement on the server, again where PostgreSQL gave it up for another one: what a
// test has given up may still be under way there. The context of a test that ends is done already.
func maintain(t testing.TB, statement string) {
	t.Helper()
	pool, err := server()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		_, err := pool.ExecContext(ctx, statement)
		if fault, ok := errors.AsType[*pgconn.PgError](err); ok && fault.Code == deadlockDetected {
			continue
		}
		if err != nil {
			t.Error(err)
		}
		return
	}
}

// deadlockDetected is the code of that error (PostgreSQL, appendix A).
const deadlockDetected = "40P01"

// OpenAt opens and migrates the database at an address.
func OpenAt(t testing.TB, address string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{Connections: Connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// SQL returns a connection to the database at an address behind the store's back.
func SQL(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver, source := "pgx", address
	if path := store.File(address); path != "" {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_txlock=immediate"
	}
	pool, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Lock has somebody else hold tables of a database, named as in LOCK TABLE of PostgreSQL, until unlock.
// SQLite has one lock, for whoever writes.
func Lock(t testing.TB, address, tables string) (unlock func()) {
	t.Helper()
	pool := SQL(t, address)
	tx, err := pool.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if store.File(address) == "" {
		if _, err := tx.ExecContext(t.Context(), "LOCK TABLE "+tables); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		if err := errors.Join(tx.Rollback(), pool.Close()); err != nil {
			t.Error(err)
		}
	}
}

// Exec runs a statement behind the store's back.
func Exec(t testing.TB, address, statement string) {
	t.Helper()
	pool := SQL(t, address)
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Bytes writes bytes as SQL of this round does.
func Bytes(value []byte) string {
	if OnPostgres() {
		return fmt.Sprintf("'\\x%x'", value)
	}
	return fmt.Sprintf("x'%x'", value)
}

// Number returns what a query for one number returns.
func Number(t testing.TB, address, query string) (n int) {
	t.Helper()
	pool := SQL(t, address)
	defer pool.Close()
	if err := pool.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Text returns what a query for one text returns.
func Text(t testing.TB, address, query string) (text string) {
	t.Helper()
	pool := SQL(t, address)
	defer pool.Close()
	if err := pool.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}
