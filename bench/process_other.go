//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

// cpuTime fails: only Linux is measured on.
func cpuTime(int) (time.Duration, error) { return 0, errors.New("measuring needs Linux") }

func apart() *syscall.SysProcAttr { return nil }
