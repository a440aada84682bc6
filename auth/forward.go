package auth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ServeForwardAuth answers a reverse proxy that asks, for each request, whether to let it
// through. An API token needs a permission for that. The answer is 200 with X-Auth-User, X-Auth-Session, X-Auth-Roles and X-Auth-Permissions, 401 with
// WWW-Authenticate, or 403. The parameters `role` (any of them) and `permission` (all of
// them) narrow it. It stands behind Middleware.
func (s *Service) ServeForwardAuth(w http.ResponseWriter, r *http.Request) {
	v := ViewerFrom(r.Context())
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	asked, err := url.ParseQuery(r.URL.RawQuery)
	for name := range asked {
		if name != "role" && name != "permission" {
			err = errors.New("an unknown parameter")
		}
	}
	if err != nil { // fail closed: the proxy's configuration has a mistake
		http.Error(w, "the parameters are role and permission", http.StatusBadRequest)
		return
	}
	// Like a mutation, since nobody knows what stands behind the proxy.
	err = s.CheckGuard(v, Guard{Roles: asked["role"], Permissions: asked["permission"], Mutation: true})
	refusal, _ := errors.AsType[*Error](err)
	if refusal != nil {
		s.Log.InfoContext(r.Context(), "forward authentication refused", "code", refusal.Code, "viewer", v.ID(), "session", v.SessionID(),
			"address", v.Client.Address.String(), "requestId", v.Client.RequestID)
	}
	switch {
	case err == nil:
		header.Set("X-Auth-User", v.ID())
		header.Set("X-Auth-Session", v.SessionID())
		header.Set("X-Auth-Roles", strings.Join(slices.Sorted(slices.Values(v.Roles)), " "))
		header.Set("X-Auth-Permissions", strings.Join(slices.Sorted(slices.Values(v.Permissions)), " "))
		w.WriteHeader(http.StatusOK)
	case refusal == nil:
		s.Log.ErrorContext(r.Context(), "failed to tell who asks", "error", err, "requestId", v.Client.RequestID)
		http.Error(w, "the server failed; request "+v.Client.RequestID, http.StatusInternalServerError)
	case refusal.Code == Unauthenticated:
		s.Challenge(header, v)
		http.Error(w, refusal.Message, http.StatusUnauthorized)
	case refusal.Code == Overloaded:
		http.Error(w, refusal.Message, http.StatusServiceUnavailable)
	default:
		http.Error(w, refusal.Message, http.StatusForbidden)
	}
}
