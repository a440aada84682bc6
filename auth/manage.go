package auth

import (
	"context"
	"fmt"

	"golang.org/x/text/language"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// This file changes accounts: the viewer's own, and others' by those who may manage them. The
// rules for others:
//
//   - It takes the permission users:write.
//   - Nobody changes the identifiers, the state or the credentials of a user who holds a
//     permission that they lack themselves.
//   - The last administrator who may sign in cannot be lost.

// manage runs change on a user whose account the viewer may manage, in one transaction.
func (s *Service) manage(ctx context.Context, v *Viewer, field, userID string, change func(ctx context.Context, tx *store.Store, user *model.User) error) error {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersWrite}}); err != nil {
		return err
	}
	if err := checkID(field, userID, model.UserIDPrefix); err != nil {
		return err
	}
	return s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		user, err := found(tx.LockUser(ctx, userID))
		if err != nil {
			return err
		}
		if err := s.mayManage(ctx, tx, v, userID); err != nil {
			return err
		}
		return change(ctx, tx, user)
	})
}

// mayManage returns nil where the viewer may manage a user's account.
func (s *Service) mayManage(ctx context.Context, tx *store.Store, v *Viewer, userID string) error {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersWrite}}); err != nil {
		return err
	}
	permissions, err := s.permissionsOfUser(ctx, tx, userID)
	if err != nil {
		return err
	}
	return holdsAll(v, permissions)
}

// holdsAll returns nil where the viewer holds all of these permissions.
func holdsAll(v *Viewer, permissions model.Permissions) error {
	for _, permission := range permissions {
		if !v.Can(permission) {
			return &Error{Code: Forbidden, Message: "This needs the permission " + permission + ", which you lack."}
		}
	}
	return nil
}

// permissionsOfUser returns what a user's roles permit.
func (s *Service) permissionsOfUser(ctx context.Context, tx *store.Store, userID string) (model.Permissions, error) {
	authority, err := found(tx.AuthorityByUser(ctx, userID))
	if err != nil {
		return nil, err
	}
	user := new(Viewer)
	s.fillIn(user, KindPassword, authority)
	return user.Permissions, nil
}

// keepAdministrator runs a change and undoes it where it leaves no administrator who may sign
// in though there was one. Of two such changes at once, the second waits for the first.
func (s *Service) keepAdministrator(ctx context.Context, tx *store.Store, change func() error) error {
	if err := tx.LockRole(ctx, model.RoleAdmin); err != nil {
		return err
	}
	had, err := tx.HasRoleHolder(ctx, model.RoleAdmin)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	has, err := tx.HasRoleHolder(ctx, model.RoleAdmin)
	if err == nil && had && !has {
		err = &Error{Code: Forbidden, Message: "This would leave no administrator."}
	}
	return err
}

// UserChanges says what to change of a user. What is nil stays; "" removes.
type UserChanges struct {
	Email, Username, FirstName, LastName, Locale *string
	Confirmed                                    *bool // for administrators
}

// identifiers reports whether the changes touch what the user signs in with.
func (c UserChanges) identifiers(user *model.User) bool {
	return c.Email != nil && *c.Email != string(user.Email) || c.Username != nil && *c.Username != string(user.Username)
}

// UpdateMe changes the viewer's own account. Their email address and user name need a fresh
// proof of the password.
func (s *Service) UpdateMe(ctx context.Context, v *Viewer, changes UserChanges) (user *model.User, err error) {
	if err := s.checkUser(v); err != nil {
		return nil, err
	}
	if changes.identifiers(v.User) {
		if err := s.checkFresh(v); err != nil {
			return nil, err
		}
		// Each is counted, since the answer tells which identifiers are taken.
		counters := append(s.addressCounter(v, "address", limitAddress), counter{key: "identifiers " + v.User.ID, limit: limitSignUp})
		if err := s.admit(ctx, v, counters); err != nil {
			return nil, err
		}
	}
	changes.Confirmed = nil
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if user, err = tx.LockUser(ctx, v.User.ID); err != nil {
			return ended(err)
		}
		return s.applyChanges(ctx, tx, v, user, changes)
	})
	if err != nil {
		return nil, taken(err)
	}
	return user, nil
}

// UpdateUser changes the account of a user whom the viewer may manage.
func (s *Service) UpdateUser(ctx context.Context, v *Viewer, userID string, changes UserChanges) (user *model.User, err error) {
	err = s.manage(ctx, v, "id", userID, func(ctx context.Context, tx *store.Store, managed *model.User) error {
		user = managed
		return s.applyChanges(ctx, tx, v, user, changes)
	})
	if err != nil {
		return nil, taken(err)
	}
	return user, nil
}

// applyChanges checks and keeps changes of a locked user. A changed email address is not
// confirmed, whoever changed it, and a code to set the password that may be on its way to the
// old one is void.
func (s *Service) applyChanges(ctx context.Context, tx *store.Store, v *Viewer, user *model.User, changes UserChanges) error {
	email := user.EmailFolded
	if err := setTexts(user, changes); err != nil {
		return err
	}
	if user.EmailFolded != email {
		user.ConfirmedAt = 0
		if err := tx.DeletePasswordCode(ctx, user.ID); err != nil {
			return err
		}
	}
	if changes.Confirmed != nil && *changes.Confirmed != !user.ConfirmedAt.IsZero() {
		user.ConfirmedAt = 0
		if *changes.Confirmed {
			user.ConfirmedAt = s.now()
		}
	}
	user.UpdatedAt = s.now()
	if err := tx.UpdateUser(ctx, user); err != nil {
		return err
	}
	return s.record(ctx, tx, v, about(model.AuditUserUpdated, user.ID))
}

// setTexts checks changes of a user's identifiers and names and puts them into the user, each with
// its folded form. One identifier must be left.
func setTexts(user *model.User, changes UserChanges) error {
	for _, change := range []struct {
		field  string
		value  *string
		text   *model.OptionalString
		folded *string
		fold   func(field, text string) (string, error)
	}{
		{"email", changes.Email, &user.Email, &user.EmailFolded, foldEmail},
		{"username", changes.Username, &user.Username, &user.UsernameFolded, foldUsername},
		{"firstName", changes.FirstName, &user.FirstName, &user.FirstNameFolded, foldName},
		{"lastName", changes.LastName, &user.LastName, &user.LastNameFolded, foldName},
		{"locale", changes.Locale, &user.Locale, new(string), checkLocale},
	} {
		if change.value == nil {
			continue
		}
		folded := ""
		if *change.value != "" {
			var err error
			if folded, err = change.fold(change.field, *change.value); err != nil {
				return err
			}
		}
		*change.text, *change.folded = model.OptionalString(*change.value), folded
	}
	if user.EmailFolded == "" && user.UsernameFolded == "" {
		return badInput("email", "or username must be given")
	}
	return nil
}

// checkLocale refuses what is no language tag (BCP 47).
func checkLocale(field, tag string) (string, error) {
	if _, err := language.Parse(tag); err != nil || len(tag) > maxName {
		return "", badInput(field, "must be a language tag such as de-CH")
	}
	return tag, nil
}

// DeleteMe deletes the viewer's account and everything that is theirs. It needs a fresh proof
// of the password.
func (s *Service) DeleteMe(ctx context.Context, v *Viewer) error {
	if err := s.checkUser(v); err != nil {
		return err
	}
	if err := s.checkFresh(v); err != nil {
		return err
	}
	return s.act(ctx, v, func(ctx context.Context, tx *store.Store) error { return s.deleteUser(ctx, tx, v, v.User.ID) })
}

// DeleteUser deletes a user whom the viewer may manage, and everything that is theirs.
func (s *Service) DeleteUser(ctx context.Context, v *Viewer, userID string) error {
	return s.manage(ctx, v, "id", userID, func(ctx context.Context, tx *store.Store, user *model.User) error {
		return s.deleteUser(ctx, tx, v, user.ID)
	})
}

func (s *Service) deleteUser(ctx context.Context, tx *store.Store, v *Viewer, userID string) error {
	if _, err := found(tx.LockUser(ctx, userID)); err != nil { // before the role, as everywhere
		return err
	}
	return s.keepAdministrator(ctx, tx, func() error {
		was, err := tx.DeleteUser(ctx, userID)
		if err != nil {
			return err
		}
		if !was {
			return errNotFound
		}
		return s.record(ctx, tx, v, about(model.AuditUserDeleted, userID))
	})
}

// SetUserActive lets a user whom the viewer may manage use their account, or shuts them out. A
// disabled user's sessions end; their API tokens sleep until they are enabled.
func (s *Service) SetUserActive(ctx context.Context, v *Viewer, userID string, active bool) (user *model.User, err error) {
	err = s.manage(ctx, v, "id", userID, func(ctx context.Context, tx *store.Store, managed *model.User) error {
		user = managed
		if user.Active() == active {
			return nil
		}
		kind := model.AuditUserEnabled
		user.DisabledAt, user.UpdatedAt = 0, s.now()
		if !active {
			kind, user.DisabledAt = model.AuditUserDisabled, s.now()
		}
		return s.keepAdministrator(ctx, tx, func() error {
			if err := tx.UpdateUser(ctx, user); err != nil {
				return err
			}
			if !active {
				if _, err := tx.DeleteSessionsByUser(ctx, user.ID, ""); err != nil {
					return err
				}
			}
			return s.record(ctx, tx, v, about(kind, user.ID))
		})
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// maxRolesAtOnce is how many roles a new user can be given: each is looked up and recorded.
const maxRolesAtOnce = 20

// AddUserInput is an account that someone else makes.
type AddUserInput struct {
	CreateUserInput // without the password
	Confirmed       bool
	Roles           []string // names
}

// AddUser makes an account for someone else, also while sign-up is closed, and a code by which
// they set their password: whoever makes the account never knows it. Roles need the
// permission roles:write and no more permissions than the viewer has.
func (s *Service) AddUser(ctx context.Context, v *Viewer, in AddUserInput) (code *NewPasswordCode, err error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersWrite}}); err != nil {
		return nil, err
	}
	if len(in.Roles) > maxRolesAtOnce {
		return nil, badInput("roles", fmt.Sprintf("must be at most %d", maxRolesAtOnce))
	}
	user, err := s.newUser(in.CreateUserInput)
	if err != nil {
		return nil, err
	}
	if in.Confirmed {
		user.ConfirmedAt = user.CreatedAt
	}
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if err := tx.InsertUser(ctx, user); err != nil {
			return err
		}
		if err := s.record(ctx, tx, v, about(model.AuditUserCreated, user.ID)); err != nil {
			return err
		}
		for _, name := range in.Roles {
			if err := s.grant(ctx, tx, v, "roles", user.ID, name); err != nil {
				return err
			}
		}
		code, err = s.newPasswordCode(ctx, tx, v, user)
		return err
	})
	if err != nil {
		return nil, taken(err)
	}
	return code, nil
}
