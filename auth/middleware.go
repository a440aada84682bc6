package auth

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
)

// Middleware finds out who makes a request and puts them into its context (ViewerFrom).
//
// The first credential present decides, in this order: `Authorization: Bearer`, then the
// session cookie. One that does not count is never rescued by another and never made
// anonymous in silence: the viewer remembers the reason, and guarded fields answer with it.
// An empty token, and a scheme that is not ours, count as absent. A bad cookie is not
// deleted here: a late answer would delete the one that another tab just got.
//
// Every answer carries X-Request-Id.
func (s *Service) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &Viewer{Client: Client{
			Address:   remoteAddress(r),
			UserAgent: r.UserAgent(),
			RequestID: s.newID("req_"),
		}}
		w.Header().Set("X-Request-Id", v.Client.RequestID)
		if token := bearer(r); token != "" {
			v.Scheme = SchemeBearer
			s.authenticate(r.Context(), v, token)
		} else if token := s.Cookie.read(r); token != "" {
			v.Scheme = SchemeCookie
			s.authenticate(r.Context(), v, token)
			s.reissueCookie(r.Context(), w, v, token)
		}
		ctx := context.WithValue(r.Context(), responseKey{}, w)
		next.ServeHTTP(w, r.WithContext(WithViewer(ctx, v)))
	})
}

// reissueCookie sends the cookie of a session again that outlives the time for which
// browsers keep cookies. Of several requests at once, one does.
func (s *Service) reissueCookie(ctx context.Context, w http.ResponseWriter, v *Viewer, token string) {
	now := s.now()
	if v.Session == nil || !v.Session.CookieDue(now) {
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

// bearer returns the token of `Authorization: Bearer` (RFC 6750, section 2.1), and "" where
// there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// remoteAddress returns the address of the peer, an IPv4 address mapped into IPv6 as IPv4.
func remoteAddress(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
