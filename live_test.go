package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authgraph/authgraph/store/storetest"
)

var manySockets = flag.Int("sockets", 2000, "how many sockets TestIdleSocketsCostLittle opens")

// listener is a client of live events over a WebSocket.
type listener struct {
	t    *testing.T
	conn *websocket.Conn
}

const (
	helloMessage     = `{"type": "connection_init"}`
	subscribeMessage = `{"type": "subscribe", "id": "1", "payload": {"query": "subscription { authEvents { kind current } }"}}`
	pingMessage      = `{"type": "ping"}`
)

// openListener opens a WebSocket by a token and listens to what happens to its user.
func openListener(t *testing.T, origin, token string) (*listener, error) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, HandshakeTimeout: answerDeadline, ReadBufferSize: 512, WriteBufferSize: 512}
	conn, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(origin, "http")+"/graphql", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil, err
	}
	l := &listener{t, conn}
	t.Cleanup(func() { _ = conn.Close() })
	for _, text := range []string{helloMessage, subscribeMessage, pingMessage} { // each is read after the one before
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return nil, err
		}
	}
	for _, want := range []string{`"connection_ack"`, `"pong"`} {
		if text, code, err := l.next(); err != nil || !strings.Contains(text, want) {
			return nil, fmt.Errorf("want %s, got %q, the end %d, %w", want, text, code, err)
		}
	}
	return l, nil
}

// mustListen is openListener where it must not fail.
func mustListen(t *testing.T, origin, token string) *listener {
	t.Helper()
	l, err := openListener(t, origin, token)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// next returns the next message, or the code by which the server ends the socket.
func (l *listener) next() (text string, code int, err error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(answerDeadline)); err != nil {
		return "", 0, err
	}
	_, message, err := l.conn.ReadMessage()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return "", closed.Code, nil
	}
	return string(message), 0, err
}

// want fails the test unless this is in the next message.
func (l *listener) want(want string) {
	l.t.Helper()
	if text, code, err := l.next(); err != nil || !strings.Contains(text, want) {
		l.t.Fatalf("want %s, got %q, the end %d, %v", want, text, code, err)
	}
}

// wantClosed fails the test unless the server ends the socket by this code.
func (l *listener) wantClosed(want int) {
	l.t.Helper()
	if text, code, err := l.next(); err != nil || code != want {
		l.t.Fatalf("want the end %d, got %d, %q, %v", want, code, text, err)
	}
}

// resident returns how much memory the process holds, in bytes.
func (p *process) resident() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		p.t.Skip("skipped: the system does not tell how much memory a process has")
	}
	for line := range strings.Lines(string(text)) {
		if kilobytes, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(kilobytes)[0])
			if err != nil {
				p.t.Fatal(err)
			}
			return n << 10
		}
	}
	p.t.Fatal("the process has no memory")
	return 0
}

// TestIdleSocketsCostLittle measures what sockets cost that have a subscription and are silent. For
// more of them:
//
//	go test -run TestIdleSocketsCostLittle -sockets 5000 -v .
func TestIdleSocketsCostLittle(t *testing.T) {
	t.Parallel()
	p := startProcess(t, storetest.Address(t))
	p.runCommand(goodPassword+"\n", "create-admin", "admin@example.test")
	token := newLedger(t, p.URL).admin
	open := func(n int) {
		var opening sync.WaitGroup
		turns := make(chan struct{}, 16)
		for range n {
			turns <- struct{}{}
			opening.Go(func() {
				defer func() { <-turns }()
				if _, err := openListener(t, p.URL(), token); err != nil {
					t.Error(err)
				}
			})
		}
		opening.Wait()
	}
	first := *manySockets / 4 // with them comes what the process takes once
	open(first)
	before := p.resident()
	open(*manySockets - first)
	each := (p.resident() - before) / (*manySockets - first)
	t.Logf("%d sockets cost %d bytes each", *manySockets, each)
	if most := 60_000; each > most {
		t.Errorf("each idle socket costs %d bytes, more than %d", each, most)
	}
}
