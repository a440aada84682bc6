package auth

import (
	"context"
	"errors"
	"slices"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// createBuiltInRoles makes the role admin in a new database.
func (s *Service) createBuiltInRoles(ctx context.Context) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		_, err := tx.RoleByName(ctx, model.RoleAdmin)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		now := s.now()
		return tx.InsertRole(ctx, &model.Role{
			ID:          s.newID(model.RoleIDPrefix),
			Name:        model.RoleAdmin,
			Description: "Runs this service. Holds every permission there is.",
			CreatedAt:   now,
			UpdatedAt:   now,
		})
	})
}

// addRole adds a role and what it permits to a viewer.
func (s *Service) addRole(v *Viewer, role *model.Role) {
	v.Roles = append(v.Roles, role.Name)
	for _, permission := range s.PermissionsOf(role) {
		if !v.Permissions.Contains(permission) {
			v.Permissions = append(slices.Clip(v.Permissions), permission)
		}
	}
}

// PermissionsOf returns what a role permits: for admin, all there is, also what a
// later version of the schema adds.
func (s *Service) PermissionsOf(role *model.Role) model.Permissions {
	if role.Name == model.RoleAdmin {
		return s.permissions
	}
	return role.Permissions
}

// RolesByUsers returns the roles of each user, in the users' order, sorted by name. A viewer
// sees their own and, with users:read, everyone's; for any other user the refusal stands in
// refusals at the user's place.
func (s *Service) RolesByUsers(ctx context.Context, v *Viewer, users []*model.User) (roles [][]*model.Role, refusals []error, err error) {
	roles, refusals = make([][]*model.Role, len(users)), make([]error, len(users))
	var visible []string
	for i, user := range users {
		if refusals[i] = s.mayRead(v, user.ID); refusals[i] == nil {
			visible = append(visible, user.ID)
		}
	}
	if len(visible) == 0 {
		return roles, refusals, nil
	}
	byUser, err := s.store.RolesByUsers(ctx, visible)
	if err != nil {
		return nil, nil, err
	}
	for i, user := range users {
		if refusals[i] == nil {
			roles[i] = append([]*model.Role{}, byUser[user.ID]...) // never nil: that would be null
		}
	}
	return roles, refusals, nil
}

// mayRead returns nil where the viewer may see what belongs to a user.
func (s *Service) mayRead(v *Viewer, userID string) error {
	if v.Is(userID) {
		return nil
	}
	return s.CheckGuard(v, Guard{Permissions: []string{UsersRead}})
}

// Role returns a role that the viewer holds, or any to a holder of roles:read. Otherwise,
// and where there is none, it refuses with NOT_FOUND.
func (s *Service) Role(ctx context.Context, v *Viewer, id string) (*model.Role, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	if err := checkID("id", id, model.RoleIDPrefix); err != nil {
		return nil, err
	}
	role, err := found(s.store.RoleByID(ctx, id))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(v.Roles, role.Name) && !v.Can(RolesRead) {
		return nil, errNotFound
	}
	return role, nil
}
