package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

const (
	// idleSockets is how many sockets are open at once.
	idleSockets = 5000
	// dialing is how many of them are being opened at once.
	dialing = 32
	// socketTime bounds the wait for an answer on a socket.
	socketTime = 30 * time.Second
)

// sockets: how much does a server hold for each browser that waits for events?
var sockets = question{
	name: "sockets", title: "idle subscriptions over WebSocket",
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		schema, err := r.authgraph(ctx, database, "schema")
		if err != nil {
			return t, err
		}
		if !strings.Contains(schema, "type Subscription") {
			return t, skippedError("the program has no subscriptions")
		}
		t.rows = []row{{name: "memory", title: fmt.Sprintf("memory for each of %d sockets with a subscription", idleSockets), unit: "KB", of: "socket", goal: atMost(60)}}
		headers := cookies(firstSessions(r.Tokens))
		t.sides = []side{{name: "sockets", take: func(ctx context.Context) (_ readings, err error) {
			server, err := startChild(ctx, r.log(), r.environ(database), r.server)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, server.stop()) }()
			// Each session is used once before, so that what the first use leaves is not the sockets'.
			if err := r.everyOne(ctx, server, meRequests(headers)); err != nil {
				return nil, err
			}
			before, err := settled(ctx, server.pid())
			if err != nil {
				return nil, err
			}
			all := new(subscribers)
			defer all.close()
			if err := all.subscribe(ctx, server.address, headers); err != nil {
				return nil, err
			}
			after, err := settled(ctx, server.pid())
			if lost := all.close(); lost > 0 {
				err = errors.Join(err, fmt.Errorf("%d sockets were closed by the server", lost))
			}
			return readings{"socket": float64(after-before) / 1000 / idleSockets}, err
		}}}
		return t, nil
	},
}

// subscribers are sockets with a subscription each, that wait for events.
type subscribers struct {
	mu      sync.Mutex
	sockets []*websocket.Conn
	lost    int // closed by the server
	closing bool
	readers sync.WaitGroup
}

// subscribe opens all sockets.
func (s *subscribers) subscribe(ctx context.Context, address string, headers []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dialing)
	for i := range idleSockets {
		group.Go(func() error { return s.open(ctx, address, headers[i%len(headers)]) })
	}
	return group.Wait()
}

// open opens a socket, subscribes, and keeps reading, so that pings are answered.
func (s *subscribers) open(ctx context.Context, address, header string) error {
	name, value, _ := strings.Cut(header, ": ")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	// As a browser that shows a page of the server's own.
	headers := http.Header{name: {value}, "Origin": {"http://localhost:" + port}}
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, ReadBufferSize: 1024, WriteBufferSize: 1024, HandshakeTimeout: socketTime}
	socket, response, err := dialer.DialContext(ctx, "ws://"+address+"/graphql", headers)
	if err != nil {
		if response != nil {
			return fmt.Errorf("no socket: %w: %s", err, response.Status)
		}
		return err
	}
	s.mu.Lock()
	s.sockets = append(s.sockets, socket)
	s.mu.Unlock()
	if err := subscribe(socket); err != nil {
		return err
	}
	s.readers.Go(func() { s.read(socket) })
	return nil
}

// message is what goes over a socket.
type message struct {
	ID      string         `json:"id,omitempty"`
	Type    string         `json:"type"`
	Payload map[string]any `json:"payload,omitempty"`
}

// subscribe makes a socket one with a subscription.
func subscribe(socket *websocket.Conn) error {
	if err := errors.Join(socket.SetReadDeadline(time.Now().Add(socketTime)), socket.WriteJSON(message{Type: "connection_init"})); err != nil {
		return err
	}
	for {
		var answer message
		if err := socket.ReadJSON(&answer); err != nil {
			return err
		}
		if answer.Type == "connection_ack" {
			break
		}
	}
	err := socket.WriteJSON(message{ID: "1", Type: "subscribe", Payload: map[string]any{"query": `subscription { authEvents { kind at } }`}})
	return errors.Join(err, socket.SetReadDeadline(time.Time{}))
}

// read answers pings until the socket is closed. A subscription that ends counts as lost, too.
func (s *subscribers) read(socket *websocket.Conn) {
	for {
		var m message
		err := socket.ReadJSON(&m)
		if err == nil && m.Type == "ping" {
			err = socket.WriteJSON(message{Type: "pong"})
		}
		if err != nil || m.Type == "complete" || m.Type == "error" {
			s.mu.Lock()
			if !s.closing {
				s.lost++
			}
			s.mu.Unlock()
			return
		}
	}
}

// close closes all sockets and returns how many the server had closed before.
func (s *subscribers) close() (lost int) {
	s.mu.Lock()
	s.closing = true
	for _, socket := range s.sockets {
		_ = socket.Close() // it may be closed
	}
	s.mu.Unlock()
	s.readers.Wait()
	return s.lost
}
