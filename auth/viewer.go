package auth

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/authgraph/authgraph/model"
)

// Scheme is a way in which a request can present a credential. The schema publishes the same
// names as the enum AuthScheme.
type Scheme string

// The ways to present a credential.
const (
	SchemeCookie              Scheme = "COOKIE"
	SchemeBearer              Scheme = "BEARER"
	SchemeBasic               Scheme = "BASIC"
	SchemeAuthenticationToken Scheme = "AUTHENTICATION_TOKEN"
)

// AllSchemes returns every way to present a credential, in the order in which they are looked
// for.
func AllSchemes() []Scheme {
	return []Scheme{SchemeBearer, SchemeBasic, SchemeAuthenticationToken, SchemeCookie}
}

// CredentialKind is what a credential is, whichever way it was presented.
type CredentialKind string

// The kinds of credential that a viewer can have presented.
const (
	KindSession     CredentialKind = "session"      // a session's own token
	KindPassword    CredentialKind = "password"     // by HTTP Basic: no session stands behind it
	KindAccessToken CredentialKind = "access token" // a JWT; a session stands behind it
	KindAPIToken    CredentialKind = "API token"

	// kindOperator is that of a command run on the server's own machine.
	kindOperator CredentialKind = "operator"
)

// Client is where a request comes from.
type Client struct {
	Address   netip.Addr
	UserAgent string
	RequestID string // what a refused caller can quote; unique per request
}

// address returns the client's address as text, and "" where it is not known.
func (c Client) address() string {
	if !c.Address.IsValid() {
		return ""
	}
	return c.Address.String()
}

// Viewer is who asks: everything that rules may depend on. The zero Viewer is a stranger
// without any credential.
type Viewer struct {
	User        *model.User    // nil for a stranger
	Session     *model.Session // nil where no session stands behind the credential
	Roles       []string       // none for an API token: it never acts by a role
	Permissions model.Permissions
	Scheme      Scheme         // how the credential was presented, also a refused one
	Kind        CredentialKind // "" for a stranger and for a refused credential
	Client      Client
	CrossSite   bool // whether a page of a foreign origin makes the request, or may make it

	refusal      error  // why the presented credential does not count: an *Error or an outage
	token        string // the presented session or API token
	passwordID   string // of the password that the viewer has just logged in by
	passwordHash string // what was kept of the presented password
	device       string // the cookie of known devices, as it came
	superseded   bool   // whether the presented session token has a successor already

	apiTokenID string     // of the presented API token
	until      model.Time // when the presented access token ends; zero for other credentials
}

// Operator returns the viewer of a command: whoever runs commands on the server's machine
// holds the database anyway. It passes the same rules as everyone, with every permission.
func (s *Service) Operator() *Viewer {
	return &Viewer{Kind: kindOperator, Roles: []string{model.RoleAdmin}, Permissions: s.Permissions}
}

// ID returns the user's id, and "" for a stranger.
func (v *Viewer) ID() string {
	if v.User == nil {
		return ""
	}
	return v.User.ID
}

// SignedIn reports whether the viewer presented a credential that counts.
func (v *Viewer) SignedIn() bool { return v.Kind != "" }

// Can reports whether the viewer holds a permission.
func (v *Viewer) Can(permission string) bool { return v.Permissions.Contains(permission) }

// has reports whether the viewer holds a role.
func (v *Viewer) has(role string) bool { return slices.Contains(v.Roles, role) }

// Is reports whether the viewer is the user with this id.
func (v *Viewer) Is(userID string) bool { return v.User != nil && v.User.ID == userID }

// isOrCan reports whether the viewer is the user with this id, or holds a permission.
func (v *Viewer) isOrCan(userID, permission string) bool { return v.Is(userID) || v.Can(permission) }

// Check returns nil for a viewer who presented a credential that counts. Otherwise it
// returns an UNAUTHENTICATED *Error or, where the credential could not be looked up, the outage.
func (v *Viewer) Check() error {
	switch {
	case v.SignedIn():
		return nil
	case v.refusal != nil:
		return v.refusal
	default:
		return errStranger
	}
}

var errStranger = &Error{Code: Unauthenticated, Message: "Sign in first."}

// Guard is what the schema's @auth asks of the viewer of a field.
type Guard struct {
	Roles       []string // any of them; nil asks for none
	Permissions []string // all of them
	Schemes     []Scheme // any of them; nil takes every one
	Fresh       bool
	Mutation    bool // whether the field changes something
}

// CheckGuard returns nil where the viewer passes the guard, and otherwise an *Error, or the
// outage that kept the server from knowing who the viewer is.
//
// An API token passes no guard that asks for a role, and changes nothing without a guard
// that asks for a permission. Neither an API token nor an access token is ever fresh.
func (s *Service) CheckGuard(v *Viewer, guard Guard) error {
	if err := v.Check(); err != nil {
		return err
	}
	if guard.Schemes != nil && !slices.Contains(guard.Schemes, v.Scheme) {
		return &Error{Code: Forbidden, Message: "This field does not take a credential that is presented in this way."}
	}
	if guard.Roles != nil && !slices.ContainsFunc(guard.Roles, v.has) {
		return errForbidden
	}
	if v.Kind == KindAPIToken && guard.Mutation && guard.Permissions == nil {
		return &Error{Code: Forbidden, Message: "An API token may not do this."}
	}
	for _, permission := range guard.Permissions {
		if !v.Can(permission) {
			return errForbidden
		}
	}
	if guard.Fresh {
		return s.checkFresh(v)
	}
	return nil
}

var errForbidden = &Error{Code: Forbidden, Message: "You may not do this."}

// viewerKey is the key of the context's *atomic.Pointer[Viewer].
type viewerKey struct{}

// WithViewer returns a context in which v asks. The pointer in it is replaced when the
// request's own credential changes: by a log-in, so that the nested fields of its payload
// already see the new viewer.
func WithViewer(ctx context.Context, v *Viewer) context.Context {
	current := new(atomic.Pointer[Viewer])
	current.Store(v)
	return context.WithValue(ctx, viewerKey{}, current)
}

// ViewerFrom returns who asks. In a context that no middleware has seen it is a stranger.
func ViewerFrom(ctx context.Context) *Viewer {
	if current, ok := ctx.Value(viewerKey{}).(*atomic.Pointer[Viewer]); ok {
		return current.Load()
	}
	return &Viewer{}
}

// replaceViewer makes v the one who asks for the rest of the request.
func replaceViewer(ctx context.Context, v *Viewer) {
	if current, ok := ctx.Value(viewerKey{}).(*atomic.Pointer[Viewer]); ok {
		current.Store(v)
	}
}
