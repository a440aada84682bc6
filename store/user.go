package store

import (
	"context"

	"github.com/uptrace/bun"

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

// UserFilter says which users to list. Its zero value is all of them.
type UserFilter struct {
	Prefix string // of a folded email, user name, first or last name
	Role   string // the name of a role
	Active *bool
}

// UserSort names the column that a page of users is sorted by.
type UserSort string

// The columns that have an index for it.
const (
	UsersByCreatedAt UserSort = "created_at"
	UsersByEmail     UserSort = "email_folded"
	UsersByUsername  UserSort = "username_folded"
	UsersByLastName  UserSort = "last_name_folded"
)

// Key returns the value of user that is sorted by.
func (sort UserSort) Key(user *model.User) any {
	switch sort {
	case UsersByEmail:
		return user.EmailFolded
	case UsersByUsername:
		return user.UsernameFolded
	case UsersByLastName:
		return user.LastNameFolded
	default:
		return user.CreatedAt
	}
}

// UserPage asks for the users next to a place in the list.
type UserPage struct {
	Filter     UserFilter
	Sort       UserSort
	Descending bool
	From       *Position // exclusive; nil for the beginning
	Limit      int
}

// Position is a place in a list that is sorted by a key and then by id.
type Position struct {
	Key any
	ID  string
}

// Users returns up to page.Limit users. A deep page costs what the first one does, because it
// starts at a key of the index and not at an offset.
func (s *Store) Users(ctx context.Context, page UserPage) ([]*model.User, error) {
	var users []*model.User
	query := filterUsers(s.reads.NewSelect().Model(&users), page.Filter).Limit(int64(page.Limit))
	turnTo(query, bun.Ident(page.Sort), page.Descending, page.From)
	return users, s.scan(ctx, query)
}

// turnTo sorts a list by a column and by id, and begins it behind a place.
func turnTo(query *bun.SelectQuery, column bun.Ident, descending bool, from *Position) {
	direction, after := bun.Safe("ASC"), bun.Safe(">")
	if descending {
		direction, after = bun.Safe("DESC"), bun.Safe("<")
	}
	query.OrderExpr("? ?, id ?", column, direction, direction)
	if from != nil {
		query.Where("(?, id) ? (?, ?)", column, after, from.Key, from.ID)
	}
}

// CountUsers returns how many users the filter matches.
func (s *Store) CountUsers(ctx context.Context, filter UserFilter) (int, error) {
	return s.count(ctx, filterUsers(s.reads.NewSelect().Model((*model.User)(nil)), filter))
}

func filterUsers(query *bun.SelectQuery, filter UserFilter) *bun.SelectQuery {
	if filter.Prefix != "" {
		query.WhereGroup(" AND ", func(query *bun.SelectQuery) *bun.SelectQuery {
			for _, column := range []bun.Ident{"email_folded", "username_folded", "first_name_folded", "last_name_folded"} {
				// A range, not LIKE: it needs no escapes and every database uses the index for it.
				query.WhereOr("(? >= ? AND ? < ?)", column, filter.Prefix, column, filter.Prefix+"\U0010FFFF")
			}
			return query
		})
	}
	if filter.Role != "" {
		query.Where(`EXISTS (SELECT 1 FROM user_roles AS ur JOIN roles AS r ON r.id = ur.role_id
			WHERE ur.user_id = "user".id AND r.name = ?)`, filter.Role)
	}
	if filter.Active != nil && *filter.Active {
		query.Where("disabled_at IS NULL")
	}
	if filter.Active != nil && !*filter.Active {
		query.Where("disabled_at IS NOT NULL")
	}
	return query
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

// Counts are the figures of a whole database.
type Counts struct {
	Users, DisabledUsers, Sessions int
}

// Counts counts users and sessions, each by an index.
func (s *Store) Counts(ctx context.Context) (counts Counts, err error) {
	if counts.Users, err = s.count(ctx, s.reads.NewSelect().Model((*model.User)(nil))); err != nil {
		return counts, err
	}
	if counts.DisabledUsers, err = s.count(ctx, s.reads.NewSelect().Model((*model.User)(nil)).Where("disabled_at IS NOT NULL")); err != nil {
		return counts, err
	}
	counts.Sessions, err = s.count(ctx, s.reads.NewSelect().Model((*model.Session)(nil)))
	return counts, err
}
