package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// startTime bounds how long a server takes until it serves, and stopTime how long until it is gone.
const (
	startTime = 2 * time.Minute // a large database may have to be brought up to date
	stopTime  = 20 * time.Second
)

// child is a server that runs as a process of its own.
type child struct {
	command *exec.Cmd
	address string // where it listens
	log     *os.File
}

// startChild starts a server and waits until it says "ready on ADDRESS". What it logs goes to a
// file, as it would in earnest.
func startChild(ctx context.Context, log string, environ []string, path string, args ...string) (*child, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	c := &child{command: exec.Command(path, args...), log: file}
	c.command.Env, c.command.Stderr = environ, file
	c.command.SysProcAttr = apart()
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if err := c.command.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	late := time.AfterFunc(startTime, func() { _ = c.command.Process.Kill() })
	defer late.Stop()
	defer context.AfterFunc(ctx, func() { _ = c.command.Process.Kill() })()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "ready on "); ok {
			c.address = address
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return c, nil
		}
	}
	err = fmt.Errorf("%s did not start: %w", path, errors.Join(ctx.Err(), c.command.Wait()))
	text, _ := os.ReadFile(log) // what cannot be read is not shown
	return nil, errors.Join(err, errors.New(string(text[max(0, len(text)-2000):])), file.Close())
}

func (c *child) pid() int { return c.command.Process.Pid }

// stop tells the server to stop, and kills it where it does not.
func (c *child) stop() error {
	late := time.AfterFunc(stopTime, func() { _ = c.command.Process.Kill() })
	defer late.Stop()
	_ = c.command.Process.Signal(syscall.SIGTERM) // it may be gone
	err := c.command.Wait()
	if err != nil {
		err = fmt.Errorf("%s: %w", c.command.Path, err)
	}
	return errors.Join(err, c.log.Close())
}
