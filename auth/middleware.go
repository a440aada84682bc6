package auth

import (
	"context"
	"net/http"
	"strings"
)

// Middleware finds out who makes a request and puts them into its context (ViewerFrom).
//
// The first credential present decides, in this order: `Authorization: Bearer`,
// `Authorization: Basic`, `Authentication-Token`, the session cookie. One that does not count is
// never rescued by another and never made anonymous in silence: the viewer remembers the
// reason, and guarded fields answer with it. An empty token, and a scheme that is not ours or
// switched off, count as absent. A bad cookie is not deleted here: a late answer would delete
// the one that another tab just got.
//
// Every answer carries X-Request-Id.
func (s *Service) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &Viewer{Client: Client{
			Address:   clientAddress(r, s.TrustedProxies),
			UserAgent: r.UserAgent(),
			RequestID: s.newID("req_"),
		}}
		w.Header().Set("X-Request-Id", v.Client.RequestID)
		v.CrossSite = s.crossSite(r)
		v.device = s.deviceCookie().read(r)
		s.identify(w, r, v)
		ctx := context.WithValue(r.Context(), responseKey{}, w)
		next.ServeHTTP(w, r.WithContext(WithViewer(ctx, v)))
	})
}

// Present returns who opens a WebSocket: by the first credential among the headers that its first
// message holds, those of the handshake that are not in it, and the handshake's cookie. It counts
// and is refused as in a request.
func (s *Service) Present(ctx context.Context, handshake *http.Request, headers http.Header) *Viewer {
	first := ViewerFrom(handshake.Context())
	if len(headers) == 0 {
		return first
	}
	r := handshake.Clone(ctx)
	for name, values := range headers {
		r.Header[name] = values
	}
	v := &Viewer{Client: first.Client, CrossSite: first.CrossSite, device: first.device}
	s.identify(nil, r, v) // which writes a cookie with a POST alone, and a handshake is a GET
	return v
}

// identify fills in who presents the first credential of a request, or why it does not count.
func (s *Service) identify(w http.ResponseWriter, r *http.Request, v *Viewer) {
	ctx := r.Context()
	authorization := r.Header.Get("Authorization")
	scheme, rest := authorization, ""
	if space := strings.IndexAny(authorization, " \t"); space >= 0 {
		scheme, rest = authorization[:space], strings.TrimSpace(authorization[space:])
	}
	if s.takes(SchemeBearer) && strings.EqualFold(scheme, "Bearer") && rest != "" { // RFC 6750, section 2.1
		v.Scheme = SchemeBearer
		s.authenticateToken(ctx, v, rest)
		return
	}
	if s.takes(SchemeBasic) && strings.EqualFold(scheme, "Basic") && rest != "" {
		v.Scheme = SchemeBasic
		s.authenticateBasic(ctx, v, r)
		return
	}
	if token := r.Header.Get("Authentication-Token"); s.takes(SchemeAuthenticationToken) && token != "" {
		v.Scheme = SchemeAuthenticationToken
		s.authenticateToken(ctx, v, token)
		return
	}
	if token := s.Cookie.read(r); s.takes(SchemeCookie) && token != "" {
		v.Scheme = SchemeCookie
		s.authenticateSession(ctx, v, token)
		s.reissueCookie(w, r, v, token)
	}
}

// authenticateToken fills in the viewer to whom a token belongs, whichever kind it is, or why
// it does not count.
func (s *Service) authenticateToken(ctx context.Context, v *Viewer, token string) {
	switch {
	case isToken(token, apiTokenPrefix):
		s.authenticateAPIToken(ctx, v, token)
	case isJWT(token):
		s.authenticateAccessToken(ctx, v, token)
	default:
		s.authenticateSession(ctx, v, token)
	}
}

// reissueCookie sends the cookie of a session again that outlives the time for which
// browsers keep cookies. Of several requests at once, one does. Only with a POST: proxies that ask
// for forward authentication drop it.
func (s *Service) reissueCookie(w http.ResponseWriter, r *http.Request, v *Viewer, token string) {
	ctx, now := r.Context(), s.now()
	if r.Method != http.MethodPost || v.Session == nil || v.superseded || !v.Session.CookieDue(now) {
		return
	}
	issued, err := s.store.SetCookieIssued(ctx, v.Session.ID, v.Session.CookieIssuedAt, now)
	if err != nil {
		s.Log.ErrorContext(ctx, "failed to note that a cookie is sent again", "error", err, "requestId", v.Client.RequestID)
		return
	}
	if issued {
		s.writeCookie(w, v.Session, token)
	}
}
