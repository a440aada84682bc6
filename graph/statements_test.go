package graph_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store/storetest"
)

// countStatements puts itself between the server and PostgreSQL and returns the address to use
// instead, and how many statements have been run so far.
func countStatements(t *testing.T, address string) (through string, count func() int) {
	t.Helper()
	database, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	behind := database.Host
	if database.Port() == "" {
		behind = net.JoinHostPort(database.Hostname(), "5432")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	statements := new(atomic.Int64)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", behind)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
			go func() { copyCounting(server, client, statements); _ = server.Close() }()
		}
	}()
	database.Host = listener.Addr().String()
	query := database.Query()
	query.Set("sslmode", "disable") // what is encrypted cannot be counted
	database.RawQuery = query.Encode()
	return database.String(), func() int { return int(statements.Load()) }
}

// copyCounting copies what a client of PostgreSQL sends and counts what runs statements: the
// messages Query and Execute of the protocol (PostgreSQL's documentation, 54.7). The first message
// has no type.
func copyCounting(server io.Writer, client io.Reader, statements *atomic.Int64) {
	in := bufio.NewReader(client)
	for size := 4; ; size = 5 {
		header := make([]byte, size)
		if _, err := io.ReadFull(in, header); err != nil {
			return
		}
		if size == 5 && (header[0] == 'Q' || header[0] == 'E') {
			statements.Add(1)
		}
		if _, err := server.Write(header); err != nil {
			return
		}
		rest := int64(binary.BigEndian.Uint32(header[size-4:])) - 4
		if _, err := io.CopyN(server, in, rest); err != nil {
			return
		}
	}
}

// TestAPageTakesTheSameStatementsHoweverManyUsersItShows counts them on PostgreSQL, where they go
// over a network; the same code makes them for SQLite.
func TestAPageTakesTheSameStatementsHoweverManyUsersItShows(t *testing.T) {
	t.Parallel()
	if !storetest.OnPostgres() {
		t.Skip("about PostgreSQL alone")
	}
	address := storetest.Address(t)
	through, count := countStatements(t, address)
	s := newServerAt(t, through)
	admin := s.admin()
	storetest.People(t, s.store, 60)
	nodes := `nodes { id roles { id name } sessions { id createdAt } apiTokens { id } permissions }`
	page := func(first int, shown string) (fewest int) {
		t.Helper()
		query := fmt.Sprintf(`{ users(first: %d) { %s pageInfo { hasNextPage } } }`, first, shown)
		for i := range 5 { // now and then something else is due, and a new connection asks for more
			before := count()
			r := admin.run(query).ok()
			if first == 50 && shown == nodes && r.get("users.nodes.40.sessions.0.id") != people.SessionID(40) {
				t.Fatalf("the page shows no sessions: %s", r.body)
			}
			if n := count() - before; i == 0 || n < fewest {
				fewest = n
			}
		}
		return fewest
	}
	for _, shown := range []string{nodes, `edges { node { roles { id } sessions { id } } }`} {
		if one, many := page(1, shown), page(50, shown); one < 4 || one != many {
			t.Errorf("a page of one user takes %d statements, and one of fifty %d: %s", one, many, shown)
		}
	}
}
