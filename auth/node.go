package auth

import (
	"context"
	"strings"

	"github.com/authgraph/authgraph/model"
)

// Node is an object that can be fetched by its id.
type Node interface{ IsNode() }

// Node returns the object with this id, if the viewer may see it, through the same rule as
// the field that would show it.
func (s *Service) Node(ctx context.Context, v *Viewer, id string) (Node, error) {
	switch {
	case strings.HasPrefix(id, model.UserIDPrefix):
		return node(s.User(ctx, v, id))
	case strings.HasPrefix(id, model.SessionIDPrefix):
		return node(s.Session(ctx, v, id))
	case strings.HasPrefix(id, model.RoleIDPrefix):
		return node(s.Role(ctx, v, id))
	case strings.HasPrefix(id, model.APITokenIDPrefix):
		return node(s.APIToken(ctx, v, id))
	default:
		return nil, badInput("id", "must be the id of a user, a session, a role or an API token")
	}
}

// node keeps a refusal from becoming a Node that holds a nil pointer.
func node[T Node](object T, err error) (Node, error) {
	if err != nil {
		return nil, err
	}
	return object, nil
}
