// Package servertest gives tests a server to ask: the real one, on a free port of this machine,
// with a database of its own.
package servertest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startTime and stopTime are how long the server may take to begin and to end.
const (
	startTime = time.Minute
	stopTime  = time.Minute
)

// binary is the server's program.
var binary string

// Run runs the tests of a package and returns their exit code. The server is the program that
// AUTHGRAPH_BINARY names, or one that is built of the source above this module.
//
//	func TestMain(m *testing.M) { os.Exit(servertest.Run(m)) }
func Run(m *testing.M) int {
	if binary = os.Getenv("AUTHGRAPH_BINARY"); binary != "" {
		return m.Run()
	}
	folder, err := os.MkdirTemp("", "authgraph-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	binary = filepath.Join(folder, "authgraph")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = source()
	if output, err := build.CombinedOutput(); err != nil {
		panic(string(output))
	}
	return m.Run()
}

// source returns the folder of the server's source: the nearest one above with its schema.
func source() string {
	folder, err := os.Getwd()
	for ; err == nil; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "schema.graphqls")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			err = errors.New("there is no server's source above this folder; name a program by AUTHGRAPH_BINARY")
		}
	}
	panic(err)
}

// Start starts a server for one test and returns its URL. More settings come as in
// AUTHGRAPH_SIGNUP=closed.
func Start(t *testing.T, settings ...string) string {
	t.Helper()
	server := exec.Command(binary)
	server.Env = append([]string{
		"AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_DATABASE=sqlite:" + filepath.Join(t.TempDir(), "authgraph.db"),
		"AUTHGRAPH_BCRYPT_COST=10", // the cheapest that it takes
	}, settings...)
	log := new(strings.Builder)
	server.Stderr = log
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(startTime, func() { _ = server.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "ready on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			t.Cleanup(func() { stop(t, server, log) })
			return "http://" + address
		}
	}
	t.Fatalf("the server did not start: %v\n%s", server.Wait(), log)
	return ""
}

// stop ends a server as an operator does.
func stop(t *testing.T, server *exec.Cmd, log *strings.Builder) {
	_ = server.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(stopTime, func() { _ = server.Process.Kill() })
	defer late.Stop()
	if err := server.Wait(); err != nil {
		t.Errorf("the server did not end well: %v", err)
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", log)
	}
}
