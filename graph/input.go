package graph

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/authgraph/authgraph/auth"
)

// text returns an optional input, with "" for an absent one and for null.
func text(input graphql.Omittable[*string]) string {
	if value, ok := input.ValueOK(); ok && value != nil {
		return *value
	}
	return ""
}

// change returns an optional input of an update: nil for an absent one, and "" for null, which
// removes.
func change(input graphql.Omittable[*string]) *string {
	value, ok := input.ValueOK()
	if ok && value == nil {
		return new(string)
	}
	return value
}

// orZero returns what an optional input points to, or the zero value.
func orZero[T any](value *T) T {
	if value == nil {
		return *new(T)
	}
	return *value
}

// userSorts translates the enum UserOrderField.
var userSorts = map[UserOrderField]auth.UserSort{
	UserOrderFieldCreatedAt: auth.UsersByCreatedAt,
	UserOrderFieldEmail:     auth.UsersByEmail,
	UserOrderFieldUsername:  auth.UsersByUsername,
	UserOrderFieldLastName:  auth.UsersByLastName,
}

// userQuery translates the arguments of Query.users.
func userQuery(first *int, after *string, last *int, before *string, filter *UserFilter, orderBy *UserOrder) auth.UserQuery {
	query := auth.UserQuery{
		Sort:          auth.UsersByCreatedAt,
		PageArguments: auth.PageArguments{First: first, After: after, Last: last, Before: before},
	}
	if filter != nil {
		query.Search = text(filter.Search)
		query.Role = text(filter.Role)
		query.Active = filter.Active.Value()
	}
	if orderBy != nil {
		query.Sort = userSorts[orderBy.Field]
		query.Descending = orderBy.Direction == OrderDirectionDesc
	}
	return query
}

// auditQuery translates the arguments of Query.auditLog.
func auditQuery(first *int, after *string, last *int, before *string, filter *AuditFilter) auth.AuditQuery {
	query := auth.AuditQuery{PageArguments: auth.PageArguments{First: first, After: after, Last: last, Before: before}}
	if filter != nil {
		query.Kind = orZero(filter.Kind.Value())
		query.UserID = text(filter.UserID)
		query.ActorID = text(filter.ActorID)
		query.Since = orZero(filter.Since.Value())
		query.Until = orZero(filter.Until.Value())
	}
	return query
}
