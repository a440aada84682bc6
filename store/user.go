package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// InsertUser adds a user. A taken email or user name is a *ConflictError that names the
// column email_folded or username_folded.
func (s *Store) InsertUser(ctx context.Context, user *model.User) error {
	return s.insert(ctx, user)
}

// UserByID returns a user, or ErrNotFound.
func (s *Store) UserByID(ctx context.Context, id string) (*model.User, error) {
	user := new(model.User)
	err := s.scan(ctx, s.reads.NewSelect().Model(user).Where("id = ?", id))
	return user, err
}

// UsersByIDs returns those of the users that there are, by id.
func (s *Store) UsersByIDs(ctx context.Context, ids []string) (map[string]*model.User, error) {
	return byIDs(ctx, s, ids, func(user *model.User) string { return user.ID })
}

// UserByEmail returns the user with this folded email address, or ErrNotFound.
func (s *Store) UserByEmail(ctx context.Context, folded string) (*model.User, error) {
	user := new(model.User)
	err := s.scan(ctx, s.reads.NewSelect().Model(user).Where("email_folded = ?", folded).Where("email_folded <> ''"))
	return user, err
}

// UserByUsername returns the user with this folded user name, or ErrNotFound.
func (s *Store) UserByUsername(ctx context.Context, folded string) (*model.User, error) {
	user := new(model.User)
	err := s.scan(ctx, s.reads.NewSelect().Model(user).Where("username_folded = ?", folded).Where("username_folded <> ''"))
	return user, err
}

// UpdateUser keeps every changed field of a user but the tracked log-ins. A taken email or
// user name is a *ConflictError, as with InsertUser.
func (s *Store) UpdateUser(ctx context.Context, user *model.User) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model(user).WherePK().
		ExcludeColumn("last_login_at", "last_login_address", "current_login_at", "current_login_address", "login_count"))
	return err
}

// LockUser makes other transactions that lock the same user wait for the end of this one, and
// returns the user, or ErrNotFound. It begins every change that depends on what a user is.
func (s *Store) LockUser(ctx context.Context, id string) (*model.User, error) {
	user := new(model.User)
	err := s.scan(ctx, s.lock(s.reads.NewSelect().Model(user).Where("id = ?", id)))
	return user, err
}

// DeleteUser removes a user and everything that is theirs, and reports whether they were there.
func (s *Store) DeleteUser(ctx context.Context, id string) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.User)(nil)).Where("id = ?", id))
	return n == 1, err
}

// TrackLogin moves a user's current log-in to the last one and counts the new one.
func (s *Store) TrackLogin(ctx context.Context, userID string, now model.Time, address string) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.User)(nil)).
		Set("last_login_at = current_login_at").Set("last_login_address = current_login_address").
		Set("current_login_at = ?", now).Set("current_login_address = ?", address).
		Set("login_count = login_count + 1").
		Where("id = ?", userID))
	return err
}
