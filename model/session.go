package model

import "time"

// cookieLifetime is how long browsers keep a cookie at most (RFC 6265bis, 400 days).
const cookieLifetime = 400 * 24 * time.Hour

// cookieReissue is how old a persistent cookie may grow before it is sent again. A month
// keeps a browser that is used at least once a year signed in.
const cookieReissue = 30 * 24 * time.Hour

// Session is one sign-in. Who holds its token acts as its user until it ends; only the
// token's SHA-256 is kept.
type Session struct {
	ID              string `bun:",pk"`
	UserID          string
	TokenHash       []byte
	Persistent      bool // whether the cookie outlives the browser
	UserAgent       string
	Address         OptionalString
	CreatedAt       Time
	AuthenticatedAt Time // when the password was last proved
	LastSeenAt      Time // exact to about a minute
	CookieIssuedAt  Time
	ExpiresAt       Time `bun:",nullzero"` // zero: never ends by itself
	Unconfirmed     bool // whether the token is a successor that nobody has used yet
}

// IsNode marks Session as an object that can be fetched by its id.
func (*Session) IsNode() {}

// Expired reports whether the session has ended by itself: at its end, or because nobody used
// it for as long as idle, unless that is zero.
func (s *Session) Expired(now Time, idle time.Duration) bool {
	if idle > 0 && now >= s.LastSeenAt.Add(idle) {
		return true
	}
	return !s.ExpiresAt.IsZero() && now >= s.ExpiresAt
}

// FreshAt reports whether the password was proved less than within before now.
func (s *Session) FreshAt(now Time, within time.Duration) bool {
	return now < s.AuthenticatedAt.Add(within)
}

// CookieMaxAge returns how long a browser should keep the session's cookie: zero for as
// long as the browser runs.
func (s *Session) CookieMaxAge(now Time) time.Duration {
	switch {
	case !s.Persistent:
		return 0
	case s.ExpiresAt.IsZero():
		return cookieLifetime
	default:
		return min(s.ExpiresAt.Sub(now), cookieLifetime)
	}
}

// CookieDue reports whether the cookie should be sent again because the session outlives
// the longest life that a browser gives a cookie.
func (s *Session) CookieDue(now Time) bool {
	if !s.Persistent || now < s.CookieIssuedAt.Add(cookieReissue) {
		return false
	}
	return s.ExpiresAt.IsZero() || s.ExpiresAt > s.CookieIssuedAt.Add(cookieLifetime)
}

// SupersededToken is a token that a session had before. Until its successor is used, and a
// little longer, it is still accepted; after that, whoever presents it has stolen it, or
// been stolen from.
type SupersededToken struct {
	TokenHash       []byte `bun:",pk"`
	SessionID       string
	Nonce           []byte // with the token makes the successor
	SupersededAt    Time
	SuccessorUsedAt Time `bun:",nullzero"`
}
