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
// channel for @defer. That is a sixth of what a request for `me` allocates. Nor does it prepare for
// several fields where there is one (writeOnlyField).
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
		if !ec.writeOnlyField(ctx, &text) {
			root(ctx, operation.Operation.SelectionSet).MarshalGQL(&text)
		}
		root = nil // there is one response
		return &graphql.Response{Data: text.Bytes()}
	}
}

// writeOnlyField writes the answer of a query of one field, as most are, without the sets of fields
// and of answers that gqlgen makes for several: 7 % of a request for `me`. It reports whether the
// operation is one.
func (ec *executionContext) writeOnlyField(ctx context.Context, text *bytes.Buffer) bool {
	operation := ec.OperationContext.Operation
	if operation.Operation != ast.Query || len(operation.SelectionSet) != 1 || !areDistinct(operation.SelectionSet) {
		return false
	}
	only := operation.SelectionSet[0].(*ast.Field)
	resolve := queryField(only.Name)
	if resolve == nil {
		return false
	}
	field := graphql.CollectedField{Field: only, Selections: only.SelectionSet}
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query"})
	ctx = graphql.WithRootFieldContext(ctx, &graphql.RootFieldContext{Object: field.Name, Field: field}) // as gqlgen does
	refused := false
	answer := ec.OperationContext.RootResolverMiddleware(ctx, func(ctx context.Context) graphql.Marshaler {
		answer := resolve(ec, ctx, field)
		refused = answer == graphql.RequiredNull || answer == graphql.Null && only.Definition.Type.NonNull
		return answer
	})
	if refused {
		graphql.Null.MarshalGQL(text)
		return true
	}
	text.WriteString(`{"` + field.Alias + `":`)
	answer.MarshalGQL(text)
	text.WriteByte('}')
	return true
}
