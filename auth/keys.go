package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Access tokens are signed by keys that are rows of the database, so that every replica has
// the same ones. The newest signs. A retired one is published until the last token that it
// signed has expired.

// signatureAlgorithms are those that a key can have (RFC 7518 and RFC 8037).
var signatureAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA}

const (
	// keysReread is how long the keys are used before the database is asked again. A token
	// by a key that is not known yet asks at once.
	keysReread = time.Minute
	// keysCached is how long others may keep the published keys, in seconds.
	keysCached = 300
	// retiredFor is how long a key is accepted after it signed for the last time.
	retiredFor = maxAccessToken*time.Second + keysReread + clockSkew
)

// signingKey is a key as it is used.
type signingKey struct {
	id        string
	algorithm string
	public    jose.JSONWebKey
	signer    jose.Signer // nil where the private part is sealed under another secret
	createdAt model.Time
	retired   bool
}

// keyring keeps the keys of the database at hand.
type keyring struct {
	mu     sync.Mutex    // never held while the database is asked
	keys   []*signingKey // newest first; never changed
	readAt time.Time
	asked  singleflight.Group
}

// signing returns the key that signs, and makes one where there is none or it is too old.
func (k *keyring) signing(ctx context.Context, s *Service) (*signingKey, error) {
	keys, err := k.read(ctx, s, keysReread)
	if err != nil {
		return nil, err
	}
	if key := s.signs(keys); key != nil {
		return key, nil
	}
	return once(ctx, &k.asked, "rotate", func(ctx context.Context) (*signingKey, error) {
		keys, err := k.read(ctx, s, 0) // somebody may have rotated them since
		if err != nil {
			return nil, err
		}
		if key := s.signs(keys); key != nil {
			return key, nil
		}
		return k.rotate(ctx, s, &Viewer{})
	})
}

// signs returns the key that signs, or nil where there is none or it is too old.
func (s *Service) signs(keys []*signingKey) *signingKey {
	for _, key := range keys {
		if !key.retired && key.signer != nil && key.algorithm == s.SigningAlgorithm && s.now() < key.createdAt.Add(s.KeyDuration) {
			return key
		}
	}
	return nil
}

// verifying returns the key with this id, or store.ErrNotFound. One that is not at hand may be
// what another replica signs with since a moment ago. The keys are read again only where it is in
// the database, so that an unknown id costs no more than an unknown token.
func (k *keyring) verifying(ctx context.Context, s *Service, id string) (*signingKey, error) {
	key, err := k.byID(ctx, s, id, keysReread)
	if !errors.Is(err, store.ErrNotFound) {
		return key, err
	}
	if checkID("id", id, model.SigningKeyIDPrefix) != nil {
		return nil, store.ErrNotFound
	}
	exists, err := s.store.HasSigningKey(ctx, id, s.now())
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, store.ErrNotFound
	}
	return k.byID(ctx, s, id, 0)
}

// byID returns the key with this id, or store.ErrNotFound, from keys that were read no longer ago
// than atMost.
func (k *keyring) byID(ctx context.Context, s *Service, id string, atMost time.Duration) (*signingKey, error) {
	keys, err := k.read(ctx, s, atMost)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if key.id == id {
			return key, nil
		}
	}
	return nil, store.ErrNotFound
}

// published returns the public keys.
func (k *keyring) published(ctx context.Context, s *Service) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	keys, err := k.read(ctx, s, keysReread)
	if err != nil {
		return set, err
	}
	for _, key := range keys {
		set.Keys = append(set.Keys, key.public)
	}
	return set, nil
}

// read returns the keys, read again if that was done longer ago than atMost: at zero, not before
// now. Whoever wants them read at the same time waits for one reading, and no longer than they
// would.
func (k *keyring) read(ctx context.Context, s *Service, atMost time.Duration) ([]*signingKey, error) {
	now := s.Now()
	k.mu.Lock()
	keys, age := k.keys, now.Sub(k.readAt)
	k.mu.Unlock()
	if age >= 0 && age < atMost && keys != nil {
		return keys, nil
	}
	if atMost == 0 { // one that is going on may have begun too early
		return k.readNow(ctx, s)
	}
	return once(ctx, &k.asked, "read", func(ctx context.Context) ([]*signingKey, error) { return k.readNow(ctx, s) })
}

func (k *keyring) readNow(ctx context.Context, s *Service) ([]*signingKey, error) {
	now := s.Now()
	rows, err := s.store.SigningKeys(ctx, model.NewTime(now))
	if err != nil {
		return nil, err
	}
	keys := make([]*signingKey, 0, len(rows))
	for _, row := range rows {
		key, err := s.openKey(row)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.ID, err)
		}
		keys = append(keys, key)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !now.Before(k.readAt) {
		k.keys, k.readAt = keys, now
	}
	return keys, nil
}

// once asks for something that many want at the same time once, and hands the outcome to all who
// still wait.
func once[T any](ctx context.Context, asked *singleflight.Group, what string, ask func(ctx context.Context) (T, error)) (answer T, err error) {
	outcome := asked.DoChan(what, func() (_ any, err error) {
		defer func() { // it would end the process
			if reason := recover(); reason != nil {
				err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
			}
		}()
		return ask(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return answer, ctx.Err()
	case outcome := <-outcome:
		if outcome.Err != nil {
			return answer, outcome.Err
		}
		return outcome.Val.(T), nil
	}
}

// rotate makes a new key, which signs from now on, and retires the others.
func (k *keyring) rotate(ctx context.Context, s *Service, v *Viewer) (*signingKey, error) {
	row, err := s.newKey()
	if err != nil {
		return nil, err
	}
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		if err := tx.InsertSigningKey(ctx, row); err != nil {
			return err
		}
		if err := tx.RetireSigningKeys(ctx, row.ID, s.now().Add(retiredFor)); err != nil {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditKeysRotated, "", row.ID))
	})
	if err != nil {
		return nil, err
	}
	if _, err := k.read(ctx, s, 0); err != nil {
		return nil, err
	}
	return s.openKey(row)
}

// RotateKeys makes a new signing key, to be used from now on. Tokens signed by the others stay
// good until they expire. Only the operator may.
func (s *Service) RotateKeys(ctx context.Context, v *Viewer) error {
	if v.Kind != kindOperator {
		return errForbidden
	}
	_, err := s.keys.rotate(ctx, s, v)
	return err
}

// newKey returns a new key of the configured algorithm, its private part sealed.
func (s *Service) newKey() (*model.SigningKey, error) {
	var private crypto.Signer
	var err error
	switch jose.SignatureAlgorithm(s.SigningAlgorithm) {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 3072) // 128 bits of strength
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("no key can be made for %q", s.SigningAlgorithm)
	}
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	id := s.newID(model.SigningKeyIDPrefix)
	public, err := json.Marshal(jose.JSONWebKey{Key: private.Public(), KeyID: id, Algorithm: s.SigningAlgorithm, Use: "sig"})
	if err != nil {
		return nil, err
	}
	return &model.SigningKey{
		ID: id, Algorithm: s.SigningAlgorithm, PublicJWK: string(public),
		Sealed: s.Secret.seal("signing key "+id, encoded), CreatedAt: s.now(),
	}, nil
}

// openKey returns a key as it is used. Where its private part was sealed under a secret that
// is not configured any more, it can verify and not sign.
func (s *Service) openKey(row *model.SigningKey) (*signingKey, error) {
	key := &signingKey{id: row.ID, algorithm: row.Algorithm, createdAt: row.CreatedAt, retired: !row.ExpiresAt.IsZero()}
	if err := json.Unmarshal([]byte(row.PublicJWK), &key.public); err != nil {
		return nil, err
	}
	encoded, err := s.Secret.open("signing key "+row.ID, row.Sealed)
	if errors.Is(err, errOtherSecret) {
		return key, nil
	}
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(encoded)
	if err != nil {
		return nil, err
	}
	key.signer, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(row.Algorithm), Key: jose.JSONWebKey{Key: private, KeyID: row.ID}},
		(&jose.SignerOptions{}).WithType(accessTokenType))
	return key, err
}

// ServeKeys answers with the public keys as a JSON Web Key Set (RFC 7517, section 5).
func (s *Service) ServeKeys(w http.ResponseWriter, r *http.Request) {
	set, err := s.keys.published(r.Context(), s)
	if err == nil && len(set.Keys) == 0 {
		if _, err = s.keys.signing(r.Context(), s); err == nil { // nobody asked for a token yet
			set, err = s.keys.published(r.Context(), s)
		}
	}
	var body []byte
	if err == nil {
		body, err = json.Marshal(set)
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "failed to publish the signing keys", "error", err)
		http.Error(w, "the keys cannot be read at the moment", http.StatusServiceUnavailable)
		return
	}
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", keysCached))
	w.Header().Set("ETag", etag)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Access-Control-Allow-Origin", "*") // they are public
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(body)
}
