package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// migrationFiles holds the numbered migrations. They are only ever appended to: a file that
// was released is never changed.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are those of this program.
var migrations = newMigrations(migrationFiles)

// migrationSet is files in the order of their numbers, the first being number 1.
type migrationSet struct {
	files fs.FS
	names []string
}

func newMigrations(files fs.FS) migrationSet {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		panic(err) // only a malformed pattern
	}
	return migrationSet{files, names}
}

// ErrNewer says that the database was migrated by a later version of the program.
var ErrNewer = errors.New("the database is newer than this program")

// migrationPause is how long to wait before looking again whether another process is done.
const migrationPause = 100 * time.Millisecond

// errMigrating says that another process migrates the database at this moment.
var errMigrating = errors.New("another process migrates the database")

// Migrate brings the tables up to date and returns the names of the migrations that it
// applied. Each commits as a whole or not at all, and the first that fails ends it. Of several
// processes that start at once one applies each, while the others wait.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	return s.migrate(ctx, migrations)
}

func (s *Store) migrate(ctx context.Context, set migrationSet) (applied []string, err error) {
	if version, err := s.version(ctx); err == nil && version == len(set.names) {
		return nil, nil // also where this role could make no table
	}
	for empty, waited := false, false; ; {
		name, err := s.migrateOnce(ctx, set, empty)
		switch {
		case errors.Is(err, errMigrating), s.db.engine.locked(err):
			if !waited {
				s.db.waiting(err)
				waited = true
			}
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("failed to migrate the database: %w", err)
			case <-time.After(migrationPause):
			}
		case err != nil:
			return nil, fmt.Errorf("failed to migrate the database: %w", s.db.mapError(err))
		case name == "":
			return applied, nil
		default:
			applied = append(applied, name)
			empty = empty || name == set.names[0]
		}
	}
}

// migrateOnce applies the next migration, in a transaction of its own, and returns its name, or
// "" where there is none. An empty database has nobody to keep out while an index is built.
func (s *Store) migrateOnce(ctx context.Context, set migrationSet, empty bool) (name string, err error) {
	err = s.db.transact(ctx, migration, func(ctx context.Context, tx *Store) error {
		alone := false
		if err := tx.bound.Conn.QueryRowContext(ctx, s.db.engine.migrationLock()).Scan(&alone); err != nil {
			return err
		}
		if !alone {
			return errMigrating
		}
		exists, err := tx.migrated(ctx)
		if err != nil {
			return err
		}
		if !exists {
			if _, err := tx.bound.Conn.ExecContext(ctx, s.db.engine.schema(`CREATE TABLE migrations (
				number     BIGINT NOT NULL PRIMARY KEY,
				name       TEXT   NOT NULL,
				applied_at BIGINT NOT NULL
			)`)); err != nil {
				return err
			}
		}
		version, err := tx.version(ctx)
		if err != nil {
			return err
		}
		if version > len(set.names) {
			return fmt.Errorf("%w: it is at migration %d, the program at %d", ErrNewer, version, len(set.names))
		}
		if version == len(set.names) {
			return nil
		}
		next := set.names[version]
		text, err := fs.ReadFile(set.files, next)
		if err == nil {
			err = tx.applyMigration(ctx, version+1, next, string(text), empty)
		}
		if err != nil {
			return fmt.Errorf("migration %s: %w", next, err)
		}
		name = next
		return nil
	})
	return name, err
}

func (s *Store) applyMigration(ctx context.Context, number int, name, text string, empty bool) (err error) {
	migration := s.db.engine.schema(text)
	if empty {
		migration = strings.ReplaceAll(migration, " CONCURRENTLY ", " ")
	}
	if strings.Contains(migration, " CONCURRENTLY ") {
		err = s.applyInSteps(ctx, migration)
	} else {
		// Past bun, which would take a question mark in the text for an argument.
		_, err = s.bound.Conn.ExecContext(ctx, migration)
	}
	if err != nil {
		return err
	}
	_, err = s.writes.NewRaw("INSERT INTO migrations (number, name, applied_at) VALUES (?, ?, ?)",
		number, name, time.Now().UnixMicro()).Exec(ctx)
	return err
}

// applyInSteps runs the statements of a migration one by one outside the transaction, which
// holds the lock meanwhile: so does PostgreSQL build indexes without keeping writers out. A
// migration of this kind creates indexes IF NOT EXISTS and does nothing else, so that it can be
// run again where it was cut off. What was cut off is an invalid index, which is removed first.
func (s *Store) applyInSteps(ctx context.Context, migration string) error {
	db := s.db
	// The lock is held by a transaction that does nothing until the last index is built.
	if _, err := s.bound.Conn.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return err
	}
	if db.writer.Stats().MaxOpenConnections < 2 {
		return errors.New("it needs two connections, one of which holds the lock")
	}
	var invalid []string
	err := db.writer.NewRaw(`SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND n.nspname = current_schema()`).Scan(ctx, &invalid)
	if err != nil {
		return err
	}
	for _, index := range invalid {
		if !strings.Contains(migration, " "+index+" ") {
			continue
		}
		if _, err := db.writer.NewRaw("DROP INDEX CONCURRENTLY ?", bun.Ident(index)).Exec(ctx); err != nil {
			return err
		}
	}
	for statement := range strings.SplitSeq(comment.ReplaceAllString(migration, ""), ";\n") {
		statement = strings.TrimSpace(statement)
		if statement == "" {
			continue
		}
		if !step.MatchString(statement) {
			return fmt.Errorf("a migration in steps creates indexes CONCURRENTLY IF NOT EXISTS and nothing else: %s", statement)
		}
		if _, err := db.writer.DB.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

var (
	comment = regexp.MustCompile(`(?m)--.*$`)
	step    = regexp.MustCompile(`^CREATE INDEX CONCURRENTLY IF NOT EXISTS `)
)

// migrated reports whether the database was ever migrated.
func (s *Store) migrated(ctx context.Context) (exists bool, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		if s.bound != nil {
			return s.bound.Conn.QueryRowContext(ctx, s.db.engine.tableExists()).Scan(&exists)
		}
		return s.db.reader.DB.QueryRowContext(ctx, s.db.engine.tableExists()).Scan(&exists)
	})
	return exists, err
}

// version returns the number of the last migration that was applied.
func (s *Store) version(ctx context.Context) (version int, err error) {
	err = s.scan(ctx, s.reads.NewSelect().TableExpr("migrations").ColumnExpr("COALESCE(MAX(number), 0)"), &version)
	return version, err
}
