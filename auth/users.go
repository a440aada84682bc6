package auth

import (
	"context"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
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

// UserQuery asks for a page of users.
type UserQuery struct {
	Search     string // the beginning of an identifier or a name; "" for all
	Role       string // "" for all
	Active     *bool  // nil for all
	Sort       UserSort
	Descending bool
	PageArguments
}

// Users returns a page of users to a holder of users:read.
func (s *Service) Users(ctx context.Context, v *Viewer, query UserQuery) (*Page[model.User], error) {
	filter, err := s.userFilter(v, query)
	if err != nil {
		return nil, err
	}
	return readPage(s, query.PageArguments, "users "+string(query.Sort), query.Sort.Place,
		func(backwards bool, page store.Page) (*store.Found[model.User], error) {
			page.Descending = query.Descending != backwards
			return s.store.Users(ctx, store.UserPage{Filter: filter, Sort: query.Sort, Page: page})
		})
}

// CountUsers returns how many users a query's filter matches, up to MaxCount, to a holder of
// users:read.
func (s *Service) CountUsers(ctx context.Context, v *Viewer, query UserQuery) (int, error) {
	filter, err := s.userFilter(v, query)
	if err != nil {
		return 0, err
	}
	return s.store.CountUsers(ctx, filter, MaxCount)
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
