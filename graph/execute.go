package graph

import (
	"bytes"
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// smallAnswer is how many bytes an answer has that is written without making room for more.
const smallAnswer = 256

// lean executes queries and mutations without what generated.go prepares for each of them: a
// function for each input type of the schema, by which a resolver could read one from a map, and a
// channel for @defer. That is a sixth of what a request for `me` allocates.
type lean struct{ *executableSchema }

// execution is that of a query or a mutation.
type execution struct {
	ec     *executionContext
	failed atomic.Bool // something could not be written directly, and is not tried again further down
}

// executionKey is the key of an *execution.
type executionKey struct{}

// Exec executes the operation of the context.
func (s lean) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	ec := newExecutionContext(operation, s.executableSchema, nil)
	var root func(context.Context, ast.SelectionSet) graphql.Marshaler
	switch operation.Operation.Operation {
	case ast.Query:
		root = ec._Query
	case ast.Mutation:
		root = ec._Mutation
	default:
		return s.executableSchema.Exec(ctx)
	}
	return func(ctx context.Context) *graphql.Response {
		if root == nil {
			return nil
		}
		ctx = context.WithValue(ctx, executionKey{}, &execution{ec: ec})
		var text bytes.Buffer
		text.Grow(smallAnswer)
		root(ctx, operation.Operation.SelectionSet).MarshalGQL(&text)
		root = nil // there is one response
		return &graphql.Response{Data: text.Bytes()}
	}
}
