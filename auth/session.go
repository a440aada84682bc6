package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// maxUserAgent is how many characters of a client's User-Agent are kept.
const maxUserAgent = 512

// errSessionEnded is the answer to every token that does not count. It does not say whether
// the token ever did.
var errSessionEnded = &Error{Code: Unauthenticated, Message: "The session has ended, or there never was one. Sign in again."}

// SignedIn is the outcome of a log-in.
type SignedIn struct {
	Viewer *Viewer // the user in the new session
	Token  string  // the session's bearer form; only its SHA-256 is kept
}

// startSession adds a session of the user to tx and returns it with its token. A session
// always starts under a new token, so that nobody can plant one (session fixation).
func (s *Service) startSession(ctx context.Context, tx *store.Store, v *Viewer, user *model.User, persistent bool) (*SignedIn, error) {
	now, lifetime := s.now(), s.SessionDuration
	if persistent {
		lifetime = s.RememberDuration
	}
	token := s.newToken(sessionTokenPrefix)
	session := &model.Session{
		ID:              s.newID(model.SessionIDPrefix),
		UserID:          user.ID,
		TokenHash:       hashToken(token),
		Persistent:      persistent,
		UserAgent:       printable(v.Client.UserAgent),
		CreatedAt:       now,
		AuthenticatedAt: now,
		CookieIssuedAt:  now,
	}
	if v.Client.Address.IsValid() {
		session.Address = v.Client.Address.String()
	}
	if lifetime > 0 {
		session.ExpiresAt = now.Add(lifetime)
	}
	if err := tx.InsertSession(ctx, session); err != nil {
		return nil, err
	}
	roles, err := tx.RolesByUsers(ctx, []string{user.ID})
	if err != nil {
		return nil, err
	}
	signedIn := &Viewer{User: user, Session: session, Scheme: SchemeCookie, Client: v.Client}
	for _, role := range roles[user.ID] {
		s.addRole(signedIn, role)
	}
	return &SignedIn{Viewer: signedIn, Token: token}, nil
}

// printable cuts what a client says of itself to what can safely be shown and kept.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > maxUserAgent {
		return string(runes[:maxUserAgent])
	}
	return text
}

// authenticate fills in the viewer to whom a session token belongs, or why it does not count.
func (s *Service) authenticate(ctx context.Context, v *Viewer, token string) {
	if !isToken(token, sessionTokenPrefix) {
		v.refusal = errSessionEnded
		return
	}
	authority, err := s.store.AuthorityByTokenHash(ctx, hashToken(token))
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.refusal = errSessionEnded
	case err != nil:
		v.refusal = fmt.Errorf("failed to look up a session: %w", err)
	case authority.Session.Expired(s.now()) || !authority.User.Active():
		v.refusal = errSessionEnded
	default:
		v.User, v.Session = authority.User, authority.Session
		for i := range authority.Roles {
			s.addRole(v, &authority.Roles[i])
		}
	}
}

// CurrentSession returns the viewer's own session: nil for a viewer without one, and the
// outage where it could not be looked up.
func (s *Service) CurrentSession(v *Viewer) (*model.Session, error) {
	if _, refused := errors.AsType[*Error](v.refusal); v.refusal != nil && !refused {
		return nil, v.refusal
	}
	return v.Session, nil
}

// Session returns one of the viewer's own sessions. Otherwise, and where there is none, it
// refuses with NOT_FOUND.
func (s *Service) Session(ctx context.Context, v *Viewer, id string) (*model.Session, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	if err := checkID("id", id, model.SessionIDPrefix); err != nil {
		return nil, err
	}
	session, err := found(s.store.SessionByID(ctx, id))
	if err != nil {
		return nil, err
	}
	if !v.Is(session.UserID) || session.Expired(s.now()) {
		return nil, errNotFound
	}
	return session, nil
}

// Fresh reports whether the password was proved in the session within FreshDuration.
func (s *Service) Fresh(session *model.Session) bool {
	return session != nil && session.FreshAt(s.now(), s.FreshDuration)
}

// Logout ends the viewer's session at once, on every server, and reports whether there
// was one to end.
func (s *Service) Logout(ctx context.Context, v *Viewer) (bool, error) {
	session, err := s.CurrentSession(v)
	if err != nil || session == nil {
		return false, err
	}
	return s.store.DeleteSession(ctx, session.ID)
}

const (
	// sweepBatch is how many ended sessions are removed at once: some milliseconds of the
	// one writer's time.
	sweepBatch = 200
	sweepEvery = time.Minute
	sweepPause = 50 * time.Millisecond // between batches, for other writers
)

// Sweep removes sessions that have ended by themselves, until ctx is done.
func (s *Service) Sweep(ctx context.Context) {
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		removed, err := s.store.DeleteExpiredSessions(ctx, s.now(), sweepBatch)
		if err != nil {
			s.Log.ErrorContext(ctx, "failed to remove ended sessions", "error", err)
		}
		if wait = sweepEvery; removed == sweepBatch {
			wait = sweepPause
		}
	}
}
