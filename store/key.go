package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// InsertSigningKey adds a key.
func (s *Store) InsertSigningKey(ctx context.Context, key *model.SigningKey) error {
	return s.insert(ctx, key)
}

// SigningKeys returns the keys that have not expired, newest first.
func (s *Store) SigningKeys(ctx context.Context, now model.Time) ([]*model.SigningKey, error) {
	var keys []*model.SigningKey
	err := s.scan(ctx, s.reads.NewSelect().Model(&keys).
		Where("expires_at IS NULL OR expires_at > ?", now).Order("created_at DESC", "id DESC"))
	return keys, err
}

// HasSigningKey reports whether there is a key with this id that has not expired.
func (s *Store) HasSigningKey(ctx context.Context, id string, now model.Time) (bool, error) {
	n, err := s.count(ctx, s.reads.NewSelect().Model((*model.SigningKey)(nil)).
		Where("id = ?", id).Where("expires_at IS NULL OR expires_at > ?", now))
	return n > 0, err
}

// RetireSigningKeys lets every key that still signs expire at a time, but the one with the
// id except.
func (s *Store) RetireSigningKeys(ctx context.Context, except string, expires model.Time) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.SigningKey)(nil)).
		Set("expires_at = ?", expires).Where("expires_at IS NULL").Where("id <> ?", except))
	return err
}

// DeleteExpiredSigningKeys removes keys that expired before now.
func (s *Store) DeleteExpiredSigningKeys(ctx context.Context, now model.Time, limit int) (int, error) {
	return s.deleteSome(ctx, (*model.SigningKey)(nil), "id", "expires_at", now, limit)
}
