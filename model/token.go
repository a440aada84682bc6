package model

// APIToken is a long-lived credential for programs that act for a user, within its scopes.
// Only the token's SHA-256 is kept.
type APIToken struct {
	ID         string `bun:",pk"`
	UserID     string
	Name       string
	TokenHash  []byte
	Scopes     Permissions // what it may do, as far as its owner still may
	CreatedAt  Time
	ExpiresAt  Time `bun:",nullzero"` // zero: never ends by itself
	LastUsedAt Time `bun:",nullzero"` // exact to about a minute
}

// Expired reports whether the token has ended by itself.
func (t *APIToken) Expired(now Time) bool { return !t.ExpiresAt.IsZero() && now >= t.ExpiresAt }

// IsNode marks APIToken as an object that can be fetched by its id.
func (*APIToken) IsNode() {}

// PasswordCode lets a user set their password once, without the old one.
type PasswordCode struct {
	UserID    string `bun:",pk"`
	CodeHash  []byte
	CreatedAt Time
	ExpiresAt Time
}
