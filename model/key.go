package model

// SigningKey signs access tokens. Its public part is published; its private part is sealed
// under the server secret.
type SigningKey struct {
	ID        string `bun:",pk"` // the `kid`
	Algorithm string // as RFC 7518 names it, such as ES256
	PublicJWK string // the public part as a JSON Web Key (RFC 7517)
	Sealed    []byte
	CreatedAt Time
	ExpiresAt Time `bun:",nullzero"` // when the last token signed by it has expired; zero while it signs
}
