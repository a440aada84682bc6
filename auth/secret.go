package auth

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/authgraph/authgraph/store"
)

// minSecret is how many bytes a server secret has at least: 128 bits, even when written
// as hexadecimal digits.
const minSecret = 32

// Secret is the server's own secret. It keys what clients carry for the server and must
// not alter, such as cursors. A new value can replace an old one while what the old one
// made is still accepted.
type Secret struct {
	values []string // the current one first
}

// NewSecret takes the current value, followed by previous ones that are still accepted.
func NewSecret(values ...string) (Secret, error) {
	if len(values) == 0 {
		return Secret{}, errors.New("a secret is needed")
	}
	for _, value := range values {
		if len(value) < minSecret {
			return Secret{}, fmt.Errorf("a secret must have at least %d characters", minSecret)
		}
	}
	return Secret{values: values}, nil
}

// RandomSecret returns a secret that no other process knows.
func RandomSecret() Secret { return Secret{values: []string{newSecretValue()}} }

func newSecretValue() string {
	value := make([]byte, sha256.Size)
	_, _ = rand.Read(value) // never fails
	return base64.RawURLEncoding.EncodeToString(value)
}

// SecretFromFile reads the secret kept in a file. Where there is no file and create is set, it
// makes one that only its owner can read.
func SecretFromFile(path string, create bool) (Secret, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		text, err = createSecretFile(path)
	}
	if err != nil {
		return Secret{}, fmt.Errorf("failed to read the server secret: %w", err)
	}
	secret, err := NewSecret(strings.Split(strings.TrimSpace(string(text)), ",")...)
	if err != nil {
		return Secret{}, fmt.Errorf("%s: %w", path, err)
	}
	return secret, nil
}

// createSecretFile writes a new secret and returns the file's text: that of another process
// if one was faster. The file appears whole or not at all.
func createSecretFile(path string) ([]byte, error) {
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(newSecretValue() + "\n")
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// key returns the key for one purpose, made from the i-th value.
func (s Secret) key(i int, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(s.values[i]), nil, "authgraph "+purpose, sha256.Size)
	if err != nil {
		panic(err) // only a length that SHA-256 cannot give
	}
	return key
}

// secretCheck is the fact that tells whether a secret belongs to a database.
const secretCheck = "secret_check"

// ErrWrongSecret says that the database was made under another secret.
var ErrWrongSecret = errors.New("the server secret is not the one of this database")

// HasSecret reports whether the database was made under a secret already, so that a new
// one would be the wrong one.
func HasSecret(ctx context.Context, db *store.Store) (bool, error) {
	_, err := knownSecret(ctx, db)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// knownSecret returns the check value of the secret that the database was made under, or
// store.ErrNotFound. It returns ErrUnfinishedCopy where that value is still to come.
func knownSecret(ctx context.Context, db *store.Store) (string, error) {
	known, err := db.Fact(ctx, secretCheck)
	if !errors.Is(err, store.ErrNotFound) {
		return known, err
	}
	if _, err := db.Fact(ctx, store.FactUnfinishedCopy); !errors.Is(err, store.ErrNotFound) {
		return "", cmp.Or(err, ErrUnfinishedCopy)
	}
	return "", err
}

// bind ties the database to the secret at the first start and returns ErrWrongSecret at
// any later one where none of the secret's values is the one that the database knows.
func (s Secret) bind(ctx context.Context, db *store.Store) error {
	return db.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		i, err := s.find(ctx, tx)
		if errors.Is(err, store.ErrNotFound) || err == nil && i > 0 {
			return tx.SetFact(ctx, secretCheck, s.check(0))
		}
		return err
	})
}

// Check returns ErrWrongSecret where the database was made under another secret. One that is
// not tied to a secret yet takes any.
func (s Secret) Check(ctx context.Context, db *store.Store) error {
	_, err := s.find(ctx, db)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// find returns which of the secret's values the database knows: store.ErrNotFound where it
// knows none, ErrWrongSecret where it knows another.
func (s Secret) find(ctx context.Context, db *store.Store) (int, error) {
	known, err := knownSecret(ctx, db)
	if err != nil {
		return 0, err
	}
	for i := range s.values {
		if hmac.Equal([]byte(known), []byte(s.check(i))) {
			return i, nil
		}
	}
	return 0, ErrWrongSecret
}

// check returns what a database keeps of the i-th value.
func (s Secret) check(i int) string { return hex.EncodeToString(s.key(i, "check")) }
