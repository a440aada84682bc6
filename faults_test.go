package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store/storetest"
)

// fault is something that befalls a database while a server uses it.
type fault struct {
	name     string
	readable bool   // whether the database still answers questions
	logged   string // what the log says of the cause
	begin    func() (end func())
}

// endures lets faults befall the database of a server, one after the other. While each lasts, the
// server says that it cannot answer, and never that somebody is not signed in; afterwards all is
// as before, without a restart and with nothing left behind.
func (i *instance) endures(connections func() int, faults ...fault) {
	t := i.t
	ask := func(query string, headers ...string) string {
		t.Helper()
		_, body := i.post(http.DefaultClient, query, headers...)
		return body
	}
	const (
		logIn  = `mutation { login(input: {identifier: "ada", password: "violet harbour lantern 47"}) { ... on LoginSuccess { token } } }`
		me     = `{ me { username } }`
		logOut = `mutation { logout { loggedOut } }`
		isAda  = `{"data":{"me":{"username":"ada"}}}`
	)
	refuses := func(when, body string) {
		t.Helper()
		if !strings.Contains(body, `"code":"INTERNAL_SERVER_ERROR"`) || strings.Contains(body, "UNAUTHENTICATED") {
			t.Errorf("%s the answer is %s", when, body)
		}
	}
	ask(`mutation { createUser(input: {username: "ada", password: "violet harbour lantern 47"}) { user { id } } }`)
	token := func() string {
		t.Helper()
		body := ask(logIn)
		_, rest, found := strings.Cut(body, `"token":"`)
		if !found {
			t.Fatalf("the log-in is answered %s", body)
		}
		token, _, _ := strings.Cut(rest, `"`)
		return token
	}
	session := []string{"Authorization", "Bearer " + token()}
	for _, fault := range faults {
		before, logged := len(working()), len(i.logged())
		end := fault.begin()
		begun := time.Now()
		refuses(fault.name+": to a log-in", ask(logIn))
		if body := ask(me, session...); fault.readable && body != isAda {
			t.Errorf("%s: to me the answer is %s", fault.name, body)
		} else if !fault.readable {
			refuses(fault.name+": to me", body)
		}
		refuses(fault.name+": to a log-out", ask(logOut, session...))
		want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[fault.readable]
		if response, body := i.get("/readyz"); response.StatusCode != want {
			t.Errorf("%s: /readyz is %d: %s", fault.name, response.StatusCode, body)
		}
		if response, _ := i.get("/healthz"); response.StatusCode != http.StatusOK {
			t.Errorf("%s: /healthz is %d", fault.name, response.StatusCode)
		}
		if log := i.logged()[logged:]; !strings.Contains(log, fault.logged) {
			t.Errorf("%s: the log does not tell of %q:\n%s", fault.name, fault.logged, log)
		}
		end()
		ended := time.Now()
		for ask(me, session...) != isAda {
			if time.Since(ended) > time.Minute {
				t.Fatalf("%s: a minute after its end the server does not answer", fault.name)
			}
		}
		t.Logf("%s: lasted %v, recovered %v after its end", fault.name, ended.Sub(begun).Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
		if body := ask(logOut, session...); !strings.Contains(body, `"loggedOut":true`) {
			t.Errorf("%s: afterwards a log-out is answered %s", fault.name, body)
		}
		session[1] = "Bearer " + token()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			left := working()
			if len(left) <= before {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d goroutines where %d were:\n%s", fault.name, len(left), before, strings.Join(left, "\n\n"))
			}
		}
		if got := connections(); got > storetest.Connections {
			t.Errorf("%s: the server holds %d connections", fault.name, got)
		}
	}
}

// logged returns the server's log.
func (i *instance) logged() string {
	i.t.Helper()
	log, err := os.ReadFile(i.log.Name())
	if err != nil {
		i.t.Fatal(err)
	}
	return string(log)
}

// working returns the stacks of the goroutines of this process but for those that nobody waits for:
// of connections between requests, of pools, and of the road. pgx has one read on behind a connection to
// which a write took long, until something comes.
func working() []string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return slices.DeleteFunc(strings.Split(string(stacks), "\n\n"), func(stack string) bool {
		for _, waiting := range []string{"net/http.(*persistConn)", "database/sql.(*DB).connectionOpener", "bgreader.(*BGReader).bgRead", "authgraph.(*road)"} {
			if strings.Contains(stack, waiting) {
				return true
			}
		}
		return strings.Contains(stack, "net/http.(*conn).serve") && !strings.Contains(stack, "ServeHTTP")
	})
}

// These tests run alone, since they count the goroutines of the process.

func TestSQLiteFaultsPass(t *testing.T) {
	storetest.SQLite(t)
	dir := mount(t)
	address := "sqlite:" + filepath.Join(dir, "data.db")
	i := start(t, append(database(address), "AUTHGRAPH_RATE_LIMITS=off")...)
	i.endures(func() int { return 0 },
		fault{"locked by another process", true, "database is locked", func() func() { return storetest.Lock(t, address, "") }},
		fault{"a full disk", true, "disk is full", func() func() {
			path := filepath.Join(dir, "filler")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := io.Copy(file, endless{}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the disk is not full: %v", err)
			}
			return func() {
				if err := os.Remove(path); err != nil {
					t.Error(err)
				}
			}
		}})
	if got := storetest.Text(t, address, "PRAGMA integrity_check"); got != "ok" {
		t.Errorf("the integrity check says %s", got)
	}
}

// mount returns a folder on a small disk of its own, or skips the test where mounting is not
// permitted.
func mount(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no disk to fill: mounting is not permitted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// endless is as many zeros as are asked for.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestPostgreSQLFaultsPass(t *testing.T) {
	if !storetest.OnPostgres() {
		t.Skip("about PostgreSQL alone")
	}
	address, name := postgresOfItsOwn(t)
	road := newRoad(t, address)
	i := start(t, append(database(road.address), "AUTHGRAPH_RATE_LIMITS=off", "AUTHGRAPH_DATABASE_TIMEOUT=700ms")...)
	connections := func() int {
		return storetest.Number(t, address, "SELECT count(*) FROM pg_stat_activity WHERE datname = '"+name+"' AND application_name = 'authgraph'")
	}
	lock := func() (unlock func()) {
		return storetest.Lock(t, address, "users, sessions, credentials, migrations")
	}
	i.endures(connections,
		fault{"a database that is down", false, "connection refused", func() func() { road.close(); return road.open }},
		fault{"a database that does not answer", false, "did not answer in time", func() func() { road.stall(true); return func() { road.stall(false) } }},
		fault{"tables that are locked", false, "did not answer in time", lock},
		fault{"a pool that is exhausted", false, fmt.Sprintf("all %d connections are in use", storetest.Connections), func() func() {
			unlock := lock()
			ctx, stop := context.WithCancel(t.Context())
			var others sync.WaitGroup
			for range 3 * storetest.Connections {
				others.Go(func() {
					for ctx.Err() == nil {
						request, _ := http.NewRequestWithContext(ctx, http.MethodGet, i.URL+"/readyz", nil)
						if response, err := http.DefaultClient.Do(request); err == nil {
							_ = response.Body.Close()
						}
					}
				})
			}
			return func() { stop(); others.Wait(); unlock() }
		}},
		fault{"a database that only reads", false, "read only", func() func() {
			set := func(value string) {
				storetest.Exec(t, address, "ALTER DATABASE "+name+" SET default_transaction_read_only = "+value)
				storetest.Exec(t, address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"' AND application_name = 'authgraph'")
			}
			set("on")
			return func() {
				pool := storetest.SQL(t, address)
				for _, statement := range []string{"SET default_transaction_read_only = off", "ALTER DATABASE " + name + " SET default_transaction_read_only = off"} {
					if _, err := pool.ExecContext(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
			}
		}})
}

// postgresOfItsOwn returns the address and the name of a new database of PostgreSQL: some faults
// befall a whole one.
func postgresOfItsOwn(t *testing.T) (address, name string) {
	t.Helper()
	server := storetest.Postgres(t)
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name = at.Query().Get("search_path") // which is unique
	storetest.Exec(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		pool := storetest.SQL(t, server)
		if _, err := pool.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	at.Path, at.RawQuery = "/"+name, ""
	return at.String(), name
}

// road is the way from the server to PostgreSQL, which can be closed.
type road struct {
	t       *testing.T
	address string // of the database, by this road
	listen  string
	target  string

	mu          sync.Mutex
	listener    net.Listener
	stalled     chan struct{} // closed where nothing holds traffic up
	connections []net.Conn
}

func newRoad(t *testing.T, address string) *road {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if at.Port() == "" {
		at.Host += ":5432"
	}
	r := &road{t: t, target: at.Host, listen: "127.0.0.1:0", stalled: make(chan struct{})}
	close(r.stalled)
	r.open()
	at.Host = r.listen
	r.address = at.String()
	t.Cleanup(func() { r.stall(false); r.close() })
	return r
}

// open lets connections through.
func (r *road) open() {
	r.t.Helper()
	listener, err := net.Listen("tcp", r.listen)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.listener, r.listen = listener, listener.Addr().String()
	r.mu.Unlock()
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", r.target)
			if err != nil {
				_ = from.Close()
				continue
			}
			r.mu.Lock()
			r.connections = append(r.connections, from, to)
			r.mu.Unlock()
			go r.carry(from, to)
			go r.carry(to, from)
		}
	}()
}

// carry moves what comes from one side to the other.
func (r *road) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	part := make([]byte, 32<<10)
	for {
		n, err := from.Read(part)
		r.mu.Lock()
		stalled := r.stalled
		r.mu.Unlock()
		<-stalled
		if _, writeErr := to.Write(part[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// close refuses connections and cuts those that there are.
func (r *road) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.listener.Close()
	for _, connection := range r.connections {
		_ = connection.Close()
	}
	r.connections = nil
}

// stall holds all traffic up, or lets it go on.
func (r *road) stall(stalled bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stalled {
		r.stalled = make(chan struct{})
		return
	}
	select {
	case <-r.stalled:
	default:
		close(r.stalled)
	}
}
