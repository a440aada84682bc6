package auth

import (
	"context"
	"errors"

	"github.com/authgraph/authgraph/store"
)

// act runs a change that the viewer makes, in one transaction. A viewer is who they were when
// the request began; while its body came in, or a password was hashed, they may have been logged
// out, disabled or demoted. What they build on is therefore looked up again first.
func (s *Service) act(ctx context.Context, v *Viewer, change func(ctx context.Context, tx *store.Store) error) error {
	return s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		if err := s.stillHolds(ctx, tx, v); err != nil {
			return err
		}
		return change(ctx, tx)
	})
}

// stillHolds returns nil where the viewer's credential still counts and still gives them every
// role and permission that they came with.
func (s *Service) stillHolds(ctx context.Context, db *store.Store, v *Viewer) error {
	authority, err := s.lookUpAgain(ctx, db, v)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errSessionEnded
	case err != nil:
		return err
	case authority == nil: // the operator, or a stranger
		return nil
	case !authority.User.Active(),
		authority.Session != nil && authority.Session.Expired(s.now(), s.IdleDuration),
		authority.APIToken != nil && authority.APIToken.Expired(s.now()):
		return errSessionEnded
	}
	now := new(Viewer)
	s.fillIn(now, v.Kind, authority)
	for _, role := range v.Roles {
		if !now.has(role) {
			return errForbidden
		}
	}
	for _, permission := range v.Permissions {
		if !now.Can(permission) || authority.APIToken != nil && !authority.APIToken.Scopes.Contains(permission) {
			return errForbidden
		}
	}
	return nil
}

// lookUpAgain returns what the viewer's credential stands for at this moment, or
// store.ErrNotFound, or nil for a viewer without one.
func (s *Service) lookUpAgain(ctx context.Context, db *store.Store, v *Viewer) (*store.Authority, error) {
	switch v.Kind {
	case KindSession, KindAccessToken:
		return db.AuthorityBySession(ctx, v.Session.ID)
	case KindAPIToken:
		return db.AuthorityByAPIToken(ctx, hashToken(v.token))
	case KindPassword:
		password, err := db.PasswordByUser(ctx, v.User.ID)
		if err != nil {
			return nil, err
		}
		if password.Secret != v.passwordHash {
			return nil, store.ErrNotFound
		}
		return db.AuthorityByUser(ctx, v.User.ID)
	default:
		return nil, nil
	}
}
