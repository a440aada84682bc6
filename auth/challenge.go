package auth

import (
	"net/http"
	"slices"
)

// takes reports whether credentials may be presented in this way.
func (s *Service) takes(scheme Scheme) bool { return slices.Contains(s.Schemes, scheme) }

// Challenge adds the WWW-Authenticate headers of an UNAUTHENTICATED answer to the viewer: how a
// credential can be presented (RFC 6750, section 3, and RFC 7617) and, where one was and did
// not count, that it did not.
func (s *Service) Challenge(header http.Header, v *Viewer) {
	if s.takes(SchemeBearer) {
		challenge := `Bearer realm="authgraph"`
		if v.Scheme != "" && v.Scheme != SchemeBasic {
			challenge += `, error="invalid_token"`
		}
		header.Add("WWW-Authenticate", challenge)
	}
	if s.takes(SchemeBasic) {
		header.Add("WWW-Authenticate", `Basic realm="authgraph", charset="UTF-8"`)
	}
}
