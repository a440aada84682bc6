package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite" // and the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxReaders is how many connections read a SQLite file at once, at most.
const maxReaders = 8

// readers returns how many connections read a SQLite file at once. Reads do not wait for the
// writer, and they take CPU time rather than wait, so that many more readers than cores gain
// little. Each keeps pages of its own.
func readers() int { return min(runtime.NumCPU()+1, maxReaders) }

func openSQLite(ctx context.Context, path string, options Options) (*Store, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	writer, err := openPool(ctx, path, 1, nil)
	if err != nil {
		return nil, err
	}
	reader, err := openPool(ctx, path, readers(), []string{"query_only(1)"})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	s := newStore(sqliteEngine{}, writer, reader, options)
	if err := s.recallSQLite(path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// recallSQLite lets the Store recall what it has read for as long as the file does not change.
func (s *Store) recallSQLite(path string) error {
	address, err := sqliteURL(path, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return err
	}
	version, err := openSQLiteVersion(path, address)
	if err != nil {
		return err
	}
	s.db.recall = newRecall(version)
	return nil
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
func openPool(ctx context.Context, path string, size int, pragmas []string) (*bun.DB, error) {
	pragmas = append([]string{
		"busy_timeout(5000)", // milliseconds; first, so that the others wait too
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(1)",
		"cache_size(-1000)", // KiB, of each connection; the allocator takes twice as much
	}, pragmas...)
	address, err := sqliteURL(path, url.Values{"_pragma": pragmas})
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", address)
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

// sqliteURL returns how the driver is told of a file and of how to open it.
func sqliteURL(path string, options url.Values) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: options.Encode()}
	return address.String(), nil
}

// pingWhileBusy opens the first connection of a pool. Of several processes that switch a new
// file to WAL at once, SQLite lets one through and turns the others away without waiting.
func pingWhileBusy(ctx context.Context, pool *sql.DB) error {
	for {
		err := pool.PingContext(ctx)
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// isBusy reports whether err says that another connection holds a lock on a SQLite file.
func isBusy(err error) bool {
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && fault.Code()&0xff == sqlite3.SQLITE_BUSY
}

// sqliteEngine is SQLite, which lets one transaction write at a time: each has the database
// for itself from BEGIN IMMEDIATE on.
type sqliteEngine struct{}

func (sqliteEngine) begin(isolation) string    { return "BEGIN IMMEDIATE" }
func (sqliteEngine) commit() string            { return "COMMIT" }
func (sqliteEngine) confirmed(*sql.Conn) error { return nil }
func (sqliteEngine) migrationLock() string     { return "SELECT TRUE" }
func (sqliteEngine) locked(error) bool         { return false }
func (sqliteEngine) showsUnkept() bool         { return false }
func (sqliteEngine) notify() string            { return "" }
func (sqliteEngine) rowLock() string           { return "" }
func (sqliteEngine) skipLocked() string        { return "" }
func (sqliteEngine) again(error) bool          { return false }
func (sqliteEngine) lost(error) bool           { return false }

func (sqliteEngine) tableExists() string {
	return "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'migrations')"
}

func (sqliteEngine) statement(db *sql.DB, text string) *statement {
	return &statement{db: db, text: text}
}

func (sqliteEngine) several(string, columnType) string { return "" }

func (sqliteEngine) schema(migration string) string {
	return strings.ReplaceAll(migration, " CONCURRENTLY ", " ")
}

func (sqliteEngine) conflict(err error) (column string, ok bool) {
	fault, ok := errors.AsType[*sqlite.Error](err)
	if !ok || fault.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE && fault.Code() != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
		return "", false
	}
	// "constraint failed: UNIQUE constraint failed: users.email_folded (2067)"
	_, columns, _ := strings.Cut(fault.Error(), "UNIQUE constraint failed: ")
	first, _, _ := strings.Cut(columns, ",")
	first, _, _ = strings.Cut(first, " ")
	_, column, _ = strings.Cut(first, ".")
	return column, true
}

// listen hears nothing: SQLite has no way to tell other processes.
func (sqliteEngine) listen(ctx context.Context, _ func(), _ func(text string)) error {
	<-ctx.Done()
	return ctx.Err()
}
