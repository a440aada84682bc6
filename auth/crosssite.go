package auth

import (
	"net/http"
	"net/url"
	"slices"
)

// crossSite reports whether a page of a foreign origin makes the request, or may make it. A POST
// without Origin and Sec-Fetch-Site is made by no page: browsers send one of them with every POST.
// With a GET older ones send neither, so one without may be a link of anyone's. Pages of PublicURL
// and of Origins are not foreign.
//
// Whoever executes something on behalf of a cookie or of HTTP Basic, which browsers send by
// themselves, or signs someone in, must refuse a cross-site request.
func (s *Service) crossSite(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return !s.ownOrigin(origin, r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		return r.Method != http.MethodPost
	default:
		return true
	}
}

// ownOrigin reports whether an origin is this server's, as the client or as the operator names
// it, or one of Origins.
func (s *Service) ownOrigin(origin, host string) bool {
	if origin == s.PublicURL || slices.Contains(s.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && u.Host == host && (u.Scheme == "https" || !s.Cookie.Secure)
}

// CheckSite refuses a cross-site request that acts by what browsers send by themselves, a cookie
// or HTTP Basic, or that would sign its browser in. Where the operator lets pages of every
// origin call, they may sign in and get no cookie.
func (s *Service) CheckSite(v *Viewer, signsIn bool) error {
	ambient := v.Scheme == SchemeCookie || v.Scheme == SchemeBasic
	if !v.CrossSite || !ambient && (!signsIn || slices.Contains(s.Origins, "*")) {
		return nil
	}
	return errForeignOrigin
}

var errForeignOrigin = &Error{Code: Forbidden, Message: "Pages of this origin may not do this. Programs send a token, or use POST."}

// CheckHandshake refuses to open a WebSocket for a page of a foreign origin, whatever it presents,
// since nothing else keeps such a page from reading what comes over it; and for whoever may be
// one and presents what browsers send by themselves.
func (s *Service) CheckHandshake(r *http.Request, v *Viewer) error {
	if r.Header.Get("Origin") != "" && v.CrossSite && !slices.Contains(s.Origins, "*") {
		return errForeignOrigin
	}
	return s.CheckSite(v, false)
}
