package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// errInvalidCredentials is the one answer to a wrong password, an unknown user and a disabled
// one: the same words, after the same work.
var errInvalidCredentials = &Error{
	Code:    InvalidCredentials,
	Message: "The email or user name and the password do not belong together, or the account may not be used.",
}

// LoginInput is what to sign in with.
type LoginInput struct {
	Identifier string // an email address or a user name
	Password   string
	RememberMe bool
}

// Login signs a user in by password. It refuses with INVALID_CREDENTIALS and, before looking
// anyone up, with BAD_USER_INPUT. A session whose cookie came with the request ends: the
// new cookie takes its place.
func (s *Service) Login(ctx context.Context, v *Viewer, in LoginInput) (*SignedIn, error) {
	if err := checkLogin(in); err != nil {
		return nil, err
	}
	if s.hasher.full() { // looks nothing up for those whom a flood turns away
		return nil, errOverloaded
	}
	account, err := s.accountByIdentifier(ctx, s.store, in.Identifier)
	if err != nil {
		return nil, err
	}
	counters := s.passwordCounters(v, account, in.Identifier)
	match, outdated, err := s.tryPassword(ctx, v, counters, in.Password, account.hash())
	if err != nil {
		return nil, err
	}
	if !match || !account.user.Active() {
		return nil, s.loginFailed(ctx, v, account, errInvalidCredentials)
	}
	rehashed := ""
	if outdated {
		if rehashed, err = s.hasher.hash(ctx, in.Password, atOnce); err != nil {
			return nil, err
		}
	}
	var signedIn *SignedIn
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		// The password took a while to verify: what was true before may not be now.
		current, err := s.accountByIdentifier(ctx, tx, in.Identifier)
		if err != nil {
			return err
		}
		if current.user == nil || current.hash() != account.hash() || !current.user.Active() {
			return errInvalidCredentials
		}
		if rehashed != "" {
			if _, err := tx.ReplaceCredentialSecret(ctx, current.password.ID, current.hash(), rehashed, s.now()); err != nil {
				return err
			}
		}
		if v.Scheme == SchemeCookie && v.Session != nil {
			if err := s.endSession(ctx, tx, v, v.Session, model.AuditLoggedOut); err != nil {
				return err
			}
		}
		if signedIn, err = s.startSession(ctx, tx, v, current.user, in.RememberMe); err != nil {
			return err
		}
		signedIn.Viewer.passwordID = current.password.ID
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.attempt(ctx, v, "forget attempts after a log-in", s.forgive(ctx, account.user, counters))
	return signedIn, nil
}

func checkLogin(in LoginInput) error {
	if in.Identifier == "" {
		return badInput("identifier", "must not be empty")
	}
	if err := checkText("identifier", in.Identifier, maxEmail); err != nil {
		return err
	}
	if in.Password == "" {
		return badInput("password", "must not be empty")
	}
	return checkText("password", in.Password, maxPassword)
}

// account is a user and the password they sign in with, if they have one. The zero account
// stands for a user who does not exist.
type account struct {
	user     *model.User
	password *model.Credential
}

// tryPassword verifies a password and counts the attempt: where somebody must wait, from a read;
// otherwise when a worker is free for it, so that attempts never write faster than they hash.
func (s *Service) tryPassword(ctx context.Context, v *Viewer, counters []counter, password, stored string) (match, outdated bool, err error) {
	if err := s.checkWaiting(ctx, v, counters); err != nil {
		return false, false, err
	}
	return s.hasher.verify(ctx, password, stored, func() error { return s.count(ctx, v, counters) })
}

// loginFailed records a refused log-in, by itself, and returns the refusal.
func (s *Service) loginFailed(ctx context.Context, v *Viewer, account account, refusal error) error {
	event := model.AuditEvent{Kind: model.AuditLoginFailed}
	if account.user != nil {
		event.UserID = model.OptionalString(account.user.ID)
	}
	if err := s.store.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error { return s.record(ctx, tx, v, event) }); err != nil {
		return fmt.Errorf("failed to record a refused log-in: %w", err)
	}
	return refusal
}

// hash returns what is kept of the password, and "" where there is none.
func (a account) hash() string {
	if a.password == nil {
		return ""
	}
	return a.password.Secret
}

// accountByIdentifier returns the account that an email address or a user name stands for.
func (s *Service) accountByIdentifier(ctx context.Context, db *store.Store, identifier string) (account, error) {
	user, err := userByIdentifier(ctx, db, identifier)
	if errors.Is(err, store.ErrNotFound) {
		return account{}, nil
	}
	if err != nil {
		return account{}, err
	}
	return s.accountByID(ctx, db, user)
}

// accountByID returns a user's account, without a password if they have none yet.
func (s *Service) accountByID(ctx context.Context, db *store.Store, user *model.User) (account, error) {
	password, err := db.PasswordByUser(ctx, user.ID)
	if errors.Is(err, store.ErrNotFound) {
		return account{user: user}, nil
	}
	return account{user: user, password: password}, err
}

// userByIdentifier returns the user, or store.ErrNotFound, also for what no user can have.
func userByIdentifier(ctx context.Context, db *store.Store, identifier string) (*model.User, error) {
	if isEmail(identifier) {
		folded, err := foldEmail("identifier", identifier)
		if err != nil {
			return nil, store.ErrNotFound
		}
		return db.UserByEmail(ctx, folded)
	}
	folded, err := foldUsername("identifier", identifier)
	if err != nil {
		return nil, store.ErrNotFound
	}
	return db.UserByUsername(ctx, folded)
}
