package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
)

// sealID is how many bytes in front of sealed data name the secret that sealed it.
const sealID = 8

// errOtherSecret says that data was sealed under a secret that is not configured.
var errOtherSecret = errors.New("sealed under a secret that is not configured")

// seal encrypts data that must be read back (AES-256-GCM). It can be opened only for the same
// purpose, so that what belongs to one row is of no use in another.
func (s Secret) seal(purpose string, data []byte) []byte {
	return append(s.sealID(0), s.aead(0).Seal(nil, nil, data, []byte(purpose))...)
}

// open decrypts what seal returned, under whichever of the secret's values sealed it.
func (s Secret) open(purpose string, sealed []byte) ([]byte, error) {
	for i := range s.values {
		if data, ok := bytes.CutPrefix(sealed, s.sealID(i)); ok {
			return s.aead(i).Open(nil, nil, data, []byte(purpose))
		}
	}
	return nil, errOtherSecret
}

// aead returns the cipher of the i-th value. Each seal takes a new random nonce.
func (s Secret) aead(i int) cipher.AEAD {
	block, err := aes.NewCipher(s.key(i, "seal"))
	if err != nil {
		panic(err) // only a key of the wrong length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only a block of the wrong length
	}
	return aead
}

func (s Secret) sealID(i int) []byte {
	sum := sha256.Sum256(s.key(i, "seal id"))
	return sum[:sealID]
}
