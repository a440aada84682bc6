//go:build linux

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store/storetest"
)

// cluster is a PostgreSQL server that a test starts for itself, on a port of the loopback, and may
// kill.
type cluster struct {
	t       *testing.T
	bin     string // the folder of PostgreSQL's programs
	dir     string
	port    int
	running *exec.Cmd
	frozen  bool
}

// newCluster returns an empty server that runs, with the database "authgraph". Without PostgreSQL's
// programs the test is skipped.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	skipWithRaceDetector(t)
	if storetest.OnPostgres() {
		t.Skip("has its own PostgreSQL, and has run before")
	}
	c := prepareCluster(t, postgresPrograms(t))
	c.run("initdb", "-D", c.data(), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	c.start()
	c.exec("CREATE DATABASE authgraph")
	return c
}

// standby returns a server that repeats what this one does, as soon as it does it.
func (c *cluster) standby() *cluster {
	c.t.Helper()
	s := prepareCluster(c.t, c.bin)
	s.run("pg_basebackup", "-D", s.data(), "-d", c.address("postgres"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
	s.start()
	return s
}

// postgresPrograms returns the folder of PostgreSQL's programs, the newest where there are several.
func postgresPrograms(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("AUTHGRAPH_TEST_POSTGRES_BIN"); named != "" {
		return named
	}
	newest, folder := 0, ""
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, initdb := range found {
		dir := filepath.Dir(initdb)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && version > newest {
			newest, folder = version, dir
		}
	}
	if folder == "" {
		t.Skip("skipped: there is no initdb in /usr/lib/postgresql, and AUTHGRAPH_TEST_POSTGRES_BIN names no folder with one")
	}
	return folder
}

// prepareCluster makes the folder of a server, for the user that the server runs as.
func prepareCluster(t *testing.T, bin string) *cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "authgraph-cluster-") // where that user can reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cluster{t: t, bin: bin, dir: dir, port: freePort(t)}
	if owner := unprivileged(t); owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// freePort returns a port of the loopback that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// unprivileged returns whom to run servers as that refuse to be root's, and nil where nobody is
// root.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
			gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
			if uidErr == nil && gidErr == nil {
				return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			}
		}
	}
	t.Skip("skipped: PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
	return nil
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// address returns the address of a database of this server.
func (c *cluster) address(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s", c.port, database)
}

// program returns one of PostgreSQL's programs, to be run as the user who owns the folder.
func (c *cluster) program(name string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, name), args...)
	command.Dir = c.dir
	command.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(c.t)}
	return command
}

func (c *cluster) run(name string, args ...string) {
	c.t.Helper()
	if output, err := c.program(name, args...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", name, err, output)
	}
}

// start runs the server and waits until it answers.
func (c *cluster) start() {
	c.t.Helper()
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.running = c.program("postgres", "-D", c.data(), "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB")
	c.running.Stdout, c.running.Stderr = log, log
	if err := c.running.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.stop)
	c.await("answers", func() bool { return c.pings("postgres") })
}

// stop ends the server at once, but tidily.
func (c *cluster) stop() {
	if c.running == nil {
		return
	}
	if c.frozen {
		_ = c.thaw()
	}
	_ = c.running.Process.Signal(syscall.SIGQUIT)
	late := time.AfterFunc(startDeadline, func() { _ = c.running.Process.Kill() })
	defer late.Stop()
	_ = c.running.Wait()
	c.running = nil
}

// kill ends every process of the server (kill -9), as the loss of a machine does.
func (c *cluster) kill() error {
	if err := c.freeze(); err != nil {
		return err
	}
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = c.running.Wait()
	c.running = nil
	// Recovery removes what the dead server shared between its processes.
	c.t.Cleanup(func() { _ = c.program("postgres", "--single", "-D", c.data(), "postgres").Run() })
	return nil
}

// freeze stops every process of the server until thaw.
func (c *cluster) freeze() error {
	c.frozen = true
	if err := c.running.Process.Signal(syscall.SIGSTOP); err != nil { // it starts no more of them
		return err
	}
	return c.signal(syscall.SIGSTOP)
}

func (c *cluster) thaw() error {
	c.frozen = false
	return c.signal(syscall.SIGCONT)
}

// signal sends a signal to every process of the server.
func (c *cluster) signal(signal syscall.Signal) error {
	postmaster := c.running.Process.Pid
	children, err := childrenOf(postmaster)
	if err != nil {
		return err
	}
	for _, pid := range append(children, postmaster) {
		if err := syscall.Kill(pid, signal); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return nil
}

// childrenOf returns the processes that a process has started.
func childrenOf(parent int) (children []int, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended since
		}
		// 123 (the name) S 45 …: the second field may hold anything, the fourth is the parent.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				return nil, err
			}
			children = append(children, pid)
		}
	}
	return children, nil
}

// exec runs SQL in the server's own database.
func (c *cluster) exec(statement string) {
	c.t.Helper()
	storetest.Exec(c.t, c.address("postgres"), statement)
}

// query returns the one value of a query, as text, and "" for none.
func (c *cluster) query(query string) (value string) {
	c.t.Helper()
	err := storetest.SQL(c.t, c.address("postgres")).QueryRowContext(c.t.Context(), query).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		c.t.Fatalf("%s: %v", query, err)
	}
	return value
}

// pings reports whether a database of the server can be reached.
func (c *cluster) pings(database string) bool {
	return storetest.SQL(c.t, c.address(database)).PingContext(c.t.Context()) == nil
}

// await waits until something is so.
func (c *cluster) await(what string, so func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(startDeadline); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			c.t.Fatalf("waited in vain until PostgreSQL %s:\n%s", what, text)
		}
	}
}
