package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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

// PermissionsOf returns what a role permits: for admin, all there is, also what a later version
// of the schema adds. A permission that the schema does not declare any more counts nowhere.
func (s *Service) PermissionsOf(role *model.Role) model.Permissions {
	if role.Name == model.RoleAdmin {
		return s.Permissions
	}
	return intersection(role.Permissions, s.Permissions)
}

// RolesByUsers returns the roles of each user, in the users' order, sorted by name. A viewer
// sees their own and, with users:read, everyone's; for any other user the refusal stands in
// refusals at the user's place.
func (s *Service) RolesByUsers(ctx context.Context, v *Viewer, users []*model.User) (roles [][]*model.Role, refusals []error, err error) {
	return readByUsers(ctx, s, v, users, s.store.RolesByUsers)
}

// readByUsers reads what belongs to users, in one query, for a viewer who may see it: for each
// user either a list, never nil, or a refusal.
func readByUsers[T any](ctx context.Context, s *Service, v *Viewer, users []*model.User,
	read func(ctx context.Context, userIDs []string) (map[string][]T, error),
) (lists [][]T, refusals []error, err error) {
	lists, refusals = make([][]T, len(users)), make([]error, len(users))
	var visible []string
	for i, user := range users {
		if refusals[i] = s.mayRead(v, user.ID); refusals[i] == nil {
			visible = append(visible, user.ID)
		}
	}
	if len(visible) == 0 {
		return lists, refusals, nil
	}
	byUser, err := read(ctx, visible)
	if err != nil {
		return nil, nil, err
	}
	for i, user := range users {
		if refusals[i] == nil {
			lists[i] = append([]T{}, byUser[user.ID]...)
		}
	}
	return lists, refusals, nil
}

// mayRead returns nil where the viewer may see what belongs to a user.
func (s *Service) mayRead(v *Viewer, userID string) error {
	if v.Is(userID) {
		return nil
	}
	return s.CheckGuard(v, Guard{Permissions: []string{UsersRead}})
}

// PermissionsByUsers returns what each user may do, in the users' order, sorted: for the viewer
// what their present credential lets them do. Who may see it is as with RolesByUsers.
func (s *Service) PermissionsByUsers(ctx context.Context, v *Viewer, users []*model.User) ([][]string, []error, error) {
	return readByUsers(ctx, s, v, users, func(ctx context.Context, userIDs []string) (map[string][]string, error) {
		var roles map[string][]*model.Role
		if others := slices.DeleteFunc(slices.Clone(userIDs), v.Is); len(others) > 0 {
			var err error
			if roles, err = s.store.RolesByUsers(ctx, others); err != nil {
				return nil, err
			}
		}
		permissions := make(map[string][]string, len(userIDs))
		for _, id := range slices.Compact(slices.Sorted(slices.Values(userIDs))) {
			holder := v
			if !v.Is(id) {
				holder = new(Viewer)
				for _, role := range roles[id] {
					s.addRole(holder, role)
				}
			}
			permissions[id] = slices.Sorted(slices.Values(holder.Permissions))
		}
		return permissions, nil
	})
}

// CanByUsers reports whether each user may do one thing: nil where the viewer may not see it, with
// the refusal in its place, as with RolesByUsers.
func (s *Service) CanByUsers(ctx context.Context, v *Viewer, users []*model.User, permission string) ([]*bool, []error, error) {
	permissions, refusals, err := s.PermissionsByUsers(ctx, v, users)
	can := make([]*bool, len(permissions))
	for i := range permissions {
		if refusals[i] == nil {
			holds := slices.Contains(permissions[i], permission)
			can[i] = &holds
		}
	}
	return can, refusals, err
}

// rolesByIDs returns roles that the viewer holds, or any to a holder of roles:read, as findByIDs
// returns them.
func (s *Service) rolesByIDs(ctx context.Context, v *Viewer, ids []string) ([]*model.Role, []error, error) {
	return findByIDs(ctx, v, ids, model.RoleIDPrefix, s.store.RolesByIDs, func(role *model.Role) bool {
		return v.has(role.Name) || v.Can(RolesRead)
	})
}

// Roles returns every role to a holder of roles:read, sorted by name.
func (s *Service) Roles(ctx context.Context, v *Viewer) ([]*model.Role, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{RolesRead}}); err != nil {
		return nil, err
	}
	return s.store.Roles(ctx)
}

var roleName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,49}$`)

const (
	maxDescription = 500
	// maxRoles is how many roles there can be: they are listed without pages, and looked up with
	// their holders.
	maxRoles = 1000
)

// RoleChanges says what to change of a role. What is nil stays.
type RoleChanges struct {
	Name, Description *string
	Permissions       []string
}

// CreateRole makes a role that permits no more than the viewer may do. There can be maxRoles.
func (s *Service) CreateRole(ctx context.Context, v *Viewer, changes RoleChanges) (*model.Role, error) {
	now := s.now()
	role := &model.Role{ID: s.newID(model.RoleIDPrefix), CreatedAt: now, UpdatedAt: now}
	if err := s.applyRoleChanges(v, role, changes); err != nil {
		return nil, err
	}
	err := s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		count, err := tx.CountRoles(ctx, maxRoles)
		if err != nil {
			return err
		}
		if count >= maxRoles {
			return badInput("name", fmt.Sprintf("would be the %dth role; remove another first", maxRoles+1))
		}
		if err := tx.InsertRole(ctx, role); err != nil {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditRoleCreated, "", role.ID))
	})
	if err != nil {
		return nil, taken(err)
	}
	return role, nil
}

// applyRoleChanges checks changes and puts them into a role.
func (s *Service) applyRoleChanges(v *Viewer, role *model.Role, changes RoleChanges) error {
	if err := s.CheckGuard(v, Guard{Permissions: []string{RolesWrite}}); err != nil {
		return err
	}
	if changes.Name != nil {
		if !roleName.MatchString(*changes.Name) {
			return badInput("name", "must be 1 to 50 lower-case letters, digits, underscores and hyphens, and begin with a letter")
		}
		role.Name = *changes.Name
	}
	if changes.Description != nil {
		if err := checkText("description", *changes.Description, maxDescription); err != nil {
			return err
		}
		role.Description = *changes.Description
	}
	if changes.Permissions != nil {
		permissions, err := s.checkPermissions("permissions", v, changes.Permissions)
		if err != nil {
			return err
		}
		role.Permissions = permissions
	}
	return nil
}

// UpdateRole changes a role that permits no more than the viewer may do, before and after. API
// tokens of its holders lose what their owners lose. A change of what it permits takes as long as
// there are holders, like DeleteRole.
func (s *Service) UpdateRole(ctx context.Context, v *Viewer, id string, changes RoleChanges) (role *model.Role, err error) {
	err = s.manageRole(ctx, v, id, func(ctx context.Context, tx *store.Store, managed *model.Role) error {
		before := *managed
		role = managed
		if err := s.applyRoleChanges(v, role, changes); err != nil {
			return err
		}
		role.UpdatedAt = s.now()
		if err := tx.UpdateRole(ctx, role); err != nil {
			return err
		}
		if err := s.recutAll(ctx, tx, &before, role.Permissions); err != nil {
			return err
		}
		if slices.ContainsFunc(role.Permissions, func(permission string) bool { return !before.Permissions.Contains(permission) }) {
			// Whoever made a code for a holder may not be entitled to one any more.
			if err := tx.DeleteHeldPasswordCodes(ctx, role.ID); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditRoleUpdated, "", role.ID))
	})
	if err != nil {
		return nil, taken(err)
	}
	return role, nil
}

// DeleteRole takes a role, which permits no more than the viewer may do, from everyone and
// removes it. That takes as long as there are holders, half a second for 100,000, in which SQLite
// writes nothing else; it happens as a whole or not at all.
func (s *Service) DeleteRole(ctx context.Context, v *Viewer, id string) error {
	return s.manageRole(ctx, v, id, func(ctx context.Context, tx *store.Store, role *model.Role) error {
		if err := s.recutAll(ctx, tx, role, nil); err != nil {
			return err
		}
		if err := tx.DeleteRole(ctx, role.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditRoleDeleted, "", role.ID))
	})
}

// manageRole runs change, in one transaction, on a role that the viewer may edit: not a
// built-in one, nor one that permits what they may not do.
func (s *Service) manageRole(ctx context.Context, v *Viewer, id string, change func(ctx context.Context, tx *store.Store, role *model.Role) error) error {
	if err := s.CheckGuard(v, Guard{Permissions: []string{RolesWrite}}); err != nil {
		return err
	}
	if err := checkID("id", id, model.RoleIDPrefix); err != nil {
		return err
	}
	return s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		role, err := found(tx.RoleByID(ctx, id))
		if err != nil {
			return err
		}
		if err := tx.LockRole(ctx, role.Name); err != nil {
			return err
		}
		if role.Name == model.RoleAdmin {
			return &Error{Code: Forbidden, Message: "The built-in role cannot be changed."}
		}
		if err := holdsAll(v, s.PermissionsOf(role)); err != nil {
			return err
		}
		return change(ctx, tx, role)
	})
}

// GrantRole gives a role to a user. The viewer must hold every permission of the role, and be
// allowed to manage the user.
func (s *Service) GrantRole(ctx context.Context, v *Viewer, userID, name string) (*model.User, error) {
	return s.changeRoles(ctx, v, userID, func(ctx context.Context, tx *store.Store) error {
		return s.grant(ctx, tx, v, "role", userID, name)
	})
}

// RevokeRole takes a role from a user, under the same rules. The last administrator keeps
// theirs. The user's API tokens lose what the user loses.
func (s *Service) RevokeRole(ctx context.Context, v *Viewer, userID, name string) (*model.User, error) {
	return s.changeRoles(ctx, v, userID, func(ctx context.Context, tx *store.Store) error {
		role, err := s.grantable(ctx, tx, v, "role", name)
		if err != nil {
			return err
		}
		return s.keepAdministrator(ctx, tx, func() error {
			was, err := tx.RevokeRole(ctx, userID, role.ID)
			if err != nil || !was {
				return err
			}
			if err := s.recut(ctx, tx, userID); err != nil {
				return err
			}
			return s.record(ctx, tx, v, aboutSubject(model.AuditRoleRevoked, userID, role.ID))
		})
	})
}

// changeRoles runs change, in one transaction, on the roles of a user whom the viewer may manage
// in this.
func (s *Service) changeRoles(ctx context.Context, v *Viewer, userID string, change func(ctx context.Context, tx *store.Store) error) (user *model.User, err error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{RolesWrite}}); err != nil {
		return nil, err
	}
	if err := checkID("userId", userID, model.UserIDPrefix); err != nil {
		return nil, err
	}
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if user, err = found(tx.LockUser(ctx, userID)); err != nil {
			return err
		}
		permissions, err := s.permissionsOfUser(ctx, tx, userID)
		if err != nil {
			return err
		}
		if err := holdsAll(v, permissions); err != nil {
			return err
		}
		return change(ctx, tx)
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// grant gives a role to a user.
func (s *Service) grant(ctx context.Context, tx *store.Store, v *Viewer, field, userID, name string) error {
	role, err := s.grantable(ctx, tx, v, field, name)
	if err != nil {
		return err
	}
	if err := tx.GrantRole(ctx, &model.UserRole{UserID: userID, RoleID: role.ID, GrantedAt: s.now()}); err != nil {
		return err
	}
	// Whoever made a code for the user may not be entitled to one any more.
	if err := tx.DeletePasswordCode(ctx, userID); err != nil {
		return err
	}
	return s.record(ctx, tx, v, aboutSubject(model.AuditRoleGranted, userID, role.ID))
}

// grantable returns the role of this name, if the viewer may give and take it.
func (s *Service) grantable(ctx context.Context, tx *store.Store, v *Viewer, field, name string) (*model.Role, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{RolesWrite}}); err != nil {
		return nil, err
	}
	if err := checkText(field, name, maxName); err != nil {
		return nil, err
	}
	role, err := tx.RoleByName(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, badInput(field, "must be the name of a role")
	}
	if err != nil {
		return nil, err
	}
	return role, holdsAll(v, s.PermissionsOf(role))
}
