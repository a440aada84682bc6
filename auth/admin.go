package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// HasAdministrator reports whether anyone can sign in as an administrator.
func (s *Service) HasAdministrator(ctx context.Context) (bool, error) {
	return s.store.HasRoleHolder(ctx, model.RoleAdmin)
}

// CreateAdministrator makes the account with this email an administrator's. Where there is
// no such account, it makes one. Where there is, the password is set, all its sessions
// end, and it is enabled, so that an administrator who was locked out gets back in and nobody
// else stays. Only the operator may.
func (s *Service) CreateAdministrator(ctx context.Context, v *Viewer, email, password string) (*model.User, error) {
	if v.Scheme != schemeOperator {
		return nil, errForbidden
	}
	user, err := s.newUser(CreateUserInput{Email: email})
	if err != nil {
		return nil, err
	}
	if err := checkPassword("password", password, email); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		existing, err := tx.UserByEmail(ctx, user.EmailFolded)
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = tx.InsertUser(ctx, user)
		case err == nil:
			user = existing
			err = s.reclaim(ctx, tx, user)
		}
		if err != nil {
			return err
		}
		if err := tx.InsertCredential(ctx, s.newPassword(user.ID, hash)); err != nil {
			return err
		}
		role, err := tx.RoleByName(ctx, model.RoleAdmin)
		if err != nil {
			return err
		}
		return tx.GrantRole(ctx, &model.UserRole{UserID: user.ID, RoleID: role.ID, GrantedAt: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// reclaim takes an account from whoever uses it: its password is gone, its sessions end,
// and it may be used again.
func (s *Service) reclaim(ctx context.Context, tx *store.Store, user *model.User) error {
	if err := tx.DeleteCredentials(ctx, user.ID, model.KindPassword); err != nil {
		return err
	}
	if _, err := tx.DeleteSessionsByUser(ctx, user.ID); err != nil {
		return err
	}
	user.DisabledAt, user.UpdatedAt = 0, s.now()
	return tx.UpdateUser(ctx, user)
}

// EnsureAdministrator is CreateAdministrator for every start of a server: an administrator
// who can sign in by this password already is left alone, and so are their sessions.
// It reports whether it changed anything.
func (s *Service) EnsureAdministrator(ctx context.Context, v *Viewer, email, password string) (bool, error) {
	account, err := s.accountByIdentifier(ctx, s.store, email)
	if err != nil {
		return false, err
	}
	if account.user != nil && account.user.Active() {
		match, _, err := s.hasher.verify(ctx, password, account.hash())
		if err != nil {
			return false, err
		}
		roles, err := s.store.RolesByUsers(ctx, []string{account.user.ID})
		if err != nil {
			return false, err
		}
		isAdmin := slices.ContainsFunc(roles[account.user.ID], func(role *model.Role) bool { return role.Name == model.RoleAdmin })
		if match && isAdmin {
			return false, nil
		}
	}
	if _, err := s.CreateAdministrator(ctx, v, email, password); err != nil {
		return false, fmt.Errorf("failed to make %s an administrator: %w", email, err)
	}
	return true, nil
}
