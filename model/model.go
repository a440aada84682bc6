// Package model says what there is: users and their credentials, roles, sessions,
// tokens, keys, and what happened to them.
//
// Its types are plain data. They carry the bun tags that package store needs to keep
// them and import nothing but the standard library, so that every other package may
// use them. Rules live in package auth.
//
// Secrets have structs of their own (Credential, Session.TokenHash) and are never a
// field of User: what `me` loads, and what anyone may log, holds none.
package model

// The prefixes by which an id tells the type of what it names.
const (
	UserIDPrefix       = "usr_"
	CredentialIDPrefix = "crd_"
	RoleIDPrefix       = "rol_"
	SessionIDPrefix    = "ses_"
	APITokenIDPrefix   = "tok_"
	SigningKeyIDPrefix = "key_"
	AuditEventIDPrefix = "evt_"
)
