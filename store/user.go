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
	From       *UserPosition // exclusive; nil for the beginning
	Limit      int
}

// UserPosition is a place in a sorted list of users: that of a user with this key and id.
type UserPosition struct {
	Key any // what UserSort.Key returned
	ID  string
}

// Users returns up to page.Limit users. A deep page costs what the first one does, because it
// starts at a key of the index and not at an offset.
func (s *Store) Users(ctx context.Context, page UserPage) ([]*model.User, error) {
	var users []*model.User
	query := filterUsers(s.reads.NewSelect().Model(&users), page.Filter).Limit(int64(page.Limit))
	column, direction, after := bun.Ident(page.Sort), "ASC", ">"
	if page.Descending {
		direction, after = "DESC", "<"
	}
	query.OrderExpr("? ?, id ?", column, bun.Safe(direction), bun.Safe(direction))
	if page.From != nil {
		query.Where("(?, id) ? (?, ?)", column, bun.Safe(after), page.From.Key, page.From.ID)
	}
	return users, s.scan(ctx, query)
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

// UpdateUser keeps every changed field of a user. A taken email or user name is
// a *ConflictError, as with InsertUser.
func (s *Store) UpdateUser(ctx context.Context, user *model.User) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model(user).WherePK())
	return err
}
