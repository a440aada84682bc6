package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAChildIsStartedAndStopped(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	c, err := startChild(t.Context(), log, os.Environ(), "sh", "-c", `trap 'exit 0' TERM; echo started >&2; echo ready on 127.0.0.1:1; while :; do sleep 0.01; done`)
	if err != nil {
		t.Fatal(err)
	}
	if c.address != "127.0.0.1:1" {
		t.Errorf("it listens on %q", c.address)
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(log); err != nil || string(text) != "started\n" {
		t.Errorf("it logged %q: %v", text, err)
	}
}

func TestAChildThatDoesNotStartSaysWhy(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	_, err := startChild(t.Context(), log, os.Environ(), "sh", "-c", `echo the reason >&2; exit 3`)
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := startChild(ctx, log, os.Environ(), "sh", "-c", `exec sleep 60`); err == nil {
		t.Error("a child that is called off starts")
	}
}
