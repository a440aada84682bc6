package auth

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// Node is an object that can be fetched by its id.
type Node interface{ IsNode() }

// Node returns the object with this id, if the viewer may see it, through the same rule as
// the field that would show it. Otherwise, and where there is none, it refuses with NOT_FOUND.
func (s *Service) Node(ctx context.Context, v *Viewer, id string) (Node, error) {
	nodes, refusals, err := s.Nodes(ctx, v, []string{id})
	if err == nil {
		err = refusals[0]
	}
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes is Node for many: each of the ids has, at its place, either an object or a refusal. However
// many there are, they are read by one query for each type.
func (s *Service) Nodes(ctx context.Context, v *Viewer, ids []string) (nodes []Node, refusals []error, err error) {
	if err := v.Check(); err != nil {
		return nil, nil, err
	}
	find := map[string]findNodes{
		model.UserIDPrefix:     nodesOf(s.UsersByIDs),
		model.SessionIDPrefix:  nodesOf(s.sessionsByIDs),
		model.RoleIDPrefix:     nodesOf(s.rolesByIDs),
		model.APITokenIDPrefix: nodesOf(s.apiTokensByIDs),
	}
	nodes, refusals = make([]Node, len(ids)), make([]error, len(ids))
	places := map[string][]int{} // of the ids of each type, by prefix
	for i, id := range ids {
		prefix := id[:min(len(id), len(model.UserIDPrefix))]
		if find[prefix] == nil {
			refusals[i] = badInput("id", "must be the id of a user, a session, a role or an API token")
			continue
		}
		places[prefix] = append(places[prefix], i)
	}
	for prefix, places := range places {
		alike := make([]string, len(places))
		for i, place := range places {
			alike[i] = ids[place]
		}
		found, refused, err := find[prefix](ctx, v, alike)
		if err != nil {
			return nil, nil, err
		}
		for i, place := range places {
			nodes[place], refusals[place] = found[i], refused[i]
		}
	}
	return nodes, refusals, nil
}

// findNodes finds objects of one type by their ids, as findByIDs does.
type findNodes func(ctx context.Context, v *Viewer, ids []string) ([]Node, []error, error)

// nodesOf returns objects of one type as Nodes. It keeps the absence of one from becoming a Node that
// holds a nil pointer.
func nodesOf[T any, P interface {
	*T
	Node
}](find func(ctx context.Context, v *Viewer, ids []string) ([]P, []error, error)) findNodes {
	return func(ctx context.Context, v *Viewer, ids []string) ([]Node, []error, error) {
		objects, refusals, err := find(ctx, v, ids)
		nodes := make([]Node, len(objects))
		for i, object := range objects {
			if object != nil {
				nodes[i] = object
			}
		}
		return nodes, refusals, err
	}
}

// findByIDs reads objects of one type, whose ids begin with a prefix, by one query. Each of the ids
// has, at its place, either the object or a refusal: BAD_USER_INPUT for what cannot be such an id,
// and NOT_FOUND where there is no object or the viewer may not see it.
func findByIDs[T any](ctx context.Context, v *Viewer, ids []string, prefix string,
	read func(ctx context.Context, ids []string) (map[string]*T, error), visible func(*T) bool,
) (objects []*T, refusals []error, err error) {
	if err := v.Check(); err != nil {
		return nil, nil, err
	}
	objects, refusals = make([]*T, len(ids)), make([]error, len(ids))
	var sound []string
	for i, id := range ids {
		if refusals[i] = checkID("id", id, prefix); refusals[i] == nil {
			sound = append(sound, id)
		}
	}
	if len(sound) == 0 {
		return objects, refusals, nil
	}
	byID, err := read(ctx, sound)
	if err != nil {
		return nil, nil, err
	}
	for i, id := range ids {
		switch object := byID[id]; {
		case refusals[i] != nil:
		case object == nil || !visible(object):
			refusals[i] = errNotFound
		default:
			objects[i] = object
		}
	}
	return objects, refusals, nil
}

// one returns the only object of findByIDs, or why there is none.
func one[T any](objects []*T, refusals []error, err error) (*T, error) {
	if err == nil {
		err = refusals[0]
	}
	if err != nil {
		return nil, err
	}
	return objects[0], nil
}
