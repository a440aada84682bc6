package store

import (
	"context"
	"io/fs"
)

// MigrateFrom is Migrate with other migrations.
func (s *Store) MigrateFrom(ctx context.Context, files fs.FS) ([]string, error) {
	return s.migrate(ctx, newMigrations(files))
}

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
