//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestBehindPgBouncer uses a database through PgBouncer, which gives each transaction another
// connection. The address then needs default_query_exec_mode=exec: what is prepared on one
// connection is unknown to the next.
func TestBehindPgBouncer(t *testing.T) {
	t.Parallel()
	bouncer := os.Getenv("AUTHGRAPH_TEST_PGBOUNCER")
	if bouncer == "" {
		bouncer = "/usr/sbin/pgbouncer"
	}
	if _, err := exec.LookPath(bouncer); err != nil {
		t.Skip("skipped: there is no PgBouncer; AUTHGRAPH_TEST_PGBOUNCER names one")
	}
	seed := newSeed(t)
	c := newCluster(t)
	port := c.startBouncer(bouncer)
	_, l := startOn(t, fmt.Sprintf("postgres://postgres@127.0.0.1:%d/authgraph?default_query_exec_mode=exec", port))
	var users sync.WaitGroup
	for n := range uint64(6) {
		users.Go(func() {
			l.live(rand.New(rand.NewPCG(seed, n)), func() bool { return l.reached(150) })
		})
	}
	users.Wait()
	l.checkAll()
	l.checkTables(c.address("authgraph"))
	t.Log(l.summary())
}

// startBouncer runs PgBouncer before the server and returns the port that it listens on. It has
// fewer connections than the program wants, so that they are shared indeed.
func (c *cluster) startBouncer(program string) (port int) {
	c.t.Helper()
	port = freePort(c.t)
	settings := filepath.Join(c.dir, "pgbouncer.ini")
	if err := os.WriteFile(settings, fmt.Appendf(nil, `[databases]
* = host=127.0.0.1 port=%d user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`, c.port, port), 0o644); err != nil {
		c.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(c.dir, "pgbouncer.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command(program, settings)
	command.Dir, command.Stdout, command.Stderr = c.dir, log, log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(c.t)}
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	through := &cluster{t: c.t, dir: c.dir, port: port}
	c.await("answers through PgBouncer", func() bool { return through.pings("authgraph") })
	return port
}
