package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store/storetest"
)

// processSecret is the server secret of every process: those of one database must share it.
const processSecret = "a secret that all processes share"

// startDeadline bounds how long a process may take until it serves.
const startDeadline = time.Minute

// process is the program as a process of its own. It can be killed without warning and started
// again on the database that it left.
type process struct {
	t        *testing.T
	environ  []string
	log      *os.File
	origin   atomic.Pointer[string]
	command  *exec.Cmd
	patience time.Duration // after which a process that does not serve yet is killed

	postgres *sql.DB // the same database, if it is PostgreSQL
	name     string  // of its connections there
}

// skipWithRaceDetector skips a test that hashes many passwords in processes of their own: under the
// race detector each takes ten times as long. Other tests run the same code with it.
func skipWithRaceDetector(t *testing.T) {
	t.Helper()
	if withRaceDetector {
		t.Skip("skipped: the race detector makes it take too long")
	}
}

// newProcess returns a process on a database, which start starts. The environment adds settings.
func newProcess(t *testing.T, address string, environ ...string) *process {
	t.Helper()
	skipWithRaceDetector(t)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: log, patience: startDeadline, name: rand.Text()}
	if strings.HasPrefix(address, "postgres://") {
		p.postgres = storetest.SQL(t, address)
		between := "?"
		if strings.Contains(address, "?") {
			between = "&"
		}
		address += between + "application_name=" + p.name
	}
	p.environ = append([]string{
		"AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_DATABASE=" + address, "AUTHGRAPH_SECRET=" + processSecret,
		"AUTHGRAPH_DATABASE_CONNECTIONS=" + strconv.Itoa(storetest.Connections),
		"AUTHGRAPH_BCRYPT_COST=10", "AUTHGRAPH_RATE_LIMITS=off", "AUTHGRAPH_MAX_SESSIONS=0",
	}, environ...)
	t.Cleanup(p.end)
	return p
}

// startProcess starts the program on a database and waits until it serves.
func startProcess(t *testing.T, address string, environ ...string) *process {
	t.Helper()
	p := newProcess(t, address, environ...)
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// start runs the program until it serves, on a port that nobody else has.
func (p *process) start() error {
	// TestMain makes the test binary known as this command.
	p.command = exec.Command("authgraph")
	p.command.Env, p.command.Stderr = p.environ, p.log
	out, err := p.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.command.Start(); err != nil {
		return err
	}
	late := time.AfterFunc(p.patience, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "ready on "); ok {
			origin := "http://" + address
			p.origin.Store(&origin)
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return nil
		}
	}
	return fmt.Errorf("the program did not start: %v\n%s", p.command.Wait(), p.tail())
}

// URL is where the process that was started last listens, without a path.
func (p *process) URL() string { return *p.origin.Load() }

// kill ends the process at once, whatever it is doing (kill -9), and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// end kills a process that still runs, and shows what it wrote where the test failed.
func (p *process) end() {
	if p.command != nil && p.command.ProcessState == nil {
		p.kill()
	}
	text, err := os.ReadFile(p.log.Name())
	if err := errors.Join(err, p.log.Close()); err != nil {
		p.t.Error(err)
	}
	if bytes.Contains(text, []byte("DATA RACE")) || bytes.Contains(text, []byte("panic")) {
		p.t.Error("the log tells of a race or a panic")
	}
	if p.t.Failed() {
		p.t.Logf("the end of the log:\n%s", p.tail())
	}
}

// killForGood kills the process and waits until PostgreSQL has noticed: until then, a commit that
// the process had sent may still be done.
func (p *process) killForGood() error {
	p.kill()
	if p.postgres == nil {
		return nil
	}
	for deadline := time.Now().Add(startDeadline); ; time.Sleep(5 * time.Millisecond) {
		var n int
		err := p.postgres.QueryRowContext(p.t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", p.name).Scan(&n)
		if err != nil || n == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d connections outlive their process", n)
		}
	}
}

// tail returns the end of what the process logged.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// runCommand runs another command of the program beside the process, on the same database.
func (p *process) runCommand(input string, args ...string) string {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), "authgraph", args...)
	command.Env, command.Stdin = p.environ, strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		p.t.Fatalf("authgraph %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return string(output)
}
