package model

// CredentialKind says what a credential proves.
type CredentialKind string

// KindPassword is the kind of a credential whose secret is a password hash. A user has
// at most one.
const KindPassword CredentialKind = "password"

// Credential is something by which a user proves who they are. Its secret never leaves
// package auth.
type Credential struct {
	ID        string `bun:",pk"`
	UserID    string
	Kind      CredentialKind
	Secret    string // for a password: scheme, key and bcrypt hash
	CreatedAt Time
	UpdatedAt Time
}
