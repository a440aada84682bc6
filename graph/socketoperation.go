package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/authgraph/authgraph/auth"
)

// wsOperation is one operation on a socket.
type wsOperation struct {
	socket *socket
	id     string // the client's
	start  time.Time
	ctx    context.Context
	cancel context.CancelFunc
	answer answer
	silent bool // whether the end of the socket says why the operation ends
}

// execute answers an operation; a subscription goes on in a goroutine of its own. It returns how
// the socket ends because of it, if it does.
func (o *wsOperation) execute(payload map[string]json.RawMessage) *ending {
	params, refusal := paramsOf(payload)
	if refusal != nil {
		return &ending{closeBadRequest, refusal.message}
	}
	if err := o.socket.watch.Renew(o.ctx); err != nil {
		return o.socket.ending(err)
	}
	if next, stream := o.begin(params); stream != nil {
		go o.follow(next, stream)
		return nil
	}
	o.finish()
	return nil
}

// begin answers an operation or, where it is a subscription that was not refused, returns its
// events.
func (o *wsOperation) begin(params *graphql.RawParams) (next func() *graphql.Response, stream *auth.Stream) {
	h := o.socket.handler
	defer h.rescue(o.ctx, &o.answer)
	operation, refused := h.prepare(o.ctx, params, o.socket.refuseKind)
	if refused != nil {
		o.answer = *refused
		return nil, nil
	}
	if operation.Operation.Operation == ast.Query {
		o.answer = h.execute(o.ctx, operation)
		return nil, nil
	}
	o.answer = answer{status: http.StatusOK, operation: operation, response: new(graphql.Response)}
	if next, stream = h.subscribe(o.ctx, operation); stream == nil {
		o.answer.status, o.answer.response = http.StatusBadRequest, next()
	}
	return next, stream
}

// follow sends what happens until there is nothing more to come.
func (o *wsOperation) follow(next func() *graphql.Response, stream *auth.Stream) {
	defer o.finish()
	defer o.socket.handler.rescue(o.ctx, &o.answer)
	for response := next(); response != nil; response = next() {
		o.socket.send(o.id, "next", encode(response))
	}
	refusal, refused := errors.AsType[*auth.Error](stream.Err())
	if o.ctx.Err() == nil && refused { // otherwise the client does not want it any more, or is gone
		o.answer.status, o.silent = statusOf(refusal), refusal.Code != auth.Forbidden
		o.answer.response = o.socket.handler.executor.DispatchError(o.ctx, gqlerror.List{gqlerror.Wrap(refusal)})
	}
}

// finish sends the answer of an operation and lets it go.
func (o *wsOperation) finish() {
	defer o.socket.done(o)
	response := o.answer.response
	switch {
	case o.silent:
	case o.answer.status != http.StatusOK:
		o.socket.send(o.id, "error", encodeErrors(response))
	case o.answer.operation.Operation.Operation == ast.Query:
		o.socket.send(o.id, "next", encode(response))
		o.socket.send(o.id, "complete", nil)
	}
	o.socket.handler.logOperation(o.ctx, o.answer, time.Since(o.start))
}

// encodeErrors returns the errors of a response as JSON.
func encodeErrors(response *graphql.Response) []byte {
	text, err := json.Marshal(shownErrors(response))
	if err != nil {
		panic(err) // this package made them
	}
	return text
}
