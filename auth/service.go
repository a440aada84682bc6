// Package auth decides what is allowed: who someone is and what they may do.
//
// Its rules are the methods of Service, one file per feature. Each takes the Viewer who asks
// and returns an *Error, written for that person, when it refuses. Any other error is
// an outage. The Middleware finds out who the viewer of an HTTP request is.
//
// There are two gates. The schema's @auth says who may call a field (CheckGuard); the
// methods here say what a caller may touch, whatever called them.
package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"time"

	"golang.org/x/time/rate"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Options are what an operator can choose. The zero value of a duration means what it says;
// DefaultOptions holds the usual ones.
type Options struct {
	BcryptCost       int               // of new hashes
	HashWorkers      int               // how many passwords are hashed at once
	Hashing          func(active bool) // is told when passwords begin to be hashed, and when none has been for a while; nil for nobody
	Peppers          []string          // the current one first; none for the fixed label
	Secret           Secret            // keys cursors
	Permissions      model.Permissions // every permission there is
	SignupOpen       bool              // whether strangers may create accounts
	SessionDuration  time.Duration     // 0: until log-out
	RememberDuration time.Duration     // the same with rememberMe
	IdleDuration     time.Duration     // after how long without use a session ends; 0: never
	FreshDuration    time.Duration     // how long a proof of the password is fresh
	MaxSessions      int               // of one user; 0: any number
	Schemes          []Scheme          // how credentials may be presented
	Cookie           Cookie
	PublicURL        string         // the issuer of access tokens and their audience here
	Audiences        []string       // other services that access tokens are signed for
	SigningAlgorithm string         // of new signing keys: ES256, RS256 or EdDSA
	Origins          []string       // other web origins whose pages may use cookies here
	TrustedProxies   []netip.Prefix // whose X-Forwarded-For is believed
	RateLimits       bool           // whether attempts at passwords are throttled
	AuditDuration    time.Duration  // how long audit events are kept; 0: for ever
	KeyDuration      time.Duration  // how long a key signs before a new one takes its place
	Log              *slog.Logger

	PageBounds store.Bounds     // what a page of a list may cost; zero: the usual
	Now        func() time.Time // nil: time.Now
	Random     io.Reader        // nil: crypto/rand
}

// DefaultOptions returns the options of a server without settings. The caller adds the
// Secret and the Permissions.
func DefaultOptions() Options {
	return Options{
		BcryptCost:       12, // 0.2 s on a core of 2026
		HashWorkers:      runtime.NumCPU(),
		SignupOpen:       true,
		SessionDuration:  24 * time.Hour,
		RememberDuration: 30 * 24 * time.Hour,
		FreshDuration:    5 * time.Minute,
		MaxSessions:      100,
		RateLimits:       true,
		AuditDuration:    365 * 24 * time.Hour,
		Schemes:          AllSchemes(),
		Cookie:           DefaultCookie(),
		PublicURL:        "http://localhost:8080",
		SigningAlgorithm: "ES256",
		KeyDuration:      90 * 24 * time.Hour,
		Log:              slog.New(slog.DiscardHandler),
	}
}

// Service is the rules of one database.
type Service struct {
	Options
	store  *store.Store
	hasher *hasher

	cursorKeys   [][]byte // of the present secret and the previous ones
	verified     *verifiedPasswords
	accessTokens *lru.Cache[[sha256.Size]byte, verifiedToken]
	keys         keyring
	global       *rate.Limiter
	refusals     refusals
	uses         uses
	hub          *hub
	connections  connections
}

var permissionName = regexp.MustCompile(`^[a-z][a-z0-9-]*:[a-z][a-z0-9-]*$`)

// New returns the rules of a migrated database. It ties the database to the secret, makes the
// built-in roles where they are missing, and starts the password hasher, which Close ends.
func New(ctx context.Context, db *store.Store, options Options) (*Service, error) {
	s := &Service{Options: options, store: db, global: newGlobalLimit()}
	if s.PageBounds == (store.Bounds{}) {
		s.PageBounds = usualBounds
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Random == nil {
		s.Random = rand.Reader
	}
	for _, name := range options.Permissions {
		if !permissionName.MatchString(name) {
			return nil, fmt.Errorf("the permission %q is not of the form noun:verb", name)
		}
	}
	s.Permissions = slices.Compact(slices.Sorted(slices.Values(options.Permissions)))
	if len(s.Secret.values) == 0 {
		return nil, errors.New("a server secret is needed")
	}
	for i := range s.Secret.values {
		s.cursorKeys = append(s.cursorKeys, s.Secret.key(i, "cursor"))
	}
	if err := s.Secret.bind(ctx, db); err != nil {
		return nil, fmt.Errorf("failed to check the server secret: %w", err)
	}
	if err := s.createBuiltInRoles(ctx); err != nil {
		return nil, fmt.Errorf("failed to create the built-in roles: %w", err)
	}
	var err error
	if s.verified, err = newVerifiedPasswords(); err != nil {
		return nil, err
	}
	if s.accessTokens, err = lru.New[[sha256.Size]byte, verifiedToken](verifiedTokens); err != nil {
		return nil, err
	}
	s.hub = newHub(s)
	if s.hasher, err = newHasher(options.BcryptCost, max(1, options.HashWorkers), options.Peppers, options.Hashing); err != nil {
		return nil, err
	}
	s.hub.start()
	return s, nil
}

// Close ends what the Service runs in the background, and writes down what was used and what it
// refused last. The database stays open.
func (s *Service) Close() {
	s.hasher.close()
	s.writeUses(context.Background(), &Viewer{})
	s.hub.close()
	s.attempt(context.Background(), &Viewer{}, "record refusals", s.refusals.record(context.Background(), s))
}

// Ready returns why requests cannot be served: the database does not answer or is not migrated.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s *Service) now() model.Time { return model.NewTime(s.Now()) }
