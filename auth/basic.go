package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// A password that was verified is remembered for a minute, so that scripts that send it with
// every request do not pay bcrypt each time.
const (
	verifiedFor    = time.Minute
	verifiedAtMost = 10_000
)

// verifiedPasswords remembers which password was right for which stored hash: the key is an
// HMAC of both under a secret of this process. A changed password has another hash, so it
// binds at once.
type verifiedPasswords struct {
	secret []byte
	cache  *lru.Cache[[sha256.Size]byte, model.Time] // until when each is remembered
	asked  singleflight.Group
}

func newVerifiedPasswords() (*verifiedPasswords, error) {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	cache, err := lru.New[[sha256.Size]byte, model.Time](verifiedAtMost)
	return &verifiedPasswords{secret: secret, cache: cache}, err
}

func (p *verifiedPasswords) key(password, stored string) (key [sha256.Size]byte) {
	mac := hmac.New(sha256.New, p.secret)
	fmt.Fprintf(mac, "%d %s %s", len(stored), stored, password)
	mac.Sum(key[:0])
	return key
}

// authenticateBasic fills in the viewer whose identifier and password came by HTTP Basic (RFC
// 7617), or why they do not count. The user name may be any of our tokens; the password is
// then ignored. It passes the same checks as Login and makes no session.
func (s *Service) authenticateBasic(ctx context.Context, v *Viewer, r *http.Request) {
	identifier, password, ok := r.BasicAuth()
	if ok && (isToken(identifier, sessionTokenPrefix) || isToken(identifier, apiTokenPrefix) || isJWT(identifier)) {
		s.authenticateToken(ctx, v, identifier)
		return
	}
	if !ok || checkLogin(LoginInput{Identifier: identifier, Password: password}) != nil {
		v.refusal = errBasicRefused
		return
	}
	account, err := s.verifyPassword(ctx, v, identifier, password)
	switch {
	case errors.Is(err, errInvalidCredentials):
		v.refusal = errBasicRefused
	case err != nil:
		v.refusal = err
	default:
		authority, err := s.store.AuthorityByUser(ctx, account.user.ID)
		switch {
		case errors.Is(err, store.ErrNotFound) || err == nil && !authority.User.Active():
			v.refusal = errBasicRefused
		case err != nil:
			v.refusal = fmt.Errorf("failed to look up a user: %w", err)
		default:
			s.fillIn(v, KindPassword, authority)
			v.passwordHash = account.hash()
		}
	}
}

var errBasicRefused = &Error{Code: Unauthenticated, Message: errInvalidCredentials.Message}

// verifyPassword returns the account that an identifier and a password belong to, and
// errInvalidCredentials where they do not belong together or the account may not be used.
func (s *Service) verifyPassword(ctx context.Context, v *Viewer, identifier, password string) (account, error) {
	account, err := s.accountByIdentifier(ctx, s.store, identifier)
	if err != nil {
		return account, err
	}
	key := s.verified.key(password, account.hash())
	if until, _ := s.verified.cache.Get(key); s.now() >= until {
		// The same question asked many times at once is one attempt: a program that sends all its
		// requests with a password would otherwise guess too often.
		_, err, _ := s.verified.asked.Do(string(key[:])+identifier, func() (any, error) {
			return nil, s.verifyAnew(context.WithoutCancel(ctx), v, account, identifier, password)
		})
		if err != nil {
			return account, err
		}
		s.verified.cache.Add(key, s.now().Add(verifiedFor))
	}
	if !account.user.Active() {
		return account, errInvalidCredentials
	}
	return account, nil
}

// verifyAnew compares a password, counts the attempt and records the outcome. It refuses with
// errInvalidCredentials.
func (s *Service) verifyAnew(ctx context.Context, v *Viewer, account account, identifier, password string) error {
	counters := s.passwordCounters(v, account, identifier)
	match, _, err := s.tryPassword(ctx, v, counters, password, account.hash())
	if err != nil {
		return err
	}
	if !match || !account.user.Active() {
		return s.loginFailed(ctx, v, account, errInvalidCredentials)
	}
	return s.store.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error {
		if err := s.uncount(ctx, tx, counters); err != nil {
			return err
		}
		event := about(model.AuditBasicVerified, account.user.ID)
		event.ActorID = event.UserID
		return s.record(ctx, tx, v, event)
	})
}
