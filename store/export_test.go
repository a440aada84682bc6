package store

import (
	"context"
	"io/fs"
)

// MigrateFrom is Migrate with other migrations.
func (s *Store) MigrateFrom(ctx context.Context, files fs.FS) ([]string, error) {
	return s.migrate(ctx, newMigrations(files))
}

// CopiedColumns returns the columns that are copied, by table, in the order of the tables.
func (s *Store) CopiedColumns() (tables []string, columns map[string][]string) {
	columns = map[string][]string{}
	for _, t := range s.tables() {
		tables = append(tables, string(t.name))
		for _, column := range t.columns {
			columns[string(t.name)] = append(columns[string(t.name)], string(column))
		}
	}
	return tables, columns
}

// RowsAtOnce is how many rows are copied before the next.
const RowsAtOnce = rowsAtOnce

// Insert adds rows: a pointer to a slice of models.
func (s *Store) Insert(ctx context.Context, rows any) error { return s.insert(ctx, rows) }

// VerifyCopy holds a file to being a copy of the database, during which others wrote or did not.
func (s *Store) VerifyCopy(ctx context.Context, path string, othersWrote bool) error {
	before, err := s.summary(ctx)
	if err != nil {
		return err
	}
	after := before
	if othersWrote {
		after.version++
	}
	_, err = verifyCopy(ctx, path, before, after)
	return err
}

// CloseReaders lets nothing more be read from a SQLite database but what is recalled.
func (s *Store) CloseReaders() error { return s.db.reader.Close() }

// SeesChanges reports whether the Store sees by itself whether a SQLite file has changed.
func (s *Store) SeesChanges() bool { return s.db.recall.version.index != nil }

// AskForChanges has the Store ask SQLite whether the file has changed, as it does where it cannot
// see that.
func (s *Store) AskForChanges() {
	if s.db.recall != nil {
		s.db.recall.version.unmap()
	}
}

// Recalled is how many answers are recalled at most.
const Recalled = recalled

// SessionsAtOnce returns what stands behind several sessions' tokens, and behind several sessions' ids,
// each by one statement: nil where there is none.
func (s *Store) SessionsAtOnce(ctx context.Context, hashes, ids []string) (byHash, byID []*Authority, err error) {
	if byHash, err = s.db.byTokenHash.findEach(ctx, s, hashes); err == nil {
		byID, err = s.db.bySession.findEach(ctx, s, ids)
	}
	return byHash, byID, err
}
