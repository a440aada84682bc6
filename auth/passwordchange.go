package auth

import (
	"context"
	"errors"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

const (
	// passwordCodePrefix tells a password code from tokens, so that neither is taken for the other.
	passwordCodePrefix = "agp_"
	// passwordCodeLifetime is how long a code may wait to be used (ASVS 6.4.1).
	passwordCodeLifetime = 24 * time.Hour
)

// ChangePassword gives the viewer a new password. They must know the old one and have proved it
// a short while ago. All their other sessions and all their tokens end.
func (s *Service) ChangePassword(ctx context.Context, v *Viewer, current, password string) error {
	if err := s.checkUser(v); err != nil {
		return err
	}
	if err := s.checkFresh(v); err != nil {
		return err
	}
	if err := s.checkOwnPassword("newPassword", password, v.User); err != nil {
		return err
	}
	proved, err := s.provePassword(ctx, v, "currentPassword", current)
	if err != nil {
		return err
	}
	return s.putPassword(ctx, v, v.User.ID, password, func(ctx context.Context, tx *store.Store) error {
		if err := s.stillHolds(ctx, tx, v); err != nil {
			return err
		}
		kept, err := s.accountByID(ctx, tx, v.User)
		if err == nil && kept.hash() != proved { // of two changes at once, one
			err = errNotYourPassword("currentPassword")
		}
		return err
	})
}

// checkOwnPassword refuses a new password that breaks the rules for this user.
func (s *Service) checkOwnPassword(field, password string, user *model.User) error {
	return checkPassword(field, password, string(user.Email), string(user.Username),
		string(user.FirstName), string(user.LastName), string(user.FirstName+user.LastName))
}

// putPassword sets a user's password, whether they had one or not, and ends what the old one
// opened: all sessions but the viewer's own, all tokens, and a code that is still open. In the
// same transaction it first calls before.
func (s *Service) putPassword(ctx context.Context, v *Viewer, userID, password string, before func(ctx context.Context, tx *store.Store) error) error {
	hash, err := s.hasher.hash(ctx, password, atOnce)
	if err != nil {
		return err
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		if _, err := found(tx.LockUser(ctx, userID)); err != nil {
			return err
		}
		if err := before(ctx, tx); err != nil {
			return err
		}
		own := ""
		if v.Is(userID) {
			own = v.SessionID()
		}
		if err := s.replacePassword(ctx, tx, userID, hash, own); err != nil {
			return err
		}
		return s.record(ctx, tx, v, about(model.AuditPasswordChanged, userID))
	})
}

// replacePassword keeps a new hash in place of an old one and ends all sessions but one, all
// API tokens, and a password code.
func (s *Service) replacePassword(ctx context.Context, tx *store.Store, userID, hash, exceptSession string) error {
	if err := tx.DeleteCredentials(ctx, userID, model.KindPassword); err != nil {
		return err
	}
	if err := tx.InsertCredential(ctx, s.newPassword(userID, hash)); err != nil {
		return err
	}
	if _, err := tx.DeleteSessionsByUser(ctx, userID, exceptSession); err != nil {
		return err
	}
	if err := tx.DeleteAPITokensByUser(ctx, userID); err != nil {
		return err
	}
	return tx.DeletePasswordCode(ctx, userID)
}

// NewPasswordCode is a code by which a user sets their password once.
type NewPasswordCode struct {
	User      *model.User
	Code      string // only its SHA-256 is kept
	ExpiresAt model.Time
}

// CreatePasswordCode makes a code by which a user, whose account the viewer may manage, sets
// their password. It takes the place of an older one. Nothing else changes until it is used.
func (s *Service) CreatePasswordCode(ctx context.Context, v *Viewer, userID string) (code *NewPasswordCode, err error) {
	err = s.manage(ctx, v, "userId", userID, func(ctx context.Context, tx *store.Store, user *model.User) error {
		code, err = s.newPasswordCode(ctx, tx, v, user)
		return err
	})
	return code, err
}

func (s *Service) newPasswordCode(ctx context.Context, tx *store.Store, v *Viewer, user *model.User) (*NewPasswordCode, error) {
	now := s.now()
	code := &NewPasswordCode{User: user, Code: s.newToken(passwordCodePrefix), ExpiresAt: now.Add(passwordCodeLifetime)}
	if err := tx.PutPasswordCode(ctx, &model.PasswordCode{
		UserID: user.ID, CodeHash: hashToken(code.Code), CreatedAt: now, ExpiresAt: code.ExpiresAt,
	}); err != nil {
		return nil, err
	}
	return code, s.record(ctx, tx, v, about(model.AuditPasswordCode, user.ID))
}

var errPasswordCode = &Error{Code: InvalidCredentials, Field: "code", Message: "The code is not valid, or not any more."}

// SetPassword spends a password code. It does not sign in. All sessions and tokens of the
// user end.
func (s *Service) SetPassword(ctx context.Context, v *Viewer, code, password string) error {
	if err := s.admit(ctx, v, s.addressCounter(v, "address", limitAddress)); err != nil {
		return err
	}
	hash := hashToken(code)
	row, err := s.openPasswordCode(ctx, hash)
	if errors.Is(err, errPasswordCode) {
		return s.loginFailed(ctx, v, account{}, err)
	}
	if err != nil {
		return err
	}
	user, err := s.store.UserByID(ctx, row.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return errPasswordCode
	}
	if err != nil {
		return err
	}
	if err := s.checkOwnPassword("password", password, user); err != nil {
		return err
	}
	by := *v
	by.User, by.Session = user, nil // whoever has the code acts as its user
	return s.putPassword(ctx, &by, user.ID, password, func(ctx context.Context, tx *store.Store) error {
		spent, err := tx.SpendPasswordCode(ctx, hash)
		if err == nil && !spent {
			err = errPasswordCode
		}
		return err
	})
}

// openPasswordCode returns a code that has not expired.
func (s *Service) openPasswordCode(ctx context.Context, hash []byte) (*model.PasswordCode, error) {
	row, err := s.store.PasswordCode(ctx, hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && s.now() >= row.ExpiresAt {
		return nil, errPasswordCode
	}
	return row, err
}

// SetPasswordOf sets the password of any user. Only the operator may: an administrator never
// knows another's password.
func (s *Service) SetPasswordOf(ctx context.Context, v *Viewer, userID, password string) error {
	if v.Kind != kindOperator {
		return errForbidden
	}
	user, err := s.User(ctx, v, userID)
	if err != nil {
		return err
	}
	if err := s.checkOwnPassword("password", password, user); err != nil {
		return err
	}
	return s.putPassword(ctx, v, user.ID, password, func(context.Context, *store.Store) error { return nil })
}
