package graph_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long tests wait for what should happen: machines are slow at times.
const patience = 20 * time.Second

// socket is a client's end of a WebSocket.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

// message is what the server sends over a socket.
type message struct {
	Type    string
	ID      string
	Payload json.RawMessage
}

// dial opens a WebSocket with the client's cookies and headers, or returns the answer that refuses it.
func (c *client) dial(headers ...string) (*socket, *http.Response) {
	c.t.Helper()
	header := http.Header{}
	for name, value := range c.headers {
		header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, Jar: c.http.Jar, HandshakeTimeout: patience}
	if protocol := header.Get("Sec-WebSocket-Protocol"); protocol != "" {
		header.Del("Sec-WebSocket-Protocol")
		dialer.Subprotocols = []string{protocol}
	}
	conn, response, err := dialer.DialContext(c.t.Context(), "ws"+strings.TrimPrefix(c.url, "http"), header)
	if err != nil {
		if response == nil {
			c.t.Fatal(err)
		}
		return nil, response
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	return &socket{c.t, conn}, response
}

// origin is what a browser sends with a page of the server's own.
func (c *client) origin() string { return strings.TrimSuffix(c.url, "/graphql") }

// connect opens a WebSocket as a page of the server's own does, and says hello.
func (c *client) connect() *socket {
	c.t.Helper()
	s, response := c.dial("Origin", c.origin())
	if s == nil {
		c.t.Fatalf("the handshake is refused: %s", response.Status)
	}
	return s.hello(nil)
}

// hello sends connection_init, with parameters, and waits for the answer.
func (s *socket) hello(parameters any) *socket {
	s.t.Helper()
	s.send("connection_init", "", parameters)
	s.want("connection_ack", "")
	return s
}

func (s *socket) send(kind, id string, payload any) {
	s.t.Helper()
	message := map[string]any{"type": kind}
	if id != "" {
		message["id"] = id
	}
	if payload != nil {
		message["payload"] = payload
	}
	text, err := json.Marshal(message)
	if err != nil {
		s.t.Fatal(err)
	}
	s.raw(websocket.TextMessage, string(text))
}

func (s *socket) raw(kind int, text string) {
	s.t.Helper()
	if err := s.conn.WriteMessage(kind, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// next returns the next message, or the code by which the server closes the socket.
func (s *socket) next() (m message, code int) {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	_, text, err := s.conn.ReadMessage()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return m, closed.Code
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		s.t.Fatal(err)
	}
	return m, 0
}

// want fails the test unless this is the next message, and returns its payload.
func (s *socket) want(kind, id string) string {
	s.t.Helper()
	m, code := s.next()
	if m.Type != kind || m.ID != id {
		s.t.Fatalf("want %s of %q, got %s of %q %s, or the end %d", kind, id, m.Type, m.ID, m.Payload, code)
	}
	return string(m.Payload)
}

// wantClosed fails the test unless the server closes the socket by this code, without saying
// anything else before.
func (s *socket) wantClosed(want int) {
	s.t.Helper()
	if m, code := s.next(); code != want {
		s.t.Fatalf("want the socket closed by %d, not by %d, or %s %s", want, code, m.Type, m.Payload)
	}
}

// quiet fails the test if the server has sent something that the client has not read.
func (s *socket) quiet() {
	s.t.Helper()
	s.send("ping", "", nil)
	s.want("pong", "")
}

const authEvents = `subscription($all: Boolean! = false) { authEvents(all: $all) { kind userId sessionId current at user { id username firstName } } }`

// subscribe listens, and returns when it has begun.
func (s *socket) subscribe(id, query string, variables ...any) {
	s.t.Helper()
	values := map[string]any{}
	for i := 0; i < len(variables); i += 2 {
		values[variables[i].(string)] = variables[i+1]
	}
	s.send("subscribe", id, map[string]any{"query": query, "variables": values})
	s.quiet() // it was read before the ping
}

// event is one of authEvents.
type event struct {
	Kind, UserID, SessionID, At string
	Current                     bool
	User                        *struct{ ID, Username, FirstName string }
}

// event returns the next event of a subscription.
func (s *socket) event(id string) event {
	s.t.Helper()
	return decodeEvent(s.t, s.want("next", id))
}

func decodeEvent(t *testing.T, text string) event {
	t.Helper()
	var payload struct {
		Data   struct{ AuthEvents *event }
		Errors []replyError
	}
	if err := json.Unmarshal([]byte(text), &payload); err != nil || payload.Errors != nil || payload.Data.AuthEvents == nil {
		t.Fatalf("this is no event: %s %v", text, err)
	}
	return *payload.Data.AuthEvents
}

// String returns what happened, without what is another each time.
func (e event) String() string {
	text := e.Kind
	if e.SessionID != "" {
		text += " of a session"
	}
	if e.Current {
		text += ", the current one"
	}
	return text
}

// wantEvent fails the test unless this is what happens next.
func (s *socket) wantEvent(id, want string) event {
	s.t.Helper()
	got := s.event(id)
	if got.String() != want {
		s.t.Fatalf("got %q, want %q", got, want)
	}
	return got
}

// stream is the answer to a request for server-sent events.
type stream struct {
	t        *testing.T
	response *http.Response
	body     *bufio.Reader
}

// listen sends an operation that wants server-sent events.
func (c *client) listen(query string, headers ...string) *stream {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url, strings.NewReader(string(body)))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = response.Body.Close() })
	return &stream{c.t, response, bufio.NewReader(response.Body)}
}

// next returns the kind and the data of the next event, and "end" when there is none.
func (s *stream) next() (kind, data string) {
	s.t.Helper()
	for {
		line, err := s.body.ReadString('\n')
		switch {
		case errors.Is(err, io.EOF) && line == "":
			return "end", ""
		case err != nil:
			s.t.Fatal(err)
		case strings.HasPrefix(line, "event: "):
			kind = strings.TrimSpace(strings.TrimPrefix(line, "event: "))
		case strings.HasPrefix(line, "data:"):
			data = strings.TrimSpace(strings.TrimPrefix(line, "data:"))
		case line == "\n" && kind != "":
			return kind, data
		}
	}
}

func (s *stream) want(kind string) string {
	s.t.Helper()
	got, data := s.next()
	if got != kind {
		s.t.Fatalf("want the event %q, got %q %s", kind, got, data)
	}
	return data
}

func (s *stream) wantEvent(want string) event {
	s.t.Helper()
	got := decodeEvent(s.t, s.want("next"))
	if got.String() != want {
		s.t.Fatalf("got %q, want %q", got, want)
	}
	return got
}

// errorCode returns the code of the first error in a response or a list of errors.
func errorCode(text string) string {
	var response struct{ Errors []replyError }
	var list []replyError
	_ = json.Unmarshal([]byte(text), &response)
	_ = json.Unmarshal([]byte(text), &list)
	for _, err := range append(response.Errors, list...) {
		return err.Extensions.Code
	}
	return fmt.Sprintf("no error in %s", text)
}
