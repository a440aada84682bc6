package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// Standing is what a credential stands for at this moment: an Authority without what nobody needs
// to know who only asks whether it still counts. Thousands are looked up at once.
type Standing struct {
	ID         string // of the session, the API token or, for a password, the user
	UserID     string
	DisabledAt model.Time
	CreatedAt  model.Time
	LastSeenAt model.Time
	ExpiresAt  model.Time
	Scopes     model.Permissions // of an API token
	Secret     string            // of a password
	RolesText  string            `bun:"roles"` // names and permissions
}

// Roles returns the user's roles: names and permissions only.
func (s *Standing) Roles() []model.Role { return splitRoles(s.RolesText) }

const (
	standingOfUser = `, u.id AS user_id, COALESCE(u.disabled_at, 0) AS disabled_at,
		COALESCE(` + rolesOfUser + `, '') AS roles`

	standingsBySession = `SELECT s.id, s.created_at, s.last_seen_at, COALESCE(s.expires_at, 0) AS expires_at` + standingOfUser + `
		FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id IN (?)`
	standingsByAPIToken = `SELECT t.id, t.scopes, COALESCE(t.expires_at, 0) AS expires_at` + standingOfUser + `
		FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id IN (?)`
	standingsByPassword = `SELECT u.id, c.secret` + standingOfUser + `
		FROM users u JOIN credentials c ON c.user_id = u.id AND c.kind = 'password' WHERE u.id IN (?)`
)

// StandingsBySession returns the standing of each of the sessions that there are, by id. Whether
// one has expired is for the caller.
func (s *Store) StandingsBySession(ctx context.Context, ids []string) (map[string]*Standing, error) {
	return s.standings(ctx, standingsBySession, ids)
}

// StandingsByAPIToken is StandingsBySession for API tokens, by their ids.
func (s *Store) StandingsByAPIToken(ctx context.Context, ids []string) (map[string]*Standing, error) {
	return s.standings(ctx, standingsByAPIToken, ids)
}

// StandingsByPassword is StandingsBySession for the passwords of users, by the users' ids.
func (s *Store) StandingsByPassword(ctx context.Context, userIDs []string) (map[string]*Standing, error) {
	return s.standings(ctx, standingsByPassword, userIDs)
}

func (s *Store) standings(ctx context.Context, text string, ids []string) (map[string]*Standing, error) {
	var found []*Standing
	if err := s.scan(ctx, s.reads.NewRaw(text, list(ids)), &found); err != nil {
		return nil, err
	}
	byID := make(map[string]*Standing, len(found))
	for _, standing := range found {
		byID[standing.ID] = standing
	}
	return byID, nil
}
