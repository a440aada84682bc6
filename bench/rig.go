package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rig is what questions are measured with: the programs, a folder, and how much of everything.
type rig struct {
	runCommand
	root string // of the sources
	dir  string // temporary
	say  io.Writer

	server, reference, filler string // the programs

	started int // how many children were, for the names of their logs
}

// newRig builds the programs.
func newRig(ctx context.Context, c runCommand, say io.Writer) (*rig, error) {
	root, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, fmt.Errorf("run it in a folder of the sources: %w", err)
	}
	dir, err := os.MkdirTemp("", "authgraph-bench-")
	if err != nil {
		return nil, err
	}
	r := &rig{runCommand: c, root: root, dir: dir, say: say}
	fmt.Fprintln(say, "building the programs")
	for _, program := range []struct {
		into  *string
		given string
		from  string
	}{{&r.server, c.Server, "."}, {&r.reference, "", "./bench/reference"}, {&r.filler, "", "./bench/fill"}} {
		if *program.into = program.given; program.given != "" {
			continue
		}
		*program.into = filepath.Join(dir, "bin", filepath.Base(program.from))
		if program.from == "." {
			*program.into = filepath.Join(dir, "bin", "authgraph")
		}
		if err := build(ctx, root, program.from, *program.into); err != nil {
			return nil, errors.Join(err, r.close())
		}
	}
	return r, nil
}

func (r *rig) close() error { return os.RemoveAll(r.dir) }

// build makes a program as it is released.
func build(ctx context.Context, root, from, to string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, from)
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("failed to build %s: %w\n%s", from, err, out)
	}
	return nil
}

// output runs a command and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	return printed(command)
}

// printed runs a command and returns what it prints.
func printed(command *exec.Cmd) (string, error) {
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// secret is the server secret of all databases.
const secret = "the secret of all databases for measurements"

// environ returns the settings of a server on a database, without any from the environment.
func (r *rig) environ(database string, more ...string) (environ []string) {
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "AUTHGRAPH_") {
			environ = append(environ, entry)
		}
	}
	return append(append(environ,
		"AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_DATABASE="+database, "AUTHGRAPH_SECRET="+secret,
		"AUTHGRAPH_RATE_LIMITS=off", "AUTHGRAPH_BCRYPT_COST="+strconv.Itoa(r.BcryptCost),
	), more...)
}

// serve starts the server on a database, until the question is done.
func (r *rig) serve(ctx context.Context, t *trial, database string, more ...string) (*child, error) {
	return r.start(ctx, t, r.environ(database, more...), r.server)
}

// authgraph runs one of the program's commands on a database and returns what it prints.
func (r *rig) authgraph(ctx context.Context, database string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, r.server, args...)
	command.Env = r.environ(database)
	return printed(command)
}

// refer starts the reference, until the question is done.
func (r *rig) refer(ctx context.Context, t *trial, args ...string) (*child, error) {
	return r.start(ctx, t, os.Environ(), r.reference, args...)
}

func (r *rig) start(ctx context.Context, t *trial, environ []string, path string, args ...string) (*child, error) {
	c, err := startChild(ctx, r.log(), environ, path, args...)
	if err == nil {
		t.later(c.stop)
	}
	return c, err
}

// log returns the file that the next child logs to.
func (r *rig) log() string {
	r.started++
	return filepath.Join(r.dir, fmt.Sprintf("%d.log", r.started))
}
