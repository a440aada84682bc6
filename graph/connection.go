package graph

import (
	"sync"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// connection is a page as Relay's connection specification shows it.
type connection[T any] struct {
	page  *auth.Page[T]
	count func() (int, error)
}

// Nodes returns the elements of the page.
func (c *connection[T]) Nodes() []*T { return c.page.Nodes }

// PageInfo says where the page lies.
func (c *connection[T]) PageInfo() *PageInfo {
	return &PageInfo{
		HasNextPage: c.page.HasNext, HasPreviousPage: c.page.HasPrevious,
		StartCursor: c.page.Start, EndCursor: c.page.End,
	}
}

// TotalCount counts the elements that the filter matches.
func (c *connection[T]) TotalCount() (int, error) { return c.count() }

// newConnection returns a page whose elements are counted once, however often that is asked.
func newConnection[T any](page *auth.Page[T], count func() (int, error)) connection[T] {
	return connection[T]{page: page, count: sync.OnceValues(count)}
}

// UserConnection is a page of users.
type UserConnection struct{ connection[model.User] }

// Edges returns the users of the page, each with its cursor.
func (c *UserConnection) Edges() []*UserEdge {
	edges := make([]*UserEdge, len(c.page.Nodes))
	for i, user := range c.page.Nodes {
		edges[i] = &UserEdge{Cursor: c.page.Cursor(user), Node: user}
	}
	return edges
}

// AuditEventConnection is a page of events.
type AuditEventConnection struct{ connection[model.AuditEvent] }

// Edges returns the events of the page, each with its cursor.
func (c *AuditEventConnection) Edges() []*AuditEventEdge {
	edges := make([]*AuditEventEdge, len(c.page.Nodes))
	for i, event := range c.page.Nodes {
		edges[i] = &AuditEventEdge{Cursor: c.page.Cursor(event), Node: event}
	}
	return edges
}
