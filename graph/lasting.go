package graph

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/authgraph/authgraph/auth"
)

// What sockets and streams have in common: they last, so they must be ended, and nobody may be
// waited for.

const (
	// writeTime is how long a client may take to take one event.
	writeTime = 5 * time.Second
	// keepAliveEvery is how often a silent connection is written to, so that proxies keep it and
	// that it is found out when it leads nowhere. Their usual limit is a minute.
	keepAliveEvery = 25 * time.Second
)

// lasting is the connections that stay open. Its zero value holds none.
type lasting struct {
	mu     sync.Mutex
	ending bool
	open   map[*lastingConnection]struct{}
	gone   sync.WaitGroup
}

// lastingConnection is one of them. end makes it go, without waiting for it.
type lastingConnection struct{ end func() }

// add adds a connection until remove is called. It reports false where no more are taken.
func (l *lasting) add(c *lastingConnection) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return false
	}
	if l.open == nil {
		l.open = map[*lastingConnection]struct{}{}
	}
	l.open[c] = struct{}{}
	l.gone.Add(1)
	return true
}

func (l *lasting) remove(c *lastingConnection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	l.gone.Done()
}

func (l *lasting) shutdown(ctx context.Context) error {
	l.mu.Lock()
	l.ending = true
	for c := range l.open {
		go c.end()
	}
	l.mu.Unlock()
	gone := make(chan struct{})
	go func() { l.gone.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("streams did not end: %w", ctx.Err())
	}
}

var errStopping = &refusal{status: http.StatusServiceUnavailable, code: auth.Overloaded, message: "The server is stopping. Try again."}

// subscription is what the resolver of a subscription leaves for the transport.
type subscription struct{ stream *auth.Stream }

// subscriptionKey is the key of the context's *subscription.
type subscriptionKey struct{}

// subscribe executes an operation that is a subscription. It has begun when there is a stream;
// otherwise next returns the one response that refuses it.
func (h *handler) subscribe(ctx context.Context, operation *graphql.OperationContext) (next func() *graphql.Response, stream *auth.Stream) {
	left := new(subscription)
	responses, ctx := h.executor.DispatchOperation(context.WithValue(ctx, subscriptionKey{}, left), operation)
	return func() *graphql.Response { return responses(ctx) }, left.stream
}

// listen is the resolver of authEvents.
func listen(ctx context.Context, all bool) (<-chan *auth.Event, error) {
	left, watch := ctx.Value(subscriptionKey{}).(*subscription), auth.WatchFrom(ctx)
	stream, err := watch.Listen(ctx, all)
	if err != nil {
		return nil, err
	}
	left.stream = stream
	return stream.Events(), nil
}

// statusOf returns the HTTP status by which a connection is refused.
func statusOf(err *auth.Error) int {
	switch err.Code {
	case auth.RateLimited:
		return http.StatusTooManyRequests
	case auth.Overloaded:
		return http.StatusServiceUnavailable
	case auth.Unauthenticated:
		return http.StatusUnauthorized
	default:
		return http.StatusForbidden
	}
}
