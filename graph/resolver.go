// Package graph is how authgraph is asked: the GraphQL schema bound to the rules of
// package auth.
//
// NewHandler serves it over HTTP. Resolvers translate, call, translate: rules about who may
// see or do what stand in the schema's @auth and in package auth, never here. generated.go,
// direct_gen.go and models_gen.go are made by `go generate ./...` from schema.graphqls and
// federation.graphqls.
package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/authgraph/authgraph/auth"
)

// Resolver holds what resolvers call.
type Resolver struct {
	auth *auth.Service
}

// inSession returns what translates the outcome of a renewal or a step-up: the rest of the
// request goes on in the renewed session.
func (r *Resolver) inSession(ctx context.Context) func(*auth.SignedIn, error) (*SessionPayload, error) {
	return func(signedIn *auth.SignedIn, err error) (*SessionPayload, error) {
		if err != nil {
			return nil, err
		}
		r.auth.SignIn(ctx, signedIn)
		payload := &SessionPayload{Session: signedIn.Viewer.Session}
		if signedIn.Viewer.Scheme != auth.SchemeCookie { // a script in a page must not get hold of it
			payload.Token = &signedIn.Token
		}
		return payload, nil
	}
}

// payload returns a mutation's payload, or nothing but the error.
func payload[T any](payload *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// batch turns values with a refusal in the place of some into the answer of a batch resolver.
func batch[T any](values []T, refusals []error, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return values, graphql.BatchErrorList(refusals)
}
