package store

import (
	"context"
	"math"

	"github.com/authgraph/authgraph/model"
)

// InsertRole adds a role. A second one of the same name is a *ConflictError.
func (s *Store) InsertRole(ctx context.Context, role *model.Role) error {
	return s.insert(ctx, role)
}

// RoleByID returns a role, or ErrNotFound.
func (s *Store) RoleByID(ctx context.Context, id string) (*model.Role, error) {
	role := new(model.Role)
	err := s.scan(ctx, s.reads.NewSelect().Model(role).Where("id = ?", id))
	return role, err
}

// RolesByIDs returns those of the roles that there are, by id.
func (s *Store) RolesByIDs(ctx context.Context, ids []string) (map[string]*model.Role, error) {
	return byIDs(ctx, s, ids, func(role *model.Role) string { return role.ID })
}

// RoleByName returns a role, or ErrNotFound.
func (s *Store) RoleByName(ctx context.Context, name string) (*model.Role, error) {
	role := new(model.Role)
	err := s.scan(ctx, s.reads.NewSelect().Model(role).Where("name = ?", name))
	return role, err
}

// RolesByUsers returns the roles that each of the users holds, by user id, sorted by name.
func (s *Store) RolesByUsers(ctx context.Context, userIDs []string) (map[string][]*model.Role, error) {
	var rows []struct {
		UserID     string
		model.Role `bun:",extend"`
	}
	err := s.scan(ctx, s.reads.NewSelect().TableExpr("user_roles AS ur").
		ColumnExpr("ur.user_id, r.id, r.name, r.description, r.permissions, r.created_at, r.updated_at").
		Join("JOIN roles AS r ON r.id = ur.role_id").
		Where("ur.user_id IN (?)", list(userIDs)).
		Order("r.name"), &rows)
	if err != nil {
		return nil, err
	}
	roles := make(map[string][]*model.Role, len(userIDs))
	for i := range rows {
		roles[rows[i].UserID] = append(roles[rows[i].UserID], &rows[i].Role)
	}
	return roles, nil
}

// Roles returns every role, sorted by name.
func (s *Store) Roles(ctx context.Context) ([]*model.Role, error) {
	var roles []*model.Role
	err := s.scan(ctx, s.reads.NewSelect().Model(&roles).Order("name"))
	return roles, err
}

// CountRoles returns how many roles there are, up to atMost.
func (s *Store) CountRoles(ctx context.Context, atMost int) (int, error) {
	return s.countUpTo(ctx, s.reads.NewSelect().Model((*model.Role)(nil)), atMost)
}

// UpdateRole keeps every changed field of a role. A taken name is a *ConflictError.
func (s *Store) UpdateRole(ctx context.Context, role *model.Role) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model(role).WherePK())
	return err
}

// DeleteRole removes a role from everyone who holds it.
func (s *Store) DeleteRole(ctx context.Context, id string) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.Role)(nil)).Where("id = ?", id))
	return err
}

// LockRole makes other transactions that lock the same role wait for the end of this one.
func (s *Store) LockRole(ctx context.Context, name string) error {
	return s.scan(ctx, s.lock(s.reads.NewSelect().Model(new(model.Role)).Where("name = ?", name)))
}

// RevokeRole takes a role from a user and reports whether they held it.
func (s *Store) RevokeRole(ctx context.Context, userID, roleID string) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.UserRole)(nil)).
		Where("user_id = ?", userID).Where("role_id = ?", roleID))
	return n == 1, err
}

// GrantRole gives a user a role; one who holds it already keeps it.
func (s *Store) GrantRole(ctx context.Context, grant *model.UserRole) error {
	_, err := s.exec(ctx, s.writes.NewInsert().Model(grant).On("CONFLICT DO NOTHING"))
	return err
}

// HasRoleHolder reports whether any user who can sign in, being active and having a password,
// holds the role of that name.
func (s *Store) HasRoleHolder(ctx context.Context, name string) (held bool, err error) {
	holders := s.reads.NewSelect().ColumnExpr("1").TableExpr("(?) AS holder", s.holdersOf(name).Order("user_id").Limit(math.MaxInt32)).
		Where("(SELECT 1 FROM users WHERE id = holder.user_id AND disabled_at IS NULL) IS NOT NULL").
		Where("(SELECT 1 FROM credentials WHERE user_id = holder.user_id AND kind = ?) IS NOT NULL", model.KindPassword).
		Limit(1)
	err = s.scan(ctx, s.reads.NewSelect().ColumnExpr("EXISTS (?)", holders), &held)
	return held, err
}
