package auth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// ServeForwardAuth answers a reverse proxy that asks, for each request, whether to let it
// through: 200 with X-Auth-User, X-Auth-Session, X-Auth-Roles and X-Auth-Permissions, 401 with
// WWW-Authenticate, or 403. The parameters `role` (any of them) and `permission` (all of
// them) narrow it. It stands behind Middleware.
func (s *Service) ServeForwardAuth(w http.ResponseWriter, r *http.Request) {
	v := ViewerFrom(r.Context())
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	asked := r.URL.Query()
	err := s.CheckGuard(v, Guard{Roles: asked["role"], Permissions: asked["permission"]})
	refusal, _ := errors.AsType[*Error](err)
	switch {
	case err == nil:
		header.Set("X-Auth-User", v.ID())
		header.Set("X-Auth-Session", v.sessionID())
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
