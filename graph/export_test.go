package graph

import (
	"net/http"

	"github.com/authgraph/authgraph/auth"
)

// NewHandlerByGqlgen returns an endpoint of which gqlgen executes every field.
func NewHandlerByGqlgen(service *auth.Service, options Options) http.Handler {
	return service.Middleware(newHandler(service, &Resolver{auth: service}, options))
}
