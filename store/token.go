package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// InsertAPIToken adds an API token.
func (s *Store) InsertAPIToken(ctx context.Context, token *model.APIToken) error {
	return s.insert(ctx, token)
}

// APITokensByIDs returns those of the API tokens that there are, by id.
func (s *Store) APITokensByIDs(ctx context.Context, ids []string) (map[string]*model.APIToken, error) {
	return byIDs(ctx, s, ids, func(token *model.APIToken) string { return token.ID })
}

// APITokensByUsers returns the API tokens of each of the users, by user id, newest first.
func (s *Store) APITokensByUsers(ctx context.Context, userIDs []string) (map[string][]*model.APIToken, error) {
	var tokens []*model.APIToken
	err := s.scan(ctx, s.reads.NewSelect().Model(&tokens).Where("user_id IN (?)", list(userIDs)).Order("id DESC"))
	return groupBy(tokens, func(token *model.APIToken) string { return token.UserID }), err
}

// CountAPITokens returns how many API tokens a user has.
func (s *Store) CountAPITokens(ctx context.Context, userID string) (int, error) {
	return s.count(ctx, s.reads.NewSelect().Model((*model.APIToken)(nil)).Where("user_id = ?", userID))
}

// DeleteAPIToken ends an API token and reports whether it was there.
func (s *Store) DeleteAPIToken(ctx context.Context, id string) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.APIToken)(nil)).Where("id = ?", id))
	return n == 1, err
}

// DeleteAPITokensByUser ends all API tokens of a user.
func (s *Store) DeleteAPITokensByUser(ctx context.Context, userID string) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.APIToken)(nil)).Where("user_id = ?", userID))
	return err
}

// SetAPITokensUsed notes that API tokens were used now, those that were last used at due or before.
func (s *Store) SetAPITokensUsed(ctx context.Context, ids []string, now, due model.Time) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.APIToken)(nil)).
		Set("last_used_at = ?", now).
		Where("id IN (?)", list(ids)).Where("COALESCE(last_used_at, 0) <= ?", due))
	return err
}

// DeleteExpiredAPITokens removes at most limit API tokens that ended before now.
func (s *Store) DeleteExpiredAPITokens(ctx context.Context, now model.Time, limit int) (int, error) {
	return s.deleteSome(ctx, (*model.APIToken)(nil), "id", "expires_at", now, limit)
}

// PutPasswordCode keeps the user's password code, in place of an older one.
func (s *Store) PutPasswordCode(ctx context.Context, code *model.PasswordCode) error {
	_, err := s.exec(ctx, s.writes.NewInsert().Model(code).On("CONFLICT (user_id) DO UPDATE").
		Set("code_hash = EXCLUDED.code_hash").Set("created_at = EXCLUDED.created_at").Set("expires_at = EXCLUDED.expires_at"))
	return err
}

// PasswordCode returns the code with this SHA-256, or ErrNotFound.
func (s *Store) PasswordCode(ctx context.Context, hash []byte) (*model.PasswordCode, error) {
	code := new(model.PasswordCode)
	err := s.scan(ctx, s.reads.NewSelect().Model(code).Where("code_hash = ?", hash))
	return code, err
}

// SpendPasswordCode removes the code with this SHA-256 and reports whether this call did: of
// many at once, one.
func (s *Store) SpendPasswordCode(ctx context.Context, hash []byte) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.PasswordCode)(nil)).Where("code_hash = ?", hash))
	return n == 1, err
}

// DeletePasswordCode removes the user's password code, if there is one.
func (s *Store) DeletePasswordCode(ctx context.Context, userID string) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.PasswordCode)(nil)).Where("user_id = ?", userID))
	return err
}

// DeleteHeldPasswordCodes removes the password codes of whoever holds the role. It takes as long
// as there are holders.
func (s *Store) DeleteHeldPasswordCodes(ctx context.Context, roleID string) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.PasswordCode)(nil)).Where("user_id IN (?)", s.holders(roleID)))
	return err
}

// CutScopes takes a permission from the API tokens of whoever holds the role, unless they hold the
// permission by another role. It takes as long as there are holders.
func (s *Store) CutScopes(ctx context.Context, roleID, permission string) error {
	word := " " + permission + " " // a set is one text, separated by spaces; no wildcard is in it
	others := s.reads.NewSelect().ColumnExpr("1").TableExpr("user_roles AS held").
		Join("JOIN roles AS other ON other.id = held.role_id").
		Where("held.user_id = api_token.user_id").Where("held.role_id <> ?", roleID).
		Where("other.name = ? OR ' ' || other.permissions || ' ' LIKE ?", model.RoleAdmin, "%"+word+"%")
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.APIToken)(nil)).
		Set("scopes = trim(replace(' ' || scopes || ' ', ?, ' '))", word).
		Where("user_id IN (?)", s.holders(roleID)).
		Where("' ' || scopes || ' ' LIKE ?", "%"+word+"%").
		Where("NOT EXISTS (?)", others))
	return err
}

// holders returns the ids of whoever holds the role.
func (s *Store) holders(roleID string) *bun.SelectQuery {
	return s.reads.NewSelect().Model((*model.UserRole)(nil)).Column("user_id").Where("role_id = ?", roleID)
}

// SetAPITokenScopes changes what an API token may do.
func (s *Store) SetAPITokenScopes(ctx context.Context, id string, scopes model.Permissions) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.APIToken)(nil)).Set("scopes = ?", scopes).Where("id = ?", id))
	return err
}
