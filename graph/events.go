package graph

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/authgraph/authgraph/auth"
)

// This file is server-sent events, as npm's graphql-sse takes them in its "distinct connections"
// mode (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): a POST like any other,
// whose answer is events `next`, each with a response, and `complete`. The rules:
//
//   - What cannot be executed is refused as for any other POST, with 4xx and JSON.
//   - A stream that is over says so with `complete`; where its credential has ended, after a response
//     with UNAUTHENTICATED. One that is cut off without it, because the server stops or the client
//     does not read, may be opened again.

// serveEvents answers a request with events.
func (h *handler) serveEvents(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	answer, written := h.events(w, r)
	if !written {
		h.write(w, r, answer)
	}
	h.logOperation(r.Context(), answer, time.Since(start))
}

// events answers with events, or returns the answer that refuses the request.
func (h *handler) events(w http.ResponseWriter, r *http.Request) (a answer, written bool) {
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(r.Context()))
	defer cancel()
	out := newEventWriter(w, cancel)
	defer out.close()
	defer func() { written = out.begun }()
	defer h.rescue(ctx, &a)
	params, refusal := h.readRequest(w, r)
	if refusal != nil {
		return h.refused(ctx, refusal), false
	}
	operation, refused := h.prepare(ctx, params, refuseKind(w, r))
	if refused != nil {
		return *refused, false
	}
	if operation.Operation.Operation != ast.Subscription {
		a = h.execute(ctx, operation)
		h.challenge(w, r, a)
		out.begin()
		out.next(a.response)
		out.complete()
		return a, true
	}
	return h.stream(ctx, r, out, operation), true
}

// stream answers a subscription.
func (h *handler) stream(ctx context.Context, r *http.Request, out *eventWriter, operation *graphql.OperationContext) answer {
	a := answer{status: http.StatusOK, operation: operation, response: new(graphql.Response)}
	v := auth.ViewerFrom(ctx)
	if v.SignedIn() {
		disconnect, err := h.auth.Connect(v)
		if err != nil {
			return h.notConnected(ctx, err)
		}
		defer disconnect()
		watched, _, err := h.auth.Watch(ctx, v, func(error) { out.hurry() }) // which closes the stream
		if err != nil {
			return h.notConnected(ctx, err)
		}
		ctx = watched
		here := &lastingConnection{end: out.cancel}
		if !h.lasting.add(here) {
			return h.refused(ctx, errStopping)
		}
		defer h.lasting.remove(here)
	}
	next, stream := h.subscribe(ctx, operation)
	if stream == nil {
		a.response = next()
		h.challenge(out.w, r, a)
		out.begin()
		out.next(a.response)
		out.complete()
		return a
	}
	out.begin()
	out.keepAlive()
	for response := next(); response != nil; response = next() {
		if !out.next(response) {
			return a
		}
	}
	if refusal, ok := errors.AsType[*auth.Error](stream.Err()); ctx.Err() == nil && ok && refusal.Code != auth.Overloaded {
		a.response = h.executor.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(refusal)})
		out.next(a.response)
		out.complete()
	}
	return a
}

// notConnected is the answer to a stream that may not be opened.
func (h *handler) notConnected(ctx context.Context, err error) answer {
	a := answer{status: http.StatusInternalServerError, response: h.executor.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(err)})}
	if refusal, ok := errors.AsType[*auth.Error](err); ok {
		a.status = statusOf(refusal)
	}
	return a
}

// comment is what means nothing to a client of events.
const comment = ":\n\n"

// eventWriter writes events, each of which has so much time to be taken.
type eventWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController
	cancel     context.CancelFunc // ends what is written
	begun      bool

	last atomic.Int64 // until when all is to be taken, in Unix nanoseconds; 0 for any time

	hurrying sync.Mutex // not mu, which a write that waits holds
	over     bool       // whether the connection may be another answer's already

	mu     sync.Mutex
	closed bool
	timer  *time.Timer // of the next sign of life
}

func newEventWriter(w http.ResponseWriter, cancel context.CancelFunc) *eventWriter {
	return &eventWriter{w: w, controller: http.NewResponseController(w), cancel: cancel}
}

// begin makes the answer one of events.
func (o *eventWriter) begin() {
	o.begun = true
	_ = o.controller.SetReadDeadline(time.Time{}) // of the request, which was read; it would end the answer
	header := o.w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would wait for more
	header.Set("X-Content-Type-Options", "nosniff")
}

// keepAlive sends a comment now, since some clients and proxies wait for the first byte of a body, and
// from time to time.
func (o *eventWriter) keepAlive() {
	o.write(comment)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.timer = time.AfterFunc(keepAliveEvery, func() {
		if o.write(comment) {
			o.mu.Lock()
			defer o.mu.Unlock()
			if !o.closed {
				o.timer.Reset(keepAliveEvery)
			}
		}
	})
}

// next sends a response. JSON holds no line break that would end the event.
func (o *eventWriter) next(response *graphql.Response) bool {
	return o.write("event: next\ndata: " + string(encode(response)) + "\n\n")
}

func (o *eventWriter) complete() { o.write("event: complete\ndata:\n\n") }

// write reports whether the client has taken a text; what is written afterwards is lost.
func (o *eventWriter) write(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	until := time.Now().Add(writeTime)
	if last := o.last.Load(); last != 0 && last < until.UnixNano() {
		until = time.Unix(0, last)
	}
	_ = o.controller.SetWriteDeadline(until)
	if _, err := o.w.Write([]byte(text)); err != nil || o.controller.Flush() != nil {
		o.closed = true
		o.cancel()
		return false
	}
	return true
}

// hurry gives the client a moment to take what is left: the stream is over.
func (o *eventWriter) hurry() {
	o.hurrying.Lock()
	defer o.hurrying.Unlock()
	if o.over {
		return
	}
	last := time.Now().Add(closeTime)
	o.last.Store(last.UnixNano())
	_ = o.controller.SetWriteDeadline(last) // also of a write that waits
}

// close keeps a late sign of life from being written into another answer, and a late deadline from
// being set on it.
func (o *eventWriter) close() {
	o.hurrying.Lock()
	o.over = true
	o.hurrying.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.timer != nil {
		o.timer.Stop()
	}
}
