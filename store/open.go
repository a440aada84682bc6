package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // and the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteReaders is how many connections read a SQLite file at once. Reads do not wait for
// the writer; more readers than this gain nothing on the machines that SQLite serves.
const sqliteReaders = 8

// openDeadline bounds how long opening waits for other processes that open the same file.
const openDeadline = 10 * time.Second

// sqliteFile is the path of the database file that a SQLite address names, and "" for any
// other address and for a database that lives no longer than the process.
func sqliteFile(address string) string {
	path, ok := strings.CutPrefix(address, "sqlite:")
	if !ok || path == ":memory:" {
		return ""
	}
	return path
}

// SecretFile returns where the server secret of the database at address is kept when none
// is configured: beside the file of a SQLite database. It returns "" for a database that
// has no file.
func SecretFile(address string) string {
	if path := sqliteFile(address); path != "" {
		return path + ".secret"
	}
	return ""
}

// CheckAddress says what is wrong with a database address, without opening it.
func CheckAddress(address string) error {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok && path != "" && !strings.HasPrefix(path, "//") {
		return nil
	}
	return errors.New("want sqlite::memory: or sqlite:FILE")
}

// Open opens the database at address and creates it where it does not exist. Its tables are
// Migrate's. The addresses are
//
//	sqlite:FILE      a SQLite file
//	sqlite::memory:  a private SQLite database that is gone when the Store is closed
func Open(ctx context.Context, address string) (*Store, error) {
	if err := CheckAddress(address); err != nil {
		return nil, fmt.Errorf("failed to open the database: %w", err)
	}
	path, remove := sqliteFile(address), func() error { return nil }
	if path == "" {
		// SQLite's own memory databases deadlock or lose tables when several
		// connections share one, so this is a file that nobody else can open.
		dir, err := os.MkdirTemp("", "authgraph-")
		if err != nil {
			return nil, fmt.Errorf("failed to create a temporary database: %w", err)
		}
		path, remove = filepath.Join(dir, "memory.db"), func() error { return os.RemoveAll(dir) }
	}
	s, err := openSQLite(ctx, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("failed to open the database %s: %w", address, err), remove())
	}
	s.db.remove = remove
	return s, nil
}

func openSQLite(ctx context.Context, path string) (*Store, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	writer, err := openPool(ctx, path, 1, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	reader, err := openPool(ctx, path, sqliteReaders, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &Store{db: newDatabase(writer, reader), writes: writer, reads: reader}, nil
}

// pingWhileBusy opens the first connection of a pool. Of several processes that switch a new
// file to WAL at once, SQLite lets one through and turns the others away without waiting.
func pingWhileBusy(ctx context.Context, pool *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, openDeadline)
	defer cancel()
	for {
		err := pool.PingContext(ctx)
		if fault, ok := errors.AsType[*sqlite.Error](err); !ok || fault.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// createPrivate makes sure that the file exists and that only its owner reads a new one: it
// will hold password hashes. SQLite gives its log files the same mode.
func createPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// openPool opens up to size connections. synchronous(FULL) costs 0.2 ms a commit and is
// what survives a loss of power.
func openPool(ctx context.Context, path string, size int, options url.Values) (*bun.DB, error) {
	options["_pragma"] = append([]string{
		"busy_timeout(5000)", // milliseconds; first, so that the others wait too
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
	}, options["_pragma"]...)
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: options.Encode()}
	pool, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	if err := pingWhileBusy(ctx, pool); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return bun.NewDB(pool, sqlitedialect.New()), nil
}
