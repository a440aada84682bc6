package graph

import (
	"context"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// UserConnection is a page of users.
type UserConnection struct {
	page  *auth.UserPage
	count func(ctx context.Context) (int, error)
}

// Nodes returns the users of the page.
func (c *UserConnection) Nodes() []*model.User { return c.page.Users }

// Edges returns the users of the page, each with its cursor.
func (c *UserConnection) Edges() []*UserEdge {
	edges := make([]*UserEdge, len(c.page.Users))
	for i, user := range c.page.Users {
		edges[i] = &UserEdge{Cursor: c.page.Cursors[i], Node: user}
	}
	return edges
}

// PageInfo says where the page lies.
func (c *UserConnection) PageInfo() *PageInfo {
	info := &PageInfo{HasNextPage: c.page.HasNext, HasPreviousPage: c.page.HasPrevious}
	if n := len(c.page.Cursors); n > 0 {
		info.StartCursor, info.EndCursor = &c.page.Cursors[0], &c.page.Cursors[n-1]
	}
	return info
}

// TotalCount counts the users that the filter matches.
func (c *UserConnection) TotalCount(ctx context.Context) (int, error) { return c.count(ctx) }
