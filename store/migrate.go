package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/uptrace/bun"
)

// migrationFiles holds the numbered migrations. They are only ever appended to: a file that
// was released is never changed.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are the files in the order of their numbers, the first being number 1.
var migrations = func() []string {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		panic(err) // only a malformed pattern
	}
	return names
}()

// ErrNewer says that the database was migrated by a later version of the program.
var ErrNewer = errors.New("the database is newer than this program")

// Migrate brings the tables up to date and returns the names of the migrations that it
// applied. All of them commit together or not at all, and of several processes that start
// at once one applies them while the others wait.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	err = s.db.writer.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		bound := &Store{db: s.db, writes: tx, reads: tx, bound: &tx}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (
			number     BIGINT NOT NULL PRIMARY KEY,
			name       TEXT   NOT NULL,
			applied_at BIGINT NOT NULL
		)`); err != nil {
			return err
		}
		version, err := bound.version(ctx)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("%w: it is at migration %d, the program at %d", ErrNewer, version, len(migrations))
		}
		for i, name := range migrations[version:] {
			if err := applyMigration(ctx, tx, version+i+1, name); err != nil {
				return fmt.Errorf("migration %s: %w", name, err)
			}
			applied = append(applied, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("failed to migrate the database: %w", err)
	}
	return applied, nil
}

func applyMigration(ctx context.Context, tx bun.Tx, number int, name string) error {
	text, err := migrationFiles.ReadFile(name)
	if err != nil {
		return err
	}
	// Past bun, which would take a question mark in the text for an argument.
	if _, err := tx.Tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = tx.NewRaw("INSERT INTO migrations (number, name, applied_at) VALUES (?, ?, ?)",
		number, name, time.Now().UnixMicro()).Exec(ctx)
	return err
}

// version returns the number of the last migration that was applied.
func (s *Store) version(ctx context.Context) (version int, err error) {
	err = s.scan(ctx, s.reads.NewSelect().TableExpr("migrations").ColumnExpr("COALESCE(MAX(number), 0)"), &version)
	return version, err
}
