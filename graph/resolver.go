// Package graph is how authgraph is asked: the GraphQL schema bound to the rules of
// package auth.
//
// NewHandler serves it over HTTP. Resolvers translate, call, translate: rules about who may
// see or do what stand in the schema's @auth and in package auth, never here. generated.go
// and models_gen.go are made by `go generate ./...` from schema.graphqls.
package graph

import "github.com/authgraph/authgraph/auth"

// Resolver holds what resolvers call.
type Resolver struct {
	auth *auth.Service
}
