package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options are how a database is used. Their zero value is the usual.
type Options struct {
	// Connections is how many connections to PostgreSQL one process opens at most. 0: 20.
	Connections int
	// Timeout bounds the wait for each statement, and for a connection to run it on. It does not
	// bound COMMIT: a commit that PostgreSQL is told to give up may have happened. 0: 10 s.
	Timeout time.Duration
	// Waiting is told, once, why Migrate cannot go on yet. nil: nobody is.
	Waiting func(why error)
}

const (
	defaultConnections = 20
	defaultTimeout     = 10 * time.Second
	// openDeadline bounds how long opening waits: for a server that does not answer, or for
	// other processes that open the same file.
	openDeadline = 10 * time.Second
)

// The addresses of databases begin with one of these.
const (
	sqlitePrefix     = "sqlite:"
	postgresPrefix   = "postgres://"
	postgresqlPrefix = "postgresql://"
	memoryAddress    = sqlitePrefix + ":memory:"
)

// isPostgres reports whether an address is that of a PostgreSQL database.
func isPostgres(address string) bool {
	return strings.HasPrefix(address, postgresPrefix) || strings.HasPrefix(address, postgresqlPrefix)
}

// Temporary reports whether the database at address lives no longer than the process.
func Temporary(address string) bool { return address == memoryAddress }

// File returns the path of the file that the database at address is kept in, and "" for a
// database without one.
func File(address string) string {
	path, ok := strings.CutPrefix(address, sqlitePrefix)
	if !ok || Temporary(address) {
		return ""
	}
	return path
}

// SecretFile returns where the server secret of the database at address is kept when none
// is configured: beside the file of a SQLite database. It returns "" for a database that
// has no file.
func SecretFile(address string) string {
	if path := File(address); path != "" {
		return path + ".secret"
	}
	return ""
}

// CheckAddress says what is wrong with a database address, without opening it and without
// repeating a password in it.
func CheckAddress(address string) error {
	if isPostgres(address) {
		_, err := postgresConfig(address)
		return err
	}
	if path, ok := strings.CutPrefix(address, sqlitePrefix); ok && path != "" && !strings.HasPrefix(path, "//") {
		return nil
	}
	return errors.New("want sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE")
}

// Open opens the database at address. It creates a SQLite file where there is none; a PostgreSQL
// database must exist. The tables are Migrate's. The addresses are
//
//	sqlite:FILE              a SQLite file
//	sqlite::memory:          a private SQLite database that is gone when the Store is closed
//	postgres://…             a PostgreSQL connection URL, also of several hosts; what it lacks
//	                         comes from the PG… environment variables and ~/.pgpass
func Open(ctx context.Context, address string, options Options) (*Store, error) {
	if err := CheckAddress(address); err != nil {
		return nil, fmt.Errorf("failed to open the database: %w", err)
	}
	if options.Connections == 0 {
		options.Connections = defaultConnections
	}
	if options.Waiting == nil {
		options.Waiting = func(error) {}
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, openDeadline)
	defer cancel()
	s, err := open(ctx, address, options)
	if err != nil {
		return nil, fmt.Errorf("failed to open the database %s: %w", Redact(address), err)
	}
	return s, nil
}

// OpenExisting is Open for a database that must be there already.
func OpenExisting(ctx context.Context, address string, options Options) (*Store, error) {
	if path := File(address); path != "" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("failed to open the database: %w", err)
		}
	}
	return Open(ctx, address, options)
}

func open(ctx context.Context, address string, options Options) (*Store, error) {
	if isPostgres(address) {
		return openPostgres(ctx, address, options)
	}
	if !Temporary(address) {
		return openSQLite(ctx, File(address), options)
	}
	// SQLite's own memory databases deadlock or lose tables when several connections share
	// one, so this is a file that nobody else can open.
	dir, err := os.MkdirTemp("", "authgraph-")
	if err != nil {
		return nil, err
	}
	s, err := openSQLite(ctx, filepath.Join(dir, "memory.db"), options)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.db.remove = func() error { return os.RemoveAll(dir) }
	return s, nil
}
