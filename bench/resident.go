package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// resident returns how many bytes of memory a process holds (RSS).
func resident(pid int) (int64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return parseResident(file)
}

// parseResident reads the line "Rss:   12345 kB" of smaps_rollup.
func parseResident(r io.Reader) (int64, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "Rss:")
		if !ok {
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		return kilobytes << 10, err
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, io.ErrUnexpectedEOF
}

const (
	settleStep  = 500 * time.Millisecond
	settleSteps = 6                // without a change worth mentioning
	settleMost  = 30 * time.Second // after that it is taken as it is
)

// settled returns the memory of a process once it does not change any more.
func settled(ctx context.Context, pid int) (int64, error) {
	var last int64
	for calm, end := 0, time.Now().Add(settleMost); calm < settleSteps && time.Now().Before(end); calm++ {
		now, err := resident(pid)
		if err != nil {
			return 0, err
		}
		if change := now - last; change > now/200 || change < -now/200 {
			last, calm = now, 0
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(settleStep):
		}
	}
	return resident(pid)
}
