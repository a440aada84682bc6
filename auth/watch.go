package auth

import (
	"context"
	"sync/atomic"

	"github.com/authgraph/authgraph/model"
)

// Watch is a connection that stays open under a credential, for as long as that counts. Its
// context's viewer is who they are now: roles that they lose are gone from it within seconds, and at
// once where this server took them.
type Watch struct {
	service *Service
	viewer  *atomic.Pointer[Viewer] // the context's
	user    string
	ended   func(reason error)
	release func()

	// All of these are the hub's.
	streams map[*Stream]struct{}
	over    bool
	warned  model.Time        // the end of the session that was told of
	changed bool              // whether roles or permissions changed and nobody was told yet
	roles   []string          // when they were last looked up
	may     model.Permissions // as well
}

// Stream is a listener's events in the order in which they happened.
type Stream struct {
	events chan *Event
	all    bool
	reason atomic.Pointer[error] // why it has ended
	parted bool                  // whether nobody reads it; the hub's
}

// Events returns what happens. It is closed when the stream has ended.
func (s *Stream) Events() <-chan *Event { return s.events }

// Err returns why the stream has ended, and nil while it has not.
func (s *Stream) Err() error {
	if reason := s.reason.Load(); reason != nil {
		return *reason
	}
	return nil
}

// How many events wait for a slow reader. One that falls further behind is dropped.
const (
	streamBuffer = 32
	// streamBufferAll is the same for who listens to every account: what one statement reads comes
	// at once.
	streamBufferAll = entriesAtOnce
)

var errSlow = &Error{Code: Overloaded, Message: "The events were not read fast enough."}

// Watch begins a watch of the viewer's credential and returns the context in which to act under
// it. When the credential has ended, or a stream is not read, ended is called, once, with the
// reason, after the streams were closed; it must return soon. A user who has too many watches is
// refused with RATE_LIMITED. The watch ends with ctx, too, and then tells nobody.
func (s *Service) Watch(ctx context.Context, v *Viewer, ended func(reason error)) (context.Context, *Watch, error) {
	if err := s.checkUser(v); err != nil {
		return nil, nil, err
	}
	release, err := s.occupy("user "+v.ID(), maxUserConnections)
	if err != nil {
		return nil, nil, err
	}
	inner := WithViewer(ctx, v)
	w := &Watch{
		service: s, viewer: inner.Value(viewerKey{}).(*atomic.Pointer[Viewer]), user: v.ID(), ended: ended, release: release,
		streams: map[*Stream]struct{}{}, roles: v.Roles, may: v.Permissions,
	}
	s.hub.enter(w)
	context.AfterFunc(ctx, func() { s.hub.leave(w) })
	return context.WithValue(inner, watchKey{}, w), w, nil
}

// watchKey is the key of the context's *Watch.
type watchKey struct{}

// WatchFrom returns the watch under which something is asked, and nil where there is none.
func WatchFrom(ctx context.Context) *Watch {
	w, _ := ctx.Value(watchKey{}).(*Watch)
	return w
}

// Renew looks the credential up again, for what is asked next: nothing is answered by the
// authority of a moment ago. Where it has ended, the refusal is UNAUTHENTICATED.
func (w *Watch) Renew(ctx context.Context) error {
	now, err := w.service.asOfNow(ctx, w.viewer.Load())
	if err == nil {
		w.viewer.Store(now)
	}
	return err
}

// Listen returns a stream of what happens from now on to the viewer's account or, for holders of
// audit:read, to all. It ends with ctx, with the watch, with FORBIDDEN where the permission is
// lost, and where it is not read fast enough.
func (w *Watch) Listen(ctx context.Context, all bool) (*Stream, error) {
	if all {
		if err := w.service.CheckGuard(w.viewer.Load(), Guard{Permissions: []string{AuditRead}}); err != nil {
			return nil, err
		}
	}
	stream := &Stream{events: make(chan *Event, streamBuffer), all: all}
	if all {
		stream.events = make(chan *Event, streamBufferAll)
	}
	if err := w.service.hub.join(ctx, w, stream); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { w.service.hub.part(w, stream) })
	return stream, nil
}

// send puts an event before a stream's reader and reports whether there was room.
func (s *Stream) send(event *Event) bool {
	select {
	case s.events <- event:
		return true
	default:
		return false
	}
}

// forget drops what waits for the reader, who may not know of it any more. Nothing is sent meanwhile.
func (s *Stream) forget() {
	for {
		select {
		case <-s.events:
		default:
			return
		}
	}
}

// seenBy returns an event as a viewer sees it. The end of sessions that it does not name is about
// the viewer's own where that has ended.
func (event Event) seenBy(v *Viewer, ended bool) *Event {
	if ended && event.SessionID == "" && v.Session != nil && v.Is(event.UserID) {
		event.SessionID = model.OptionalString(v.Session.ID)
	}
	event.Current = event.SessionID != "" && string(event.SessionID) == v.SessionID()
	return &event
}
