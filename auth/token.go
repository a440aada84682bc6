package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// sessionTokenPrefix tells a session's token from other kinds.
const sessionTokenPrefix = "ags_"

// tokenBytes is how much of a token is random: 256 bits.
const tokenBytes = 32

// newToken returns a new opaque token of the kind that the prefix tells.
func (s *Service) newToken(prefix string) string {
	secret := make([]byte, tokenBytes)
	_, _ = s.Random.Read(secret) // crypto/rand never fails
	return prefix + base64.RawURLEncoding.EncodeToString(secret)
}

// isToken reports whether text has the form of a token with this prefix, so that nothing
// else costs a look-up.
func isToken(text, prefix string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	return ok && len(rest) == base64.RawURLEncoding.EncodedLen(tokenBytes)
}

// hashToken returns what is kept of a token. A token has 256 random bits, so that one pass
// of SHA-256 is enough. The text as it came is hashed, so that no other spelling of the
// same bytes is accepted.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
