package auth

import (
	"context"
	"slices"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// The size of a page.
const (
	defaultPage = 20
	maxPage     = 100
)

// UserSort is what a list of users is sorted by.
type UserSort = store.UserSort

// What a list of users can be sorted by.
const (
	UsersByCreatedAt = store.UsersByCreatedAt
	UsersByEmail     = store.UsersByEmail
	UsersByUsername  = store.UsersByUsername
	UsersByLastName  = store.UsersByLastName
)

// UserQuery asks for a page of users. First goes with After, Last with Before.
type UserQuery struct {
	Search     string // the beginning of an identifier or a name; "" for all
	Role       string // "" for all
	Active     *bool  // nil for all
	Sort       UserSort
	Descending bool
	First      *int
	After      *string
	Last       *int
	Before     *string
}

// UserPage is a page of users with the cursor of each.
type UserPage struct {
	Users       []*model.User
	Cursors     []string
	HasNext     bool
	HasPrevious bool
}

// Users returns a page of users to a holder of users:read.
func (s *Service) Users(ctx context.Context, v *Viewer, query UserQuery) (*UserPage, error) {
	filter, err := s.userFilter(v, query)
	if err != nil {
		return nil, err
	}
	size, backwards, err := pageSize(query)
	if err != nil {
		return nil, err
	}
	// One more than asked for tells whether others follow.
	page := store.UserPage{Filter: filter, Sort: query.Sort, Descending: query.Descending != backwards, Limit: size + 1}
	field, cursor := "after", query.After
	if backwards {
		field, cursor = "before", query.Before
	}
	if cursor != nil {
		if page.From, err = s.position(field, *cursor, query.Sort); err != nil {
			return nil, err
		}
	}
	users, err := s.store.Users(ctx, page)
	if err != nil {
		return nil, err
	}
	beyond, behind := len(users) > size, cursor != nil
	users = users[:min(size, len(users))]
	result := &UserPage{Users: users, HasNext: beyond, HasPrevious: behind}
	if backwards {
		slices.Reverse(users)
		result.HasNext, result.HasPrevious = behind, beyond
	}
	for _, user := range users {
		result.Cursors = append(result.Cursors, s.cursor(query.Sort, user))
	}
	return result, nil
}

// CountUsers returns how many users a query's filter matches, to a holder of users:read.
func (s *Service) CountUsers(ctx context.Context, v *Viewer, query UserQuery) (int, error) {
	filter, err := s.userFilter(v, query)
	if err != nil {
		return 0, err
	}
	return s.store.CountUsers(ctx, filter)
}

func (s *Service) userFilter(v *Viewer, query UserQuery) (store.UserFilter, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersRead}}); err != nil {
		return store.UserFilter{}, err
	}
	if err := checkText("search", query.Search, maxEmail); err != nil {
		return store.UserFilter{}, err
	}
	if err := checkText("role", query.Role, maxName); err != nil {
		return store.UserFilter{}, err
	}
	return store.UserFilter{Prefix: foldPrefix(query.Search), Role: query.Role, Active: query.Active}, nil
}

// pageSize returns how many users to read and whether backwards.
func pageSize(query UserQuery) (size int, backwards bool, err error) {
	switch {
	case query.First != nil && query.Last != nil:
		return 0, false, badInput("last", "must not be given together with first")
	case query.Last == nil && query.Before != nil:
		return 0, false, badInput("before", "goes with last")
	case query.Last != nil && query.After != nil:
		return 0, false, badInput("after", "goes with first")
	case query.Last != nil:
		return *query.Last, true, checkPageSize("last", *query.Last)
	case query.First != nil:
		return *query.First, false, checkPageSize("first", *query.First)
	default:
		return defaultPage, false, nil
	}
}

func checkPageSize(field string, size int) error {
	if size < 1 || size > maxPage {
		return badInput(field, "must be 1 to 100")
	}
	return nil
}
