package auth

import (
	"context"
	"errors"
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
	return s.createAdministrator(ctx, v, email, password, nil)
}

// errOvertaken says that somebody else changed an account first.
var errOvertaken = errors.New("the account has changed")

// createAdministrator is CreateAdministrator. Given what is kept of the account's password, it
// returns errOvertaken where that has changed.
func (s *Service) createAdministrator(ctx context.Context, v *Viewer, email, password string, known *string) (*model.User, error) {
	if v.Kind != kindOperator {
		return nil, errForbidden
	}
	account, err := s.newUser(CreateUserInput{Email: email})
	if err != nil {
		return nil, err
	}
	if err := checkPassword("password", password, email); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, password, atOnce)
	if err != nil {
		return nil, err
	}
	var user *model.User
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		if user, err = s.reclaim(ctx, tx, v, account); err != nil {
			return err
		}
		if known != nil {
			current, err := s.accountByID(ctx, tx, user)
			if err != nil {
				return err
			}
			if current.hash() != *known {
				return errOvertaken
			}
		}
		if err := s.replacePassword(ctx, tx, user.ID, hash, ""); err != nil {
			return err
		}
		if err := s.record(ctx, tx, v, about(model.AuditPasswordChanged, user.ID)); err != nil {
			return err
		}
		return s.grant(ctx, tx, v, "role", user.ID, model.RoleAdmin)
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// reclaim returns the account that has the new user's email, enabled, or keeps the new one.
func (s *Service) reclaim(ctx context.Context, tx *store.Store, v *Viewer, user *model.User) (*model.User, error) {
	existing, err := tx.UserByEmail(ctx, user.EmailFolded)
	if errors.Is(err, store.ErrNotFound) {
		if err := tx.InsertUser(ctx, user); err != nil {
			return nil, err
		}
		return user, s.record(ctx, tx, v, about(model.AuditUserCreated, user.ID))
	}
	if err != nil || existing.Active() {
		return existing, err
	}
	existing.DisabledAt, existing.UpdatedAt = 0, s.now()
	if err := tx.UpdateUser(ctx, existing); err != nil {
		return nil, err
	}
	return existing, s.record(ctx, tx, v, about(model.AuditUserEnabled, existing.ID))
}

// EnsureAdministrator is CreateAdministrator for every start of a server: an administrator
// who can sign in by this password already is left alone, and so are their sessions.
// It reports whether it changed anything.
func (s *Service) EnsureAdministrator(ctx context.Context, v *Viewer, email, password string) (changed bool, err error) {
	for {
		// Of several servers that start at once, one makes the administrator.
		if changed, err = s.ensureAdministrator(ctx, v, email, password); !errors.Is(err, errOvertaken) {
			return changed, err
		}
	}
}

func (s *Service) ensureAdministrator(ctx context.Context, v *Viewer, email, password string) (bool, error) {
	account, err := s.accountByIdentifier(ctx, s.store, email)
	if err != nil {
		return false, err
	}
	if account.user != nil && account.user.Active() {
		match, _, err := s.hasher.verify(ctx, password, account.hash(), atOnce)
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
	known := account.hash()
	if _, err := s.createAdministrator(ctx, v, email, password, &known); err != nil {
		return false, err
	}
	return true, nil
}

// EnsureUser makes an account with roles, unless there is one with the same email address or
// user name, and reports whether it did. Only the operator may.
func (s *Service) EnsureUser(ctx context.Context, v *Viewer, in CreateUserInput, roles []string) (bool, error) {
	if v.Kind != kindOperator {
		return false, errForbidden
	}
	_, err := s.createUser(ctx, v, in, roles)
	if refusal, ok := errors.AsType[*Error](err); ok && refusal.Code == AlreadyExists {
		return false, nil
	}
	return err == nil, err
}
