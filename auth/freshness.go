package auth

import (
	"context"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Freshness (step-up): some fields want a proof of the password that is younger than
// FreshDuration. A password sent by HTTP Basic is such a proof. In a session it is given by
// Login or Reauthenticate, and lost when the session is used from another user agent. API
// tokens and access tokens cannot give it.

// checkFresh returns nil for a viewer who proved their password a short while ago.
func (s *Service) checkFresh(v *Viewer) error {
	switch {
	case v.Kind == KindPassword, v.Kind == kindOperator, s.Fresh(v, v.Session):
		return nil
	case v.Kind == KindSession:
		return &Error{Code: ReauthenticationRequired, Message: "Prove your password again to do this."}
	default:
		return &Error{Code: Forbidden, Message: "This needs a session or a password; a token does not do."}
	}
}

// Fresh reports whether the password was proved in a session a short while ago and, if it is
// the one that the viewer asks in, whether they may still build on it.
func (s *Service) Fresh(v *Viewer, session *model.Session) bool {
	if session == nil || !session.FreshAt(s.now(), s.FreshDuration) {
		return false
	}
	if v.Session == nil || v.Session.ID != session.ID {
		return true
	}
	return v.Kind == KindSession && !v.superseded && printable(v.Client.UserAgent) == session.UserAgent
}

// Reauthenticate proves the viewer's password again and makes their session fresh, from where
// they are now. The session gets a new token; the old one never becomes fresh.
func (s *Service) Reauthenticate(ctx context.Context, v *Viewer, password string) (*SignedIn, error) {
	if err := checkSessionToken(v); err != nil {
		return nil, err
	}
	if err := s.provePassword(ctx, v, "password", password); err != nil {
		return nil, err
	}
	return s.rotate(ctx, v, true, func(ctx context.Context, tx *store.Store) error {
		if err := tx.SetAuthenticated(ctx, v.Session.ID, s.now(), printable(v.Client.UserAgent)); err != nil {
			return err
		}
		return s.record(ctx, tx, v, about(model.AuditReauthenticated, v.User.ID))
	})
}

// provePassword refuses with INVALID_CREDENTIALS where the password, given in a field, is not
// the viewer's.
func (s *Service) provePassword(ctx context.Context, v *Viewer, field, password string) error {
	if err := checkText(field, password, maxPassword); err != nil {
		return err
	}
	credential, err := passwordByUser(ctx, s.store, v.User.ID)
	if err != nil {
		return err
	}
	own := account{user: v.User, password: credential}
	counters := s.passwordCounters(v, v.User.ID)
	match, _, err := s.tryPassword(ctx, v, counters, password, own.hash())
	if err != nil {
		return err
	}
	if !match {
		return s.loginFailed(ctx, v, own, &Error{Code: InvalidCredentials, Field: field, Message: "This is not your password."})
	}
	return s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error { return s.forgive(ctx, tx, counters) })
}
