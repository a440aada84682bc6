package graph

import (
	"net/http"

	"github.com/authgraph/authgraph/auth"
)

// NewHandlerByGqlgen returns an endpoint of which gqlgen executes everything.
func NewHandlerByGqlgen(service *auth.Service, options Options) http.Handler {
	return service.Middleware(handlerOf(newExecutable(&Resolver{auth: service}, options), service, options))
}
