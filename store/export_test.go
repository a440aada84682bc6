package store

import (
	"context"
	"io/fs"
)

// MigrateFrom is Migrate with other migrations.
func (s *Store) MigrateFrom(ctx context.Context, files fs.FS) ([]string, error) {
	return s.migrate(ctx, newMigrations(files))
}
