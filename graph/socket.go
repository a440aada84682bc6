package graph

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
)

// This file is GraphQL over WebSocket: the sub-protocol graphql-transport-ws of npm's graphql-ws
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). The rules:
//
//   - A socket belongs to somebody: whoever its handshake or its first message presents. Strangers
//     are sent away. It ends with their credential.
//   - It answers queries and subscriptions. Mutations go by POST, where each passes the limits of a
//     request of its own and can set a cookie.
//   - Each operation is asked by the authority that its credential has at that moment, and passes the
//     limits of any other operation.
//   - One message at a time is read and executed; whoever sends more waits. A message has the size of
//     a request at most, and is JSON in the same strict sense.
//   - Its codes tell clients whether to come back: not after 44xx, but after 1001 and 1013.

const (
	subprotocol = "graphql-transport-ws"

	// initTime is how long a client may take to say who it is.
	initTime = 10 * time.Second
	// pongTime is how long it may take to answer a ping.
	pongTime = 10 * time.Second
	// closeTime is how long a socket waits for its last messages to be taken, and then for its end to
	// be confirmed.
	closeTime = time.Second
	// maxSubscriptions is how many subscriptions one socket may have.
	maxSubscriptions = 16
	// maxOperationID is how long a client's id of an operation may be.
	maxOperationID = 128
)

// The codes by which sockets are closed: the sub-protocol's, and RFC 6455's.
const (
	closeGoingAway           = websocket.CloseGoingAway     // 1001
	closeTryAgainLater       = websocket.CloseTryAgainLater // 1013
	closeBadRequest          = 4400
	closeUnauthorized        = 4401
	closeForbidden           = 4403
	closeSubprotocol         = 4406
	closeInitTimeout         = 4408
	closeSubscriberExists    = 4409
	closeTooManyInitialising = 4429
)

// ending is the code by which a socket is closed and the reason that goes with it.
type ending struct {
	code   int
	reason string
}

var (
	goingAway    = &ending{closeGoingAway, "Going away"}
	unauthorized = &ending{closeUnauthorized, "Unauthorized"}
)

// endingFor returns how a socket is closed because of an error.
func endingFor(err error) *ending {
	refusal, ok := errors.AsType[*auth.Error](err)
	switch {
	case ok && refusal.Code == auth.Unauthenticated:
		return unauthorized
	case ok && refusal.Code == auth.Forbidden:
		return &ending{closeForbidden, "Forbidden"}
	case ok:
		return &ending{closeTryAgainLater, refusal.Message}
	default:
		return &ending{closeTryAgainLater, "The server failed. Try again."}
	}
}

// Sockets are many and mostly silent: what one reads comes into a small buffer, and what it
// writes comes from one that it borrows.
var upgrader = websocket.Upgrader{
	ReadBufferSize:  1 << 10,
	WriteBufferSize: 4 << 10,
	WriteBufferPool: new(sync.Pool),
	Subprotocols:    []string{subprotocol},
	CheckOrigin:     func(*http.Request) bool { return true }, // auth.CheckHandshake has
	Error:           func(http.ResponseWriter, *http.Request, int, error) {},
}

// socket is one WebSocket.
type socket struct {
	handler *handler
	conn    *websocket.Conn
	start   time.Time
	ctx     context.Context // of all that happens on it
	cancel  context.CancelFunc
	writing sync.Mutex

	handshake  *http.Request // until the first message has said who it is
	viewer     *auth.Viewer
	watch      *auth.Watch // nil until then
	operations int         // how many there were

	mu            sync.Mutex
	subscriptions map[string]*wsOperation
	running       int     // operations that may still send
	ends          *ending // how it ends, when all have sent what they have
	closed        *ending // how it was closed
	timer         *time.Timer
}

// serveSocket opens a WebSocket, or refuses to.
func (h *handler) serveSocket(w http.ResponseWriter, r *http.Request) {
	start, v := time.Now(), auth.ViewerFrom(r.Context())
	if err := h.auth.CheckHandshake(r, v); err != nil {
		h.refuseSocket(w, r, h.notConnected(r.Context(), err), start)
		return
	}
	disconnect, err := h.auth.Connect(v)
	if err != nil {
		h.refuseSocket(w, r, h.notConnected(r.Context(), err), start)
		return
	}
	s := &socket{handler: h, start: start, handshake: r, viewer: v, subscriptions: map[string]*wsOperation{}}
	s.ctx, s.cancel = context.WithCancel(auth.WithViewer(context.Background(), v))
	here := &lastingConnection{end: func() { s.close(goingAway) }}
	conn, err := upgrader.Upgrade(w, r, w.Header())
	if err != nil {
		disconnect()
		h.refuseSocket(w, r, h.refused(r.Context(), refuse(http.StatusBadRequest, "The WebSocket handshake is not one.")), start)
		return
	}
	s.conn = conn
	if !h.lasting.add(here) {
		disconnect()
		s.close(goingAway)
		_ = conn.Close()
		return
	}
	// In a goroutine of its own, because that of the request holds on to buffers of some KB.
	go func() {
		defer h.lasting.remove(here)
		defer disconnect()
		s.serve()
	}()
}

func (h *handler) refuseSocket(w http.ResponseWriter, r *http.Request, a answer, start time.Time) {
	h.write(w, r, a)
	h.logOperation(r.Context(), a, time.Since(start))
}

// serve reads what the client sends until one of the two ends it.
func (s *socket) serve() {
	defer s.log()
	defer s.conn.Close()
	defer s.cancel()
	defer func() {
		if reason := recover(); reason != nil {
			s.handler.executor.PresentRecoveredError(s.ctx, reason)
			s.close(&ending{closeTryAgainLater, "The server failed. Try again."})
		}
	}()
	if s.conn.Subprotocol() != subprotocol {
		s.close(&ending{closeSubprotocol, "Subprotocol not acceptable"})
	}
	s.conn.SetReadLimit(maxBody)
	s.conn.SetPongHandler(func(string) error { s.alive(); return nil })
	_ = s.conn.SetReadDeadline(time.Now().Add(initTime))
	for {
		kind, text, err := s.conn.ReadMessage()
		if err != nil {
			s.readFailed(err)
			return
		}
		if s.isClosed() {
			continue // until the client has confirmed it, or its time is over
		}
		if kind != websocket.TextMessage {
			s.close(&ending{closeBadRequest, "Send text."})
			continue
		}
		message, refusal := parseMessage(text)
		if refusal != nil {
			s.close(&ending{closeBadRequest, refusal.message})
			continue
		}
		if ends := s.receive(message); ends != nil {
			s.close(ends)
			continue
		}
		s.alive()
	}
}

// readFailed closes a socket from which nothing more can be read: it may still be written to.
func (s *socket) readFailed(err error) {
	netErr, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	if ok && netErr.Timeout() && s.watch == nil {
		s.close(&ending{closeInitTimeout, "Connection initialisation timeout"})
	}
}

// alive gives the client time until it must show the next sign of life. Before it has said who it
// is, nothing gives it more.
func (s *socket) alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil && s.closed == nil {
		_ = s.conn.SetReadDeadline(time.Now().Add(keepAliveEvery + pongTime))
	}
}

// receive does what a message asks and returns how the socket ends because of it, if it does.
func (s *socket) receive(message *message) *ending {
	switch message.kind {
	case "connection_init":
		return s.initialise(message)
	case "ping":
		s.send("", "pong", nil)
		return nil
	case "pong":
		return nil
	case "subscribe":
		return s.subscribe(message)
	case "complete":
		s.complete(message.id)
		return nil
	default:
		return &ending{closeBadRequest, "There is no such type of message."}
	}
}

// initialise finds out who opens the socket, and lets them in.
func (s *socket) initialise(message *message) *ending {
	if s.handshake == nil {
		return &ending{closeTooManyInitialising, "Too many initialisation requests"}
	}
	headers, refusal := message.credentials()
	if refusal != nil {
		return &ending{closeBadRequest, refusal.message}
	}
	v := s.handler.auth.Present(s.ctx, s.handshake, headers)
	s.handshake, s.viewer = nil, v
	if err := v.Check(); err != nil {
		return s.ending(err)
	}
	if err := s.handler.auth.CheckSite(v, false); err != nil {
		return s.ending(err)
	}
	ctx, watch, err := s.handler.auth.Watch(s.ctx, v, s.end)
	if err != nil {
		return s.ending(err)
	}
	s.mu.Lock()
	s.ctx, s.watch = ctx, watch
	s.mu.Unlock()
	s.send("", "connection_ack", nil)
	s.keepAlive()
	return nil
}

// ending returns how the socket ends because of an error, which is logged if it is an outage.
func (s *socket) ending(err error) *ending {
	if _, refused := errors.AsType[*auth.Error](err); !refused {
		s.handler.present(s.ctx, err)
	}
	return endingFor(err)
}

// keepAlive pings the client from time to time.
func (s *socket) keepAlive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(keepAliveEvery, func() {
		if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTime)); err != nil {
			_ = s.conn.Close()
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed == nil && s.ctx.Err() == nil {
			s.timer.Reset(keepAliveEvery)
		}
	})
}

// subscribe executes an operation.
func (s *socket) subscribe(message *message) *ending {
	if s.watch == nil {
		return unauthorized
	}
	if message.id == "" || len(message.id) > maxOperationID {
		return &ending{closeBadRequest, "The id of an operation has 1 to 128 bytes."}
	}
	op := &wsOperation{socket: s, id: message.id, start: time.Now()}
	op.ctx, op.cancel = context.WithCancel(graphql.StartOperationTrace(s.ctx))
	if !s.begin(op) {
		op.cancel()
		return &ending{closeSubscriberExists, "Subscriber already exists"}
	}
	if ends := op.execute(message.payload); ends != nil {
		s.done(op)
		return ends
	}
	return nil
}

// refuseKind refuses operations that do not go over sockets.
func (s *socket) refuseKind(kind ast.Operation) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case kind == ast.Mutation:
		return refuse(http.StatusMethodNotAllowed, "Send mutations by POST.")
	case kind == ast.Subscription && len(s.subscriptions) > maxSubscriptions:
		return &refusal{status: http.StatusTooManyRequests, code: auth.RateLimited, message: "A socket may have 16 subscriptions."}
	default:
		return nil
	}
}

// begin takes an operation in, and reports false where its id is taken.
func (s *socket) begin(op *wsOperation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.subscriptions[op.id]; taken {
		return false
	}
	s.subscriptions[op.id] = op
	s.running++
	s.operations++
	return true
}

// complete ends an operation that the client does not want any more. Its id is free at once.
func (s *socket) complete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op, running := s.subscriptions[id]; running {
		delete(s.subscriptions, id)
		op.cancel()
	}
}

// done lets an operation go that sends nothing more. With the last one a socket ends that is over.
func (s *socket) done(op *wsOperation) {
	op.cancel()
	s.mu.Lock()
	if s.subscriptions[op.id] == op {
		delete(s.subscriptions, op.id)
	}
	s.running--
	ends := s.ends
	if s.running > 0 {
		ends = nil
	}
	s.mu.Unlock()
	if ends != nil {
		s.close(ends)
	}
}

// end ends the socket because its credential has ended, or because it is not read. What was to be
// sent before is sent first, if the client takes it.
func (s *socket) end(reason error) {
	ends := endingFor(reason)
	s.mu.Lock()
	s.ends = ends
	silent := s.running == 0
	s.mu.Unlock()
	if silent {
		go s.close(ends)
		return
	}
	time.AfterFunc(closeTime, func() { s.close(ends) })
}

// close closes the socket: the client is told why and has a moment to confirm it.
func (s *socket) close(ends *ending) {
	s.mu.Lock()
	if s.closed != nil {
		s.mu.Unlock()
		return
	}
	s.closed = ends
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	s.cancel()
	until := time.Now().Add(closeTime)
	err := s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(ends.code, ends.reason), until)
	if err == nil {
		err = s.conn.SetReadDeadline(until)
	}
	if err != nil {
		_ = s.conn.Close()
	}
}

func (s *socket) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed != nil
}

// send sends a message. A client that does not take it in time is gone.
func (s *socket) send(id, kind string, payload []byte) {
	text, err := json.Marshal(struct {
		ID      string          `json:"id,omitempty"`
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}{id, kind, payload})
	if err != nil {
		panic(err) // all of it was read or made here
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if err := s.conn.WriteMessage(websocket.TextMessage, text); err != nil {
		_ = s.conn.Close()
	}
}

// log writes the one line of a socket.
func (s *socket) log() {
	s.mu.Lock()
	defer s.mu.Unlock()
	attributes := []slog.Attr{
		slog.Float64("milliseconds", float64(time.Since(s.start).Microseconds())/1000),
		slog.Int("operations", s.operations),
		slog.String("viewer", s.viewer.ID()),
		slog.String("session", s.viewer.SessionID()),
		slog.String("address", s.viewer.Client.Address.String()),
		slog.String("requestId", s.viewer.Client.RequestID),
	}
	if s.closed != nil {
		attributes = append(attributes, slog.Int("code", s.closed.code))
	}
	s.handler.log.LogAttrs(s.ctx, slog.LevelInfo, "socket", attributes...)
}
