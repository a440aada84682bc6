package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

const (
	// maxUserAgent is how many characters of a client's User-Agent are kept.
	maxUserAgent = 512
	// maxListedSessions is how many sessions of a user are listed.
	maxListedSessions = 100
)

// errSessionEnded is the answer to every token that does not count. It does not say whether
// the token ever did.
var errSessionEnded = &Error{Code: Unauthenticated, Message: "The session has ended, or there never was one. Sign in again."}

// SignedIn is the outcome of a log-in, a renewal or a step-up.
type SignedIn struct {
	Viewer *Viewer // the user in their session
	Token  string  // the session's bearer form; only its SHA-256 is kept
}

// startSession adds a session of the user to tx and returns it with its token. A session
// always starts under a new token, so that nobody can plant one (session fixation). Where the
// user has too many, the oldest end.
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
		Address:         model.OptionalString(v.Client.address()),
		CreatedAt:       now,
		AuthenticatedAt: now,
		LastSeenAt:      now,
		CookieIssuedAt:  now,
	}
	if lifetime > 0 {
		session.ExpiresAt = now.Add(lifetime)
	}
	if err := tx.InsertSession(ctx, session); err != nil {
		return nil, err
	}
	if s.MaxSessions > 0 {
		if used := s.uses.sessionsOf(user.ID); used != nil {
			if err := tx.SetSessionsSeen(ctx, used, now, now.Add(-s.seenEvery())); err != nil {
				return nil, err
			}
		}
		ended, err := tx.DeleteOldestSessions(ctx, user.ID, s.MaxSessions)
		if err != nil {
			return nil, err
		}
		if ended > 0 {
			event := about(model.AuditSessionRevoked, user.ID)
			event.Detail = model.OptionalString(fmt.Sprintf("%d over the limit", ended))
			if err := s.record(ctx, tx, v, event); err != nil {
				return nil, err
			}
		}
	}
	if err := tx.TrackLogin(ctx, user.ID, now, v.Client.address()); err != nil {
		return nil, err
	}
	authority, err := tx.AuthorityByUser(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	signedIn := &Viewer{Session: session, Scheme: SchemeCookie, Client: v.Client, token: token, device: v.device, CrossSite: v.CrossSite}
	s.fillIn(signedIn, KindSession, authority)
	signedIn.Session = session
	if err := s.record(ctx, tx, signedIn, aboutSubject(model.AuditLoggedIn, user.ID, session.ID)); err != nil {
		return nil, err
	}
	return &SignedIn{Viewer: signedIn, Token: token}, nil
}

// endSession ends a session and records it. One that is gone already is no error.
func (s *Service) endSession(ctx context.Context, tx *store.Store, v *Viewer, session *model.Session, kind model.AuditKind) error {
	was, err := tx.DeleteSession(ctx, session.ID)
	if err != nil || !was {
		return err
	}
	return s.record(ctx, tx, v, aboutSubject(kind, session.UserID, session.ID))
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

// authenticateSession fills in the viewer to whom a session token belongs, or why it does not
// count.
func (s *Service) authenticateSession(ctx context.Context, v *Viewer, token string) {
	if !isToken(token, sessionTokenPrefix) {
		v.refusal = errSessionEnded
		return
	}
	hash := hashToken(token)
	authority, err := s.store.AuthorityByTokenHash(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		v.superseded = true
		authority, err = s.predecessor(ctx, v, hash)
	}
	if s.acceptSession(ctx, v, KindSession, authority, err) {
		v.token = token
		if v.Session.Unconfirmed && !v.superseded {
			s.attempt(ctx, v, "note the first use of a token", s.store.ConfirmSuccessor(ctx, v.Session.ID, hash, s.now()))
		}
	}
}

// acceptSession fills in the viewer of a session that was looked up, with the outcome err, or
// why it does not count.
func (s *Service) acceptSession(ctx context.Context, v *Viewer, kind CredentialKind, authority *store.Authority, err error) bool {
	now := s.now()
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.refusal = errSessionEnded
	case err != nil:
		v.refusal = fmt.Errorf("failed to look up a session: %w", err)
	case authority.Session.Expired(now, s.IdleDuration) || !authority.User.Active():
		v.refusal = errSessionEnded
	default:
		s.fillIn(v, kind, authority)
		s.noteSessionUse(ctx, v, now)
		return true
	}
	return false
}

// attempt logs the failure of a write that a request can do without.
func (s *Service) attempt(ctx context.Context, v *Viewer, act string, err error) {
	if err != nil {
		s.Log.ErrorContext(ctx, "failed to "+act, "error", err, "requestId", v.Client.RequestID)
	}
}

// fillIn makes the viewer one who presented a credential that counts.
func (s *Service) fillIn(v *Viewer, kind CredentialKind, authority *store.Authority) {
	v.User, v.Session, v.Kind = authority.User, authority.Session, kind
	for i := range authority.Roles {
		s.addRole(v, &authority.Roles[i])
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

// sessionsByIDs returns live sessions, the viewer's own or anyone's to a holder of users:read, as
// findByIDs returns them.
func (s *Service) sessionsByIDs(ctx context.Context, v *Viewer, ids []string) ([]*model.Session, []error, error) {
	return findByIDs(ctx, v, ids, model.SessionIDPrefix, s.store.SessionsByIDs, func(session *model.Session) bool {
		return v.isOrCan(session.UserID, UsersRead) && !session.Expired(s.now(), s.IdleDuration)
	})
}

// SessionsByUsers returns the newest live sessions of each user, in the users' order, newest first.
// Who may see them, and where the refusals stand, is as with RolesByUsers.
func (s *Service) SessionsByUsers(ctx context.Context, v *Viewer, users []*model.User) ([][]*model.Session, []error, error) {
	s.writeUses(ctx, v) // so that the list tells of them
	live := store.Live{Now: s.now()}
	if s.IdleDuration > 0 {
		live.Used = live.Now.Add(-s.IdleDuration)
	}
	return readByUsers(ctx, s, v, users, func(ctx context.Context, userIDs []string) (map[string][]*model.Session, error) {
		return s.store.SessionsByUsers(ctx, userIDs, live, maxListedSessions)
	})
}

// settled returns an answer to somebody who would end what is not there, by a refusal that says so:
// only when its end is as safe as if it had ended now. nil refuses nothing.
func (s *Service) settled(ctx context.Context, refusal, answer error) error {
	if refusal == nil {
		return answer
	}
	if err := s.store.Settle(ctx); err != nil {
		return err
	}
	return answer
}

// Logout ends the viewer's session at once, on every server, and reports whether there
// was one to end.
func (s *Service) Logout(ctx context.Context, v *Viewer) (bool, error) {
	session, err := s.CurrentSession(v)
	if err != nil {
		return false, err
	}
	if session == nil {
		return false, s.settled(ctx, v.refusal, nil)
	}
	return true, s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		return s.endSession(ctx, tx, v, session, model.AuditLoggedOut)
	})
}

// RevokeSession ends one of the viewer's own sessions, or anyone's whose account the viewer may
// manage. Otherwise, and where there is none, it refuses with NOT_FOUND.
func (s *Service) RevokeSession(ctx context.Context, v *Viewer, id string) (*model.Session, error) {
	session, err := one(findByIDs(ctx, v, []string{id}, model.SessionIDPrefix, s.store.SessionsByIDs,
		func(session *model.Session) bool { return v.isOrCan(session.UserID, UsersWrite) }))
	if err != nil {
		return nil, s.settled(ctx, err, err)
	}
	return session, s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if !v.Is(session.UserID) {
			if err := s.mayManage(ctx, tx, v, session.UserID); err != nil {
				return err
			}
		}
		return s.endSession(ctx, tx, v, session, model.AuditSessionRevoked)
	})
}

// RevokeOtherSessions ends all of the viewer's sessions but the one they ask in, and returns
// how many they were.
func (s *Service) RevokeOtherSessions(ctx context.Context, v *Viewer) (count int, err error) {
	if err := s.checkUser(v); err != nil {
		return 0, err
	}
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if _, err := tx.LockUser(ctx, v.User.ID); err != nil {
			return ended(err)
		}
		count, err = s.endSessions(ctx, tx, v, v.User.ID, v.SessionID())
		return err
	})
	return count, err
}

// RevokeSessions ends all sessions of a user whose account the viewer may manage, and returns
// how many they were.
func (s *Service) RevokeSessions(ctx context.Context, v *Viewer, userID string) (count int, err error) {
	err = s.manage(ctx, v, "userId", userID, func(ctx context.Context, tx *store.Store, user *model.User) error {
		count, err = s.endSessions(ctx, tx, v, user.ID, "")
		return err
	})
	return count, err
}

// endSessions ends all sessions of a user but the one with the id except, and records it.
func (s *Service) endSessions(ctx context.Context, tx *store.Store, v *Viewer, userID, except string) (int, error) {
	count, err := tx.DeleteSessionsByUser(ctx, userID, except)
	if err != nil || count == 0 {
		return count, err
	}
	event := about(model.AuditSessionRevoked, userID)
	event.Detail = model.OptionalString(fmt.Sprintf("%d sessions", count))
	return count, s.record(ctx, tx, v, event)
}

// SessionID returns the id of the session that the viewer asks in, and "" where there is none.
func (v *Viewer) SessionID() string {
	if v.Session == nil {
		return ""
	}
	return v.Session.ID
}

// checkUser refuses a viewer who is no user, as the operator is none.
func (s *Service) checkUser(v *Viewer) error {
	if err := v.Check(); err != nil {
		return err
	}
	if v.User == nil {
		return errForbidden
	}
	return nil
}
