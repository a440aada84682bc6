package authgraph

import (
	"errors"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Error is a refusal by the server, as its `extensions` tell it. Any other error is an outage: no
// answer, or one that is not the server's.
//
//	if refusal, ok := errors.AsType[*authgraph.Error](err); ok && refusal.Code == authgraph.ErrorCodeRateLimited {
//		time.Sleep(refusal.RetryAfter)
//	}
//
// Where an answer holds several, errors.AsType finds the first.
type Error struct {
	Code       ErrorCode
	Message    string        // for people
	Path       string        // the field of the operation that was refused, "" for the whole of it
	Field      string        // the input at fault, "" for none
	RetryAfter time.Duration // when to try again, 0 where that is not known
	RequestID  string        // what to quote to the operator
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is reports whether err is a refusal with a code.
func Is(err error, code ErrorCode) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && refusal.Code == code
}

// translate turns what genqlient returns into refusals, where it is that.
func translate(err error) error {
	list, ok := errors.AsType[gqlerror.List](err)
	if answer, is := errors.AsType[*graphql.HTTPError](err); is { // not 200: nothing was executed
		list, ok = answer.Response.Errors, true
	}
	if !ok {
		return err
	}
	var refusals []error
	for _, one := range list {
		refusal := newError(one)
		if refusal.Code == "" { // of a proxy, say
			return err
		}
		refusals = append(refusals, refusal)
	}
	if len(refusals) == 1 {
		return refusals[0]
	}
	return errors.Join(refusals...)
}

func newError(from *gqlerror.Error) *Error {
	text := func(name string) string { value, _ := from.Extensions[name].(string); return value }
	seconds, _ := from.Extensions["retryAfter"].(float64)
	return &Error{
		Code: ErrorCode(text("code")), Message: from.Message, Path: from.Path.String(), Field: text("field"),
		RetryAfter: time.Duration(seconds) * time.Second, RequestID: text("requestId"),
	}
}
