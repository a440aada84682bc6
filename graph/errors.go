package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/authgraph/authgraph/auth"
)

// The codes of refusals that package auth knows nothing of. Those of documents that do not
// parse or validate are gqlgen's.
const (
	badRequest       auth.Code = "BAD_REQUEST"
	validationFailed auth.Code = errcode.ValidationFailed
	tooComplex       auth.Code = "QUERY_TOO_COMPLEX"
	internalError    auth.Code = "INTERNAL_SERVER_ERROR"
)

// present says what a caller is told of an error. Only an *auth.Error, and what the parser and
// the validator say of the caller's own document, speak for themselves. Everything else is
// logged, and the caller gets the id to find it by.
func (h *handler) present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: fieldPath(ctx), Extensions: map[string]any{}}
	requestID := auth.ViewerFrom(ctx).Client.RequestID
	if requestID != "" {
		shown.Extensions["requestId"] = requestID
	}
	located, _ := errors.AsType[*gqlerror.Error](err)
	if located != nil {
		shown.Locations = located.Locations
	}
	if refusal, ok := errors.AsType[*auth.Error](err); ok {
		shown.Message = refusal.Message
		shown.Extensions["code"] = refusal.Code
		field := refusal.Field
		if field == "" && refusal.Code == auth.BadUserInput && located != nil {
			if field = lastName(located.Path); field != "" {
				shown.Message = field + " " + refusal.Message
			}
		}
		if field != "" {
			shown.Extensions["field"] = field
		}
		if refusal.RetryAfter > 0 {
			shown.Extensions["retryAfter"] = refusal.RetryAfter
		}
		return shown
	}
	if located != nil && len(located.Path) > len(shown.Path) { // of an input: gqlgen's and gqlparser's checks
		shown.Message = lastName(located.Path) + " " + located.Message
		shown.Extensions["code"] = auth.BadUserInput
		shown.Extensions["field"] = lastName(located.Path)
		return shown
	}
	if located != nil && located.Extensions["code"] != nil {
		shown.Message = located.Message
		if !h.introspection { // the schema is not to be guessed from hints either
			shown.Message, _, _ = strings.Cut(shown.Message, " Did you mean")
		}
		shown.Extensions["code"] = located.Extensions["code"]
		return shown
	}
	level := slog.LevelError
	if ctx.Err() != nil {
		level = slog.LevelInfo // the client has gone: whatever failed, nobody waits for it
	}
	h.log.LogAttrs(ctx, level, "a request failed", slog.String("requestId", requestID),
		slog.String("path", shown.Path.String()), slog.Any("error", err))
	shown.Message = "The server failed. Try again, and quote the request id if it happens again."
	shown.Extensions["code"] = internalError
	return shown
}

// recovered turns a panic in a resolver into an error for present.
func (h *handler) recovered(_ context.Context, reason any) error {
	return fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
}

// fieldPath returns the path of the answer's field that is being made: not that of an input
// below it.
func fieldPath(ctx context.Context) ast.Path {
	if field := graphql.GetFieldContext(ctx); field != nil {
		return field.Path()
	}
	return nil
}

// lastName returns the last name in the path of an input.
func lastName(path ast.Path) string {
	for i := len(path) - 1; i >= 0; i-- {
		if name, ok := path[i].(ast.PathName); ok {
			return string(name)
		}
	}
	return ""
}
