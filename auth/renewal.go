package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// A session can get a new token while it goes on. The rules:
//
//   - The successor is the HMAC-SHA-256 of its predecessor and a nonce that is kept, so that
//     it can be answered again to whoever lost the answer, though only hashes are stored.
//   - The predecessor is accepted until the successor's first use and renewalGrace longer, so
//     that neither a lost answer nor a second tab logs anyone out.
//   - A predecessor that is used after that is in two hands. The session ends and the theft
//     is recorded.
//   - A predecessor is never fresh, and step-up gives a token that no predecessor leads to, so
//     that it gives nothing to whoever holds an old one.

// renewalGrace is how long a predecessor is accepted after its successor was used.
const renewalGrace = 30 * time.Second

// supersededFor is how long superseded tokens are remembered to tell of their reuse.
const supersededFor = 90 * 24 * time.Hour

// nonceBytes is how much of a successor is new: 256 bits.
const nonceBytes = 32

// successor returns the token that follows another one.
func successor(token string, nonce []byte) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(nonce)
	return sessionTokenPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// RenewSession gives the viewer's session a new token. Asked with a token that has a successor
// already, it answers that one again. The session ends when it would have ended.
func (s *Service) RenewSession(ctx context.Context, v *Viewer) (*SignedIn, error) {
	if err := checkSessionToken(v); err != nil {
		return nil, err
	}
	if err := s.checkRenewals(ctx, v); err != nil {
		return nil, err
	}
	return s.renewal(ctx, v)
}

// checkRenewals refuses a user who renews or asks for tokens too often.
func (s *Service) checkRenewals(ctx context.Context, v *Viewer) error {
	return s.admit(ctx, v, []counter{{key: "renewal " + v.User.ID, limit: limitRenewal}})
}

// checkSessionToken refuses a viewer who did not present a session's own token.
func checkSessionToken(v *Viewer) error {
	if err := v.Check(); err != nil {
		return err
	}
	if v.Kind != KindSession {
		return &Error{Code: Forbidden, Message: "This needs the session's own token or cookie."}
	}
	return nil
}

// renewal answers the session's present token or, to
// whoever presents that, its successor.
func (s *Service) renewal(ctx context.Context, v *Viewer) (*SignedIn, error) {
	return s.rotate(ctx, v, func(ctx context.Context, tx *store.Store, session *model.Session) (string, error) {
		token, err := currentToken(ctx, tx, v.token)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(hashToken(token), session.TokenHash) {
			return "", errSessionEnded
		}
		if token != v.token {
			return token, nil // it has a successor already: that one again
		}
		nonce := make([]byte, nonceBytes)
		_, _ = s.Random.Read(nonce) // crypto/rand never fails
		next := successor(token, nonce)
		if err := s.supersede(ctx, tx, session, nonce, next); err != nil {
			return "", err
		}
		return next, s.record(ctx, tx, v, aboutSubject(model.AuditSessionRenewed, v.User.ID, session.ID))
	})
}

// stepUp makes the session fresh under a token that no earlier one leads to: whoever holds an
// earlier one does not become fresh with it. A token that nobody has used yet is forgotten.
func (s *Service) stepUp(ctx context.Context, v *Viewer) (*SignedIn, error) {
	return s.rotate(ctx, v, func(ctx context.Context, tx *store.Store, session *model.Session) (string, error) {
		next := s.newToken(sessionTokenPrefix)
		var err error
		if session.Unconfirmed {
			err = tx.ReplaceToken(ctx, session.ID, hashToken(next))
		} else {
			err = s.supersede(ctx, tx, session, nil, next)
		}
		if err != nil {
			return "", err
		}
		if err := tx.CutSuccessors(ctx, session.ID); err != nil {
			return "", err
		}
		if err := tx.SetAuthenticated(ctx, session.ID, s.now(), printable(v.Client.UserAgent)); err != nil {
			return "", err
		}
		return next, s.record(ctx, tx, v, about(model.AuditReauthenticated, v.User.ID))
	})
}

// rotate returns the viewer in their session under the token that choose returns.
func (s *Service) rotate(ctx context.Context, v *Viewer, choose func(ctx context.Context, tx *store.Store, session *model.Session) (string, error)) (*SignedIn, error) {
	renewed := *v
	renewed.superseded = false
	err := s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if _, err := tx.LockUser(ctx, v.User.ID); err != nil { // two renewals at once: one after the other
			return ended(err)
		}
		session, err := tx.SessionByID(ctx, v.Session.ID)
		if err != nil {
			return ended(err)
		}
		if renewed.token, err = choose(ctx, tx, session); err != nil {
			return err
		}
		renewed.Session, err = tx.SessionByID(ctx, v.Session.ID)
		return ended(err)
	})
	if err != nil {
		return nil, err
	}
	return &SignedIn{Viewer: &renewed, Token: renewed.token}, nil
}

// currentToken follows a token to the one that its session has now. Past a step-up it cannot.
func currentToken(ctx context.Context, tx *store.Store, token string) (string, error) {
	for {
		superseded, err := tx.SupersededToken(ctx, hashToken(token))
		if errors.Is(err, store.ErrNotFound) {
			return token, nil
		}
		if err != nil {
			return "", err
		}
		if len(superseded.Nonce) == 0 {
			return "", &Error{Code: ReauthenticationRequired, Message: "The session has a newer token. Prove your password again to get one."}
		}
		token = successor(token, superseded.Nonce)
	}
}

// supersede gives the session another token in the place of its present one.
func (s *Service) supersede(ctx context.Context, tx *store.Store, session *model.Session, nonce []byte, next string) error {
	superseded, err := tx.SupersedeToken(ctx, &model.SupersededToken{
		TokenHash: session.TokenHash, SessionID: session.ID, Nonce: append([]byte{}, nonce...), SupersededAt: s.now(),
	}, hashToken(next))
	if err == nil && !superseded {
		err = errSessionEnded
	}
	return err
}

// ended turns a missing row of a session or its user into the answer that the session has ended.
func ended(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errSessionEnded
	}
	return err
}

// predecessor returns the authority of a token that its session had before, or ErrNotFound
// where there is none or it is no longer accepted. Reuse ends the session.
func (s *Service) predecessor(ctx context.Context, v *Viewer, hash []byte) (*store.Authority, error) {
	superseded, err := s.store.SupersededToken(ctx, hash)
	if err != nil {
		return nil, err
	}
	authority, err := s.store.AuthorityBySession(ctx, superseded.SessionID)
	if err != nil {
		return nil, err
	}
	if used := superseded.SuccessorUsedAt; used.IsZero() || s.now() < used.Add(renewalGrace) {
		return authority, nil
	}
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		was, err := tx.DeleteSession(ctx, superseded.SessionID)
		if err != nil || !was {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditTokenReused, authority.User.ID, superseded.SessionID))
	})
	if err != nil {
		return nil, err
	}
	return nil, store.ErrNotFound
}
