package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMemoryIsReadAsTheKernelWritesIt(t *testing.T) {
	t.Parallel()
	const text = `00400000-7ffd6ee5c000 ---p 00000000 00:00 0                              [rollup]
Rss:               12345 kB
Pss:                2345 kB
Shared_Clean:        100 kB
`
	if got, err := parseResident(strings.NewReader(text)); err != nil || got != 12345*1024 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, text := range []string{"", "Pss: 1 kB\n", "Rss: many kB\n"} {
		if got, err := parseResident(strings.NewReader(text)); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

func TestTheProcessIsMeasured(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is measured on")
	}
	held, err := resident(os.Getpid())
	if err != nil || held < 1<<20 {
		t.Errorf("this process holds %d bytes: %v", held, err)
	}
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		after, err := cpuTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after > before {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("this process uses no CPU time")
		}
	}
	if _, err := cpuTime(1 << 22); err == nil {
		t.Error("a process that is not there has CPU time")
	}
}
