package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/authgraph/authgraph/model"
)

// Authority is what a session stands for at this moment: its user and what they may do.
type Authority struct {
	Session *model.Session
	User    *model.User
	Roles   []model.Role // names and permissions only
}

// InsertSession adds a session.
func (s *Store) InsertSession(ctx context.Context, session *model.Session) error {
	return s.insert(ctx, session)
}

// sessionByTokenHash is asked once by every request that carries a session.
const sessionByTokenHash = `
SELECT s.id, s.persistent, s.user_agent, s.address, s.created_at, s.authenticated_at, s.cookie_issued_at,
       COALESCE(s.expires_at, 0),
       u.id, COALESCE(u.email, ''), COALESCE(u.username, ''), u.email_folded, u.username_folded,
       COALESCE(u.first_name, ''), u.first_name_folded, COALESCE(u.last_name, ''), u.last_name_folded,
       COALESCE(u.disabled_at, 0), u.created_at, u.updated_at,
       (SELECT string_agg(r.name || ' ' || r.permissions, ',')
          FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id)
  FROM sessions s JOIN users u ON u.id = s.user_id
 WHERE s.token_hash = ?`

// AuthorityByTokenHash returns the session whose token has this SHA-256, with its user and
// their roles, all as of now, or ErrNotFound. Whether it has expired is for the caller.
func (s *Store) AuthorityByTokenHash(ctx context.Context, hash []byte) (*Authority, error) {
	se, u := &model.Session{TokenHash: hash}, new(model.User)
	var roles sql.NullString
	err := s.session.queryRow(ctx, s, []any{hash},
		&se.ID, &se.Persistent, &se.UserAgent, &se.Address, &se.CreatedAt, &se.AuthenticatedAt, &se.CookieIssuedAt,
		&se.ExpiresAt,
		&u.ID, &u.Email, &u.Username, &u.EmailFolded, &u.UsernameFolded,
		&u.FirstName, &u.FirstNameFolded, &u.LastName, &u.LastNameFolded,
		&u.DisabledAt, &u.CreatedAt, &u.UpdatedAt,
		&roles)
	if err != nil {
		return nil, err
	}
	se.UserID = u.ID
	return &Authority{Session: se, User: u, Roles: splitRoles(roles.String)}, nil
}

// splitRoles reads "admin users:read,editor notes:write notes:read".
func splitRoles(text string) []model.Role {
	if text == "" {
		return nil
	}
	var roles []model.Role
	for entry := range strings.SplitSeq(text, ",") {
		words := strings.Fields(entry)
		roles = append(roles, model.Role{Name: words[0], Permissions: words[1:]})
	}
	return roles
}

// SessionByID returns a session, or ErrNotFound.
func (s *Store) SessionByID(ctx context.Context, id string) (*model.Session, error) {
	session := new(model.Session)
	err := s.scan(ctx, s.reads.NewSelect().Model(session).Where("id = ?", id))
	return session, err
}

// DeleteSession ends a session and reports whether it was there.
func (s *Store) DeleteSession(ctx context.Context, id string) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).Where("id = ?", id))
	return n == 1, err
}

// DeleteSessionsByUser ends all sessions of a user and returns how many there were.
func (s *Store) DeleteSessionsByUser(ctx context.Context, userID string) (int, error) {
	return s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).Where("user_id = ?", userID))
}

// SetCookieIssued notes that a session's cookie is sent again, if it was last sent at
// previous, and reports whether this call is the one that notes it.
func (s *Store) SetCookieIssued(ctx context.Context, id string, previous, now model.Time) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("cookie_issued_at = ?", now).
		Where("id = ?", id).Where("cookie_issued_at = ?", previous))
	return n == 1, err
}

// DeleteExpiredSessions removes at most limit sessions that ended before now and returns
// how many they were. Few at a time, so that the one writer is never held for long.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now model.Time, limit int) (int, error) {
	expired := s.reads.NewSelect().Model((*model.Session)(nil)).Column("id").
		Where("expires_at <= ?", now).Order("expires_at").Limit(int64(limit))
	return s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).Where("id IN (?)", expired))
}
