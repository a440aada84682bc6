package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

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

// Place returns where a user stands in a list that is sorted so.
func (sort UserSort) Place(user *model.User) *Position {
	var key any
	switch sort {
	case UsersByEmail:
		key = user.EmailFolded
	case UsersByUsername:
		key = user.UsernameFolded
	case UsersByLastName:
		key = user.LastNameFolded
	default:
		key = user.CreatedAt
	}
	return &Position{Key: key, ID: user.ID}
}

// UserPage asks for the users next to a place in the list.
type UserPage struct {
	Filter UserFilter
	Sort   UserSort
	Page
}

// Users returns a page of users.
func (s *Store) Users(ctx context.Context, page UserPage) (*Found[model.User], error) {
	users := sorted[model.User]{column: bun.Ident(page.Sort), descending: page.Descending, place: page.Sort.Place}
	if page.Filter.Prefix != "" {
		n, err := s.countBeginning(ctx, page.Filter.Prefix, page.Bounds.Few+1)
		if err != nil {
			return nil, err
		}
		if n <= page.Bounds.Few {
			named, rest := page.Filter.split(UserFilter{Prefix: page.Filter.Prefix})
			return users.among(ctx, s, named, rest, page.Page)
		}
	}
	if page.Filter.Role != "" {
		var ids []string
		if err := s.scan(ctx, s.holdersOf(page.Filter.Role).Order("user_id").Limit(int64(page.Bounds.Few+1)), &ids); err != nil {
			return nil, err
		}
		if len(ids) <= page.Bounds.Few {
			// By their ids, so that no database looks through all users for the few holders.
			held := func(query *bun.SelectQuery) { query.Where("id IN (?)", list(ids)) }
			_, rest := page.Filter.split(UserFilter{Role: page.Filter.Role})
			return users.among(ctx, s, held, rest, page.Page)
		}
	}
	along, match := page.Filter.along()
	users.where = along
	if match == nil {
		return users.read(ctx, s, page.Page)
	}
	return users.walk(ctx, s, page.Page, match)
}

// split returns the condition that a part of the filter is, and that of the rest.
func (f UserFilter) split(part UserFilter) (condition, rest condition) {
	if part.Prefix != "" {
		f.Prefix = ""
	}
	if part.Role != "" {
		f.Role = ""
	}
	return part.condition(), f.condition()
}

// along returns the condition that an index for each order has, and the rest of the filter.
func (f UserFilter) along() (index, rest condition) {
	if f.Active != nil && !*f.Active {
		f.Active, index = nil, disabled
	}
	return index, f.condition()
}

// condition returns what the filter asks of a user, and nil where that is nothing.
func (f UserFilter) condition() condition {
	if f == (UserFilter{}) {
		return nil
	}
	return func(query *bun.SelectQuery) {
		if f.Prefix != "" {
			query.WhereGroup(" AND ", func(query *bun.SelectQuery) *bun.SelectQuery {
				for _, column := range searched {
					query.WhereOr(begins, column, f.Prefix, column, f.Prefix+last)
				}
				return query
			})
		}
		if f.Role != "" {
			// Not EXISTS, which a database may turn into a search for all holders.
			query.Where(`(SELECT 1 FROM user_roles AS held WHERE held.user_id = ?TableAlias.id
				AND held.role_id = (SELECT id FROM roles WHERE name = ?)) IS NOT NULL`, f.Role)
		}
		if f.Active != nil && *f.Active {
			query.Where("disabled_at IS NULL")
		}
		if f.Active != nil && !*f.Active {
			disabled(query)
		}
	}
}

func disabled(query *bun.SelectQuery) { query.Where("disabled_at IS NOT NULL") }

// The columns that a search looks at.
var searched = []bun.Ident{"email_folded", "username_folded", "first_name_folded", "last_name_folded"}

const (
	// A range, not LIKE: it needs no escapes and every database uses the index for it.
	begins = "(? >= ? AND ? < ?)"
	last   = "\U0010FFFF" // sorts behind every other character
)

// countBeginning returns how many values of the searched columns begin with a prefix, up to atMost.
// They may be several of one user.
func (s *Store) countBeginning(ctx context.Context, prefix string, atMost int) (n int, err error) {
	query, counts := s.reads.NewSelect(), make([]int, len(searched))
	var dest []any
	for i, column := range searched {
		entries := s.reads.NewSelect().Model((*model.User)(nil)).Column("id").
			Where(begins, column, prefix, column, prefix+last).OrderExpr("?", column).Limit(int64(atMost))
		query.ColumnExpr("(SELECT count(*) FROM (?) AS entries)", entries)
		dest = append(dest, &counts[i])
	}
	if err := s.scan(ctx, query, dest...); err != nil {
		return 0, err
	}
	for _, count := range counts {
		n += count
	}
	return min(n, atMost), nil
}

// holdersOf returns the ids of whoever holds the role of a name.
func (s *Store) holdersOf(role string) *bun.SelectQuery {
	return s.reads.NewSelect().Model((*model.UserRole)(nil)).Column("user_id").
		Where("role_id = (SELECT id FROM roles WHERE name = ?)", role)
}

// CountUsers returns how many users the filter matches, and atMost where it would have to look
// at more rows than that.
func (s *Store) CountUsers(ctx context.Context, filter UserFilter, atMost int) (int, error) {
	users := sorted[model.User]{}
	if filter.Prefix != "" {
		n, err := s.countBeginning(ctx, filter.Prefix, atMost+1)
		if err != nil {
			return 0, err
		}
		if n <= atMost {
			named, rest := filter.split(UserFilter{Prefix: filter.Prefix})
			return s.count(ctx, rest.apply(users.of(s, users.few(s, named))))
		}
	}
	if filter.Role != "" {
		n, err := s.countUpTo(ctx, s.holdersOf(filter.Role).Order("user_id"), atMost+1)
		if err != nil {
			return 0, err
		}
		if n <= atMost {
			held := func(query *bun.SelectQuery) { query.Where("id IN (?)", s.holdersOf(filter.Role)) }
			_, rest := filter.split(UserFilter{Role: filter.Role})
			return s.count(ctx, rest.apply(users.of(s, users.few(s, held))))
		}
	}
	along, rest := filter.along()
	all := func() *bun.SelectQuery { return along.apply(s.reads.NewSelect().Model((*model.User)(nil))) }
	n, err := s.countUpTo(ctx, all(), atMost+1)
	if err != nil || n > atMost || rest == nil {
		return min(n, atMost), err
	}
	return s.count(ctx, rest.apply(all()))
}

// Counts are the figures of a whole database. Each is right below the limit that it was counted
// up to.
type Counts struct {
	Users, DisabledUsers, Sessions int
}

// Counts counts users and sessions, each by an index and up to atMost.
func (s *Store) Counts(ctx context.Context, atMost int) (counts Counts, err error) {
	if counts.Users, err = s.countUpTo(ctx, s.reads.NewSelect().Model((*model.User)(nil)), atMost); err != nil {
		return counts, err
	}
	query := s.reads.NewSelect().Model((*model.User)(nil))
	disabled(query)
	if counts.DisabledUsers, err = s.countUpTo(ctx, query, atMost); err != nil {
		return counts, err
	}
	counts.Sessions, err = s.countUpTo(ctx, s.reads.NewSelect().Model((*model.Session)(nil)), atMost)
	return counts, err
}
