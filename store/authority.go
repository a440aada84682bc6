package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/authgraph/authgraph/model"
)

// Authority is what a credential stands for at this moment: its user and what they may do.
type Authority struct {
	User     *model.User
	Roles    []model.Role    // names and permissions only
	Session  *model.Session  // where a session was asked for
	APIToken *model.APIToken // where an API token was asked for
}

// rolesOfUser reads the names and permissions of a user's roles, for splitRoles; the table is u.
const rolesOfUser = `(SELECT string_agg(r.name || ' ' || r.permissions, ',')
	   FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id)`

// What is read of users, whose table is u; the order is that of userFields.
const userColumns = `
	u.id, COALESCE(u.email, ''), COALESCE(u.username, ''), u.email_folded, u.username_folded,
	COALESCE(u.first_name, ''), u.first_name_folded, COALESCE(u.last_name, ''), u.last_name_folded,
	COALESCE(u.locale, ''), COALESCE(u.disabled_at, 0), COALESCE(u.confirmed_at, 0), u.created_at, u.updated_at,
	COALESCE(u.last_login_at, 0), COALESCE(u.last_login_address, ''),
	COALESCE(u.current_login_at, 0), COALESCE(u.current_login_address, ''), u.login_count,
	` + rolesOfUser

func userFields(u *model.User, roles *sql.NullString) []any {
	return []any{&u.ID, &u.Email, &u.Username, &u.EmailFolded, &u.UsernameFolded,
		&u.FirstName, &u.FirstNameFolded, &u.LastName, &u.LastNameFolded,
		&u.Locale, &u.DisabledAt, &u.ConfirmedAt, &u.CreatedAt, &u.UpdatedAt,
		&u.LastLoginAt, &u.LastLoginAddress, &u.CurrentLoginAt, &u.CurrentLoginAddress, &u.LoginCount, roles}
}

// What is read of sessions, whose table is s; the order is that of sessionFields.
const sessionColumns = `
	s.id, s.user_id, s.token_hash, s.persistent, s.user_agent, s.address, s.created_at, s.authenticated_at,
	s.last_seen_at, s.cookie_issued_at, COALESCE(s.expires_at, 0), s.unconfirmed`

func sessionFields(se *model.Session) []any {
	return []any{&se.ID, &se.UserID, &se.TokenHash, &se.Persistent, &se.UserAgent, &se.Address, &se.CreatedAt, &se.AuthenticatedAt,
		&se.LastSeenAt, &se.CookieIssuedAt, &se.ExpiresAt, &se.Unconfirmed}
}

// What credentials stand for is found by one of these, with every request that carries one.
const (
	authorityByTokenHash = `SELECT` + sessionColumns + `,` + userColumns + `
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?`
	authorityBySession = `SELECT` + sessionColumns + `,` + userColumns + `
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?`
	authorityByAPIToken = `SELECT t.id, t.user_id, t.name, t.token_hash, t.scopes, t.created_at, COALESCE(t.expires_at, 0), COALESCE(t.last_used_at, 0),` + userColumns + `
		FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = ?`
	authorityByUser = `SELECT` + userColumns + ` FROM users u WHERE u.id = ?`
)

// AuthorityByTokenHash returns the session whose present token has this SHA-256, with its user
// and their roles, all as of now, or ErrNotFound. Whether it has expired is for the caller.
func (s *Store) AuthorityByTokenHash(ctx context.Context, hash []byte) (*Authority, error) {
	return s.authority(ctx, s.db.byTokenHash, string(hash))
}

// AuthorityBySession is AuthorityByTokenHash by the session's id.
func (s *Store) AuthorityBySession(ctx context.Context, id string) (*Authority, error) {
	return s.authority(ctx, s.db.bySession, id)
}

func emptySession() (a *Authority, fields []any) {
	a = &Authority{User: new(model.User), Session: new(model.Session)}
	return a, sessionFields(a.Session)
}

// AuthorityByAPIToken returns the API token with this SHA-256, with its user and their roles,
// all as of now, or ErrNotFound. Whether it has expired is for the caller.
func (s *Store) AuthorityByAPIToken(ctx context.Context, hash []byte) (*Authority, error) {
	return s.authority(ctx, s.db.byAPIToken, string(hash))
}

func emptyAPIToken() (a *Authority, fields []any) {
	t := new(model.APIToken)
	return &Authority{User: new(model.User), APIToken: t},
		[]any{&t.ID, &t.UserID, &t.Name, &t.TokenHash, &t.Scopes, &t.CreatedAt, &t.ExpiresAt, &t.LastUsedAt}
}

// AuthorityByUser returns a user with their roles, all as of now, or ErrNotFound.
func (s *Store) AuthorityByUser(ctx context.Context, id string) (*Authority, error) {
	return s.authority(ctx, s.db.byUser, id)
}

func emptyUser() (*Authority, []any) { return &Authority{User: new(model.User)}, nil }

// authority answers a question: from what is recalled, together with the questions of others, or
// alone, whichever the database allows. A transaction asks alone: it sees what it has changed itself.
func (s *Store) authority(ctx context.Context, l *lookup, value string) (*Authority, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	switch {
	case s.bound != nil:
		return l.find(ctx, s, value)
	case l.gather != nil:
		return l.gather.answer(ctx, value)
	default:
		return s.db.recall.authority(question{l, value}, func() (*Authority, error) { return l.find(ctx, s, value) })
	}
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
