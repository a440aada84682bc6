package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
)

// This file copies SQLite databases as files. The rules:
//
//   - A file is written in a folder of its own beside its place, for its owner alone, and takes
//     its place when it is whole, verified and on the disk. A failure leaves nothing behind.
//   - No file that exists is written over but the database that a restore is told to replace,
//     and of that one a copy is kept.
//   - Nothing but SQLite opens the file of a database that may be in use: closing a file ends
//     the locks that this process has on it, SQLite's among them.

// RowCounts says how many rows each table has.
type RowCounts map[string]int

// Backup copies a SQLite database to a new file, while others read and write it, and returns
// how many rows are in the copy. This Store itself must not be written to meanwhile.
//
// VACUUM INTO copies the state of one moment in one statement: writers go on beside it, and
// their log can be cut again as soon as it is done. SQLite's backup interface takes about as
// long; it must hold such a moment too, or it begins anew with every write of others; and it
// copies what was deleted and is not written over yet, such as the addresses and hashes of
// users who are gone.
func (s *Store) Backup(ctx context.Context, path string) (rows RowCounts, err error) {
	if s.db.writer.Dialect().Name() != dialect.SQLite {
		return nil, errors.New("only a SQLite database is backed up to a file")
	}
	err = writeNew(path, func(draft string) error {
		before, err := s.summary(ctx)
		if err != nil {
			return err
		}
		// On the writer: VACUUM INTO only reads, but SQLite refuses it to the readers.
		if _, err := s.db.writer.NewRaw("VACUUM INTO ?", draft).Exec(ctx); err != nil {
			return err
		}
		after, err := s.summary(ctx)
		if err != nil {
			return err
		}
		rows, err = verifyCopy(ctx, draft, before, after)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("failed to back up the database: %w", err)
	}
	return rows, nil
}

// summary is what two copies of one state of a database have in common.
type summary struct {
	version    int      // changes with each write of another connection
	migrations []string // by number
	rows       RowCounts
}

// summary reads the summary of a SQLite database. It asks the writer, since versions can be
// compared on one connection only.
func (s *Store) summary(ctx context.Context) (sum summary, err error) {
	if err := s.db.writer.NewRaw("PRAGMA data_version").Scan(ctx, &sum.version); err != nil {
		return sum, err
	}
	var tables []string
	if err := s.db.writer.NewRaw("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").Scan(ctx, &tables); err != nil {
		return sum, err
	}
	if !slices.Contains(tables, "migrations") {
		return sum, errors.New("it is not a database of authgraph")
	}
	if err := s.db.writer.NewRaw("SELECT name FROM migrations ORDER BY number").Scan(ctx, &sum.migrations); err != nil {
		return sum, err
	}
	sum.rows = RowCounts{}
	for _, table := range tables {
		var n int
		if err := s.db.writer.NewRaw("SELECT count(*) FROM ?", bun.Ident(table)).Scan(ctx, &n); err != nil {
			return sum, err
		}
		sum.rows[table] = n
	}
	return sum, nil
}

// verifyCopy holds a copy to the database that it was made of, as that was before and after.
// Where nobody wrote meanwhile, each table has as many rows in the copy.
func verifyCopy(ctx context.Context, path string, before, after summary) (rows RowCounts, err error) {
	c, err := openReadOnly(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.sound(ctx); err != nil {
		return nil, fmt.Errorf("the copy is of no use: %w", err)
	}
	found, err := c.summary(ctx)
	if err != nil {
		return nil, fmt.Errorf("the copy is of no use: %w", err)
	}
	if slices.Equal(before.migrations, after.migrations) && !slices.Equal(found.migrations, before.migrations) {
		return nil, fmt.Errorf("the copy is at migration %d, the database at %d", len(found.migrations), len(before.migrations))
	}
	if before.version == after.version && !maps.Equal(found.rows, before.rows) {
		return nil, fmt.Errorf("the copy has these rows: %v; the database has %v", found.rows, before.rows)
	}
	return found.rows, nil
}

// OpenBackup opens a file that Backup made, for reading alone, and returns how many rows are in
// it. It returns an error where the file is damaged, not whole, not a database of authgraph, or
// newer than the program (ErrNewer).
func OpenBackup(ctx context.Context, path string) (_ *Store, _ RowCounts, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s cannot be restored: %w", path, err)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	// What SQLite keeps beside a file has the file's own name, not that of a link to it.
	own, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a file")
	}
	if left := companion(own); left != "" {
		return nil, nil, fmt.Errorf("%s lies beside it, so it is a database in use, or only a part of one; make a backup of that database", left)
	}
	s, err := openReadOnly(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.sound(ctx); err != nil {
		return nil, nil, err
	}
	found, err := s.summary(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(found.migrations) > len(migrations.names) {
		return nil, nil, fmt.Errorf("%w: it is at migration %d, the program at %d", ErrNewer, len(found.migrations), len(migrations.names))
	}
	if !slices.Equal(found.migrations, migrations.names[:len(found.migrations)]) {
		return nil, nil, fmt.Errorf("it is not a database of authgraph: its migrations are %v", found.migrations)
	}
	return s, found.rows, nil
}

// readAll is how long a statement may take that reads all of a backup.
const readAll = time.Hour

// openReadOnly opens a SQLite file that nobody writes, and changes neither the file nor what
// lies beside it.
func openReadOnly(ctx context.Context, path string) (*Store, error) {
	pool, err := connect(ctx, path, url.Values{"immutable": {"1"}, "_pragma": {"query_only(1)"}})
	if err != nil {
		return nil, err
	}
	db := bun.NewDB(pool, sqlitedialect.New())
	return newStore(sqliteEngine{}, db, db, Options{Timeout: readAll}), nil
}

// connect opens one connection to a SQLite file that exists.
func connect(ctx context.Context, path string, options url.Values) (*sql.DB, error) {
	options.Set("mode", "rw") // makes no file
	address, err := sqliteURL(path, options)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", address)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// sound returns what is wrong with a SQLite file.
func (s *Store) sound(ctx context.Context) error {
	var findings []string
	if err := s.reads.NewRaw("PRAGMA integrity_check(1)").Scan(ctx, &findings); err != nil {
		return err
	}
	if !slices.Equal(findings, []string{"ok"}) {
		return fmt.Errorf("it is damaged: %v", findings)
	}
	var orphans int
	if err := s.reads.NewRaw("SELECT count(*) FROM pragma_foreign_key_check").Scan(ctx, &orphans); err != nil {
		return err
	}
	if orphans > 0 {
		return fmt.Errorf("it is damaged: %d rows belong to rows that are not there", orphans)
	}
	return nil
}

// companion returns a file that SQLite keeps beside a database, or that is left of one, where
// there is any: without it that database is not whole, and beside another it does harm.
func companion(path string) string {
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return path + suffix
		}
	}
	return ""
}

// ErrInUse says that another process has a database open.
var ErrInUse = errors.New("the database is in use: stop the server, and whatever else has it open, first")

// CheckUnused returns ErrInUse where another process has the SQLite database at address open. Of
// other databases that cannot be told.
func CheckUnused(ctx context.Context, address string) error {
	path := File(address)
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("failed to open the database: %w", err)
	}
	pool, err := connectAlone(ctx, path)
	if isBusy(err) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("failed to open the database %s: %w", address, err)
	}
	return pool.Close()
}

// Restore puts a backup in the place of the SQLite database at address. One that is there is
// replaced only where replace is set, and otherwise refused with fs.ErrExist; a copy of it is
// kept, and Restore returns where. It returns ErrInUse while another process has it open.
//
// The pages are written into the file that is there, in one transaction of SQLite, instead of
// another file taking its name. So a crash leaves the old database or the new one; what the old
// one still had in its log is neither lost nor taken for the new one's; a server that starts
// at this moment waits; and owner and mode of the file stay.
func Restore(ctx context.Context, backup, address string, replace bool) (kept string, err error) {
	path := File(address)
	if path == "" {
		return "", errors.New("only a SQLite database in a file is restored")
	}
	if own, err := filepath.EvalSymlinks(path); err == nil {
		path = own
	}
	there, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", restoreNew(ctx, backup, path)
	case err != nil:
		return "", err
	case !replace:
		return "", fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	source, err := os.Stat(backup)
	if err != nil {
		return "", err
	}
	if os.SameFile(source, there) {
		return "", fmt.Errorf("%s is the database itself", backup)
	}
	return restoreOver(ctx, backup, path)
}

// restoreNew puts a backup where no database is.
func restoreNew(ctx context.Context, backup, path string) error {
	if left := companion(path); left != "" {
		return fmt.Errorf("%s is left of a database that is not there: move it to where that database is, or remove it", left)
	}
	err := writeNew(path, func(draft string) (err error) {
		pool, err := connectAlone(ctx, draft)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, pool.Close()) }()
		return readPages(ctx, pool, backup)
	})
	if err != nil {
		return fmt.Errorf("failed to restore the database: %w", err)
	}
	return nil
}

// restoreOver puts a backup in the place of a database and returns where a copy of that is.
func restoreOver(ctx context.Context, backup, path string) (kept string, err error) {
	pool, err := connectAlone(ctx, path)
	if isBusy(err) {
		return "", ErrInUse
	}
	if err != nil {
		return "", fmt.Errorf("the database that is there cannot be opened (%w): move it away, with the files that lie beside it under its name", err)
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	kept = path + ".before-restore-" + time.Now().UTC().Format("20060102T150405Z")
	if err := writeNew(kept, func(draft string) error { return writePages(ctx, pool, draft) }); err != nil {
		return "", fmt.Errorf("failed to keep the database that is there: %w", err)
	}
	if err := readPages(ctx, pool, backup); err != nil {
		return "", fmt.Errorf("failed to restore the database, which is as it was, and so is its copy %s: %w", kept, err)
	}
	return kept, nil
}

// connectAlone opens a SQLite file that nobody else may have open, until the connection is
// closed. A server has its database open from start to end, in the journal mode WAL, which
// cannot be left while others are in it. Leaving it moves the log into the file.
func connectAlone(ctx context.Context, path string) (*sql.DB, error) {
	pool, err := connect(ctx, path, url.Values{"_pragma": {
		"busy_timeout(0)", "locking_mode(EXCLUSIVE)", "journal_mode(DELETE)",
		"synchronous(EXTRA)", // also of the folder, once the journal is gone
	}})
	if err != nil {
		return nil, err
	}
	for _, statement := range []string{"BEGIN EXCLUSIVE", "COMMIT"} { // the lock stays
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return nil, errors.Join(err, pool.Close())
		}
	}
	return pool, nil
}

// pageCopier is what a connection of the SQLite driver can do besides running statements.
type pageCopier interface {
	NewBackup(to string) (*sqlite.Backup, error)
	NewRestore(from string) (*sqlite.Backup, error)
}

// writePages copies a database to a file that nobody else knows of.
func writePages(ctx context.Context, pool *sql.DB, path string) error {
	address, err := sqliteURL(path, url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(OFF)"}})
	if err != nil {
		return err
	}
	return copyPages(ctx, pool, func(c pageCopier) (*sqlite.Backup, error) { return c.NewBackup(address) })
}

// readPages copies a file that nobody writes over a database, in one transaction.
func readPages(ctx context.Context, pool *sql.DB, path string) error {
	address, err := sqliteURL(path, url.Values{"immutable": {"1"}})
	if err != nil {
		return err
	}
	return copyPages(ctx, pool, func(c pageCopier) (*sqlite.Backup, error) { return c.NewRestore(address) })
}

// pagesAtOnce is how many pages are copied before it is asked whether to go on: 4 MiB.
const pagesAtOnce = 1024

func copyPages(ctx context.Context, pool *sql.DB, begin func(pageCopier) (*sqlite.Backup, error)) error {
	connection, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer connection.Close()
	return connection.Raw(func(driver any) error {
		pages, err := begin(driver.(pageCopier))
		if err != nil {
			return err
		}
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return errors.Join(err, pages.Finish())
			}
			if more, err = pages.Step(pagesAtOnce); err != nil {
				_ = pages.Finish() // says the same again
				return err
			}
		}
		return pages.Finish()
	})
}

// writeNew makes a file of what write puts into a draft of it. It returns fs.ErrExist where
// there is such a file.
func writeNew(path string, write func(draft string) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	folder, name := filepath.Split(path)
	drafts, err := os.MkdirTemp(folder, "."+name+".*") // mode 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(drafts)) }()
	draft := filepath.Join(drafts, name)
	if err := createPrivate(draft); err != nil {
		return err
	}
	if err := write(draft); err != nil {
		return err
	}
	if err := syncFile(draft); err != nil {
		return err
	}
	if err := os.Link(draft, path); err != nil { // unlike a new name, not over what came meanwhile
		return err
	}
	if runtime.GOOS == "windows" { // keeps folders by itself
		return nil
	}
	return syncFile(folder)
}

// syncFile waits until a file, or the names in a folder, are on the disk.
func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
