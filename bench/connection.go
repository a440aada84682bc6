package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answerTime bounds the wait for an answer.
const answerTime = time.Minute

// request is one request of HTTP/1.1, as it goes over the wire.
type request []byte

// newRequest writes a request, with what looks like a program's headers.
func newRequest(method, path, body string, headers ...string) request {
	b := new(bytes.Buffer)
	fmt.Fprintf(b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: authgraph-bench\r\nAccept: application/json\r\n", method, path)
	for _, header := range headers {
		b.WriteString(header + "\r\n")
	}
	if method == http.MethodPost {
		b.WriteString("Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// connection is a connection that is kept and used for one request after the other. It does much
// less than net/http's client, so that the machine is left to the server.
type connection struct {
	net.Conn
	reader *bufio.Reader
	body   bytes.Buffer // of the answer that came last
}

func dial(ctx context.Context, address string) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// ask sends a request and reads the whole answer, whose status it returns.
func (c *connection) ask(r request) (status int, err error) {
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, err
	}
	if _, err := c.Write(r); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, err
	}
	c.body.Reset()
	if _, err := io.Copy(&c.body, response.Body); err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}

// errRefused says that the server answered, with a refusal.
var errRefused = errors.New("refused")

// mustSucceed returns an error where an answer of GraphQL holds errors.
func mustSucceed(status int, body []byte) error {
	if status != http.StatusOK || bytes.Contains(body, []byte(`"errors":`)) {
		return fmt.Errorf("%w: %d %s", errRefused, status, body[:min(len(body), 500)])
	}
	return nil
}
