package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// InsertCredential adds a credential. A second password of one user is a *ConflictError.
func (s *Store) InsertCredential(ctx context.Context, credential *model.Credential) error {
	return s.insert(ctx, credential)
}

// PasswordByUser returns the user's password credential, or ErrNotFound.
func (s *Store) PasswordByUser(ctx context.Context, userID string) (*model.Credential, error) {
	credential := new(model.Credential)
	err := s.scan(ctx, s.reads.NewSelect().Model(credential).
		Where("user_id = ?", userID).Where("kind = ?", model.KindPassword))
	return credential, err
}

// PasswordWithout returns a password credential whose secret begins with none of the prefixes,
// or ErrNotFound.
func (s *Store) PasswordWithout(ctx context.Context, prefixes []string) (*model.Credential, error) {
	credential := new(model.Credential)
	query := s.reads.NewSelect().Model(credential).Where("kind = ?", model.KindPassword).Limit(1)
	for _, prefix := range prefixes {
		query.Where("substr(secret, 1, length(?)) <> ?", prefix, prefix)
	}
	err := s.scan(ctx, query)
	return credential, err
}

// ReplaceCredentialSecret changes a credential's secret, if it is still previous, and
// reports whether it did.
func (s *Store) ReplaceCredentialSecret(ctx context.Context, id, previous, secret string, now model.Time) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Credential)(nil)).
		Set("secret = ?", secret).Set("updated_at = ?", now).
		Where("id = ?", id).Where("secret = ?", previous))
	return n == 1, err
}

// DeleteCredentials removes the user's credentials of one kind.
func (s *Store) DeleteCredentials(ctx context.Context, userID string, kind model.CredentialKind) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.Credential)(nil)).
		Where("user_id = ?", userID).Where("kind = ?", kind))
	return err
}
