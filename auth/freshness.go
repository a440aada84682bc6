package auth

import (
	"cmp"
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
	if _, err := s.provePassword(ctx, v, "password", password); err != nil {
		return nil, err
	}
	return s.stepUp(ctx, v)
}

// provePassword refuses with INVALID_CREDENTIALS where the password, given in a field, is not
// the viewer's. It returns what is kept of the password that it compared with.
func (s *Service) provePassword(ctx context.Context, v *Viewer, field, password string) (hash string, err error) {
	if err := checkText(field, password, maxPassword); err != nil {
		return "", err
	}
	own, err := s.accountByID(ctx, s.store, v.User)
	if err != nil {
		return "", err
	}
	counters := s.passwordCounters(v, own, string(cmp.Or(v.User.Email, v.User.Username)))
	match, _, err := s.tryPassword(ctx, v, counters, password, own.hash())
	if err != nil {
		return "", err
	}
	if !match {
		return "", s.loginFailed(ctx, v, own, errNotYourPassword(field))
	}
	return own.hash(), s.store.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error { return s.uncount(ctx, tx, counters) })
}

func errNotYourPassword(field string) error {
	return &Error{Code: InvalidCredentials, Field: field, Message: "This is not your password."}
}
