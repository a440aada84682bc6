package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/authgraph/authgraph/model"
)

// Cookie says how browsers keep a session. The cookie is HttpOnly and bound to the one host
// that set it.
type Cookie struct {
	Name     string
	SameSite http.SameSite
	Secure   bool // for https: the cookie is Secure and its name gets the prefix __Host-
}

// DefaultCookie is the cookie of a server without settings.
func DefaultCookie() Cookie {
	return Cookie{Name: "authgraph_session", SameSite: http.SameSiteLaxMode}
}

// name returns the name that browsers see. They accept __Host- only from the host itself
// over https, so that no sibling domain can plant a session (RFC 6265bis, section 4.1.3).
func (c Cookie) name() string {
	if c.Secure && !strings.HasPrefix(c.Name, "__Host-") {
		return "__Host-" + c.Name
	}
	return c.Name
}

// read returns the value of the request's session cookie, and "" where it has none.
func (c Cookie) read(r *http.Request) string {
	cookie, err := r.Cookie(c.name())
	if err != nil {
		return ""
	}
	return cookie.Value
}

// write puts the cookie on the answer. A maxAge of zero keeps it as long as the browser runs;
// a negative one deletes it.
func (c Cookie) write(w http.ResponseWriter, value string, maxAge time.Duration) {
	seconds := int((maxAge + time.Second - 1) / time.Second) // rounded up
	if maxAge < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.name(), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: c.Secure, SameSite: c.SameSite,
	})
}

// responseKey is the key of the http.ResponseWriter whose headers can still be set.
type responseKey struct{}

// SignIn makes the outcome of a log-in, a renewal or a step-up that of this request: the
// browser gets the cookie, unless the session is used without one, and the rest of the request
// sees the new viewer.
func (s *Service) SignIn(ctx context.Context, signedIn *SignedIn) {
	v := signedIn.Viewer
	byCookie := v.Scheme == SchemeCookie && s.takes(SchemeCookie) && !v.CrossSite
	if w, ok := ctx.Value(responseKey{}).(http.ResponseWriter); ok && byCookie {
		s.writeCookie(w, v.Session, signedIn.Token)
		s.rememberDevice(w, v)
	}
	replaceViewer(ctx, v)
}

// SignOut makes the rest of this request a stranger's and deletes the cookie, if it was the
// cookie that spoke for the caller.
func (s *Service) SignOut(ctx context.Context) {
	v := ViewerFrom(ctx)
	if w, ok := ctx.Value(responseKey{}).(http.ResponseWriter); ok && v.Scheme == SchemeCookie {
		s.Cookie.write(w, "", -1)
	}
	replaceViewer(ctx, &Viewer{Client: v.Client})
}

func (s *Service) writeCookie(w http.ResponseWriter, session *model.Session, token string) {
	s.Cookie.write(w, token, session.CookieMaxAge(s.now()))
}
