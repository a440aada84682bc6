package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Access tokens are JSON Web Tokens (RFC 7519, profile RFC 9068) that other services verify
// offline by our public keys. On our own endpoint they are accepted too, if they are meant
// for it; the session behind them is looked up each time.

const (
	// accessTokenType is the `typ` of an access token (RFC 9068, section 2.1).
	accessTokenType = "at+jwt"
	// The lifetime of an access token in seconds: unless asked for, and at most.
	defaultAccessToken = 600
	maxAccessToken     = 3600
	// clockSkew is how far the clock of another replica may be ahead (RFC 8725 asks for a bound).
	clockSkew = 30 * time.Second
	// verifiedTokens is how many verified signatures are remembered.
	verifiedTokens = 10_000
)

// accessClaims is the payload of an access token.
type accessClaims struct {
	jwt.Claims
	SessionID   string   `json:"sid"`
	Roles       []string `json:"roles"`
	Permissions []string `json:"permissions"`
}

// verifiedToken remembers that a token's signature and claims were right.
type verifiedToken struct {
	sessionID, userID string
	expires           model.Time
}

// AccessToken is a signed token and how long it lasts.
type AccessToken struct {
	Token     string
	ExpiresIn int // seconds
}

// IssueAccessToken signs an access token for the viewer's session, for an audience ("" for our
// own endpoint), that lasts for some seconds (nil for 600) or until the session ends. For
// a viewer by HTTP Basic it opens a session, which can be listed and revoked like any other.
func (s *Service) IssueAccessToken(ctx context.Context, v *Viewer, audience string, lifetime *int) (*AccessToken, error) {
	if err := s.checkUser(v); err != nil {
		return nil, err
	}
	if v.Kind == KindAPIToken {
		return nil, &Error{Code: Forbidden, Message: "An API token may not do this."}
	}
	if audience == "" {
		audience = s.PublicURL
	}
	if audience != s.PublicURL && !slices.Contains(s.Audiences, audience) {
		return nil, badInput("audience", "must be one that this server signs for")
	}
	seconds := defaultAccessToken
	if lifetime != nil {
		seconds = *lifetime
	}
	if seconds < 1 || seconds > maxAccessToken {
		return nil, badInput("lifetimeSeconds", fmt.Sprintf("must be 1 to %d", maxAccessToken))
	}
	if err := s.checkRenewals(ctx, v); err != nil {
		return nil, err
	}
	key, err := s.keys.signing(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("failed to find a signing key: %w", err)
	}
	holder := v
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if v.Session == nil {
			if holder, err = s.sessionForBasic(ctx, tx, v); err != nil {
				return err
			}
		}
		event := aboutSubject(model.AuditTokenIssued, holder.User.ID, holder.Session.ID)
		event.Detail = model.OptionalString(audience)
		return s.record(ctx, tx, holder, event)
	})
	if err != nil {
		return nil, err
	}
	return s.sign(holder, key, audience, time.Duration(seconds)*time.Second)
}

// sessionForBasic opens a session for a viewer by HTTP Basic.
func (s *Service) sessionForBasic(ctx context.Context, tx *store.Store, v *Viewer) (*Viewer, error) {
	user, err := tx.LockUser(ctx, v.User.ID)
	if err != nil {
		return nil, ended(err)
	}
	signedIn, err := s.startSession(ctx, tx, v, user, false)
	if err != nil {
		return nil, err
	}
	return signedIn.Viewer, nil
}

func (s *Service) sign(v *Viewer, key *signingKey, audience string, lifetime time.Duration) (*AccessToken, error) {
	now := s.Now().Truncate(time.Second)
	expires := now.Add(lifetime)
	if end := v.Session.ExpiresAt; !end.IsZero() && end.Std().Before(expires) {
		expires = end.Std().Truncate(time.Second)
	}
	token, err := jwt.Signed(key.signer).Claims(accessClaims{
		Claims: jwt.Claims{
			Issuer: s.PublicURL, Subject: v.User.ID, Audience: jwt.Audience{audience},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
			ID: s.newID("jti_"),
		},
		SessionID:   v.Session.ID,
		Roles:       append([]string{}, v.Roles...), // never null
		Permissions: append([]string{}, v.Permissions...),
	}).Serialize()
	if err != nil {
		return nil, fmt.Errorf("failed to sign an access token: %w", err)
	}
	return &AccessToken{Token: token, ExpiresIn: int(expires.Sub(now) / time.Second)}, nil
}

// isJWT reports whether text has the form of a JSON Web Token and of nothing else of ours.
func isJWT(text string) bool { return strings.Count(text, ".") == 2 && strings.HasPrefix(text, "eyJ") }

// authenticateAccessToken fills in the viewer to whom an access token belongs, or why it does
// not count. The token says which session; everything else is read from the database.
func (s *Service) authenticateAccessToken(ctx context.Context, v *Viewer, token string) {
	sum := sha256.Sum256([]byte(token))
	verified, remembered := s.accessTokens.Get(sum)
	if !remembered {
		var err error
		if verified, err = s.verifyAccessToken(ctx, token); err != nil {
			v.refusal = err
			return
		}
		s.accessTokens.Add(sum, verified)
	}
	if s.now() >= verified.expires {
		v.refusal = errAccessToken
		return
	}
	authority, err := s.store.AuthorityBySession(ctx, verified.sessionID)
	if err == nil && authority.User.ID != verified.userID {
		err = store.ErrNotFound
	}
	if s.acceptSession(ctx, v, KindAccessToken, authority, err) {
		v.until = verified.expires
	}
}

var errAccessToken = &Error{Code: Unauthenticated, Message: "The access token is not valid, or not any more. Get a new one."}

// verifyAccessToken checks a token's form, signature and claims, in this order. It returns
// errAccessToken or the outage that kept it from finding the key.
func (s *Service) verifyAccessToken(ctx context.Context, token string) (verifiedToken, error) {
	parsed, err := parseAccessToken(token)
	if err != nil {
		return verifiedToken{}, errAccessToken
	}
	header := parsed.Headers[0]
	key, err := s.keys.verifying(ctx, s, header.KeyID)
	if errors.Is(err, store.ErrNotFound) {
		return verifiedToken{}, errAccessToken
	}
	if err != nil {
		return verifiedToken{}, fmt.Errorf("failed to look up a signing key: %w", err)
	}
	var claims accessClaims
	if header.Algorithm != key.algorithm || parsed.Claims(key.public.Key, &claims) != nil {
		return verifiedToken{}, errAccessToken
	}
	now := s.Now()
	if claims.Expiry == nil || claims.IssuedAt == nil || claims.NotBefore == nil ||
		!now.Before(claims.Expiry.Time()) ||
		claims.IssuedAt.Time().After(now.Add(clockSkew)) || claims.NotBefore.Time().After(now.Add(clockSkew)) ||
		claims.Issuer != s.PublicURL || len(claims.Audience) != 1 || claims.Audience[0] != s.PublicURL ||
		claims.ID == "" || claims.SessionID == "" || claims.Subject == "" {
		return verifiedToken{}, errAccessToken
	}
	return verifiedToken{
		sessionID: claims.SessionID, userID: claims.Subject, expires: model.NewTime(claims.Expiry.Time()),
	}, nil
}

// parseAccessToken reads a token in the one spelling that sign gives it: three parts in strict
// base64url, and a header of `alg`, `kid` and `typ` alone, so that no key travels in it.
func parseAccessToken(token string) (*jwt.JSONWebToken, error) {
	for part := range strings.SplitSeq(token, ".") {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(raw) != part {
			return nil, errAccessToken
		}
	}
	parsed, err := jwt.ParseSigned(token, signatureAlgorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, errAccessToken
	}
	header := parsed.Headers[0]
	if header.JSONWebKey != nil || header.KeyID == "" || header.Nonce != "" ||
		len(header.ExtraHeaders) != 1 || header.ExtraHeaders[jose.HeaderType] != accessTokenType {
		return nil, errAccessToken
	}
	return parsed, nil
}
