package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestComingFromThePageIsTrue starts the servers of docs/coming-from.md by the lines that start
// them there and runs the curl commands below each.
func TestComingFromThePageIsTrue(t *testing.T) {
	t.Parallel()
	needCurl(t)
	page, err := os.ReadFile("docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	dir, servers, answers, sections := t.TempDir(), 0, 0, strings.Count(string(page), "\n## ")
	var i *instance
	tour := "" // of the present server
	for _, block := range regexp.MustCompile("(?s)(<!-- tour -->\n)?```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] != "" {
			tour += block[2] + "\n"
			continue
		}
		answers += i.runTour(dir, tour)
		i, tour = startAsShown(t, i, dir, block[2]), ""
		servers++
	}
	answers += i.runTour(dir, tour)
	if sections != 5 || servers < sections || answers < 5*sections {
		t.Errorf("the page has %d sections, %d servers and %d answers", sections, servers, answers)
	}
}

// startAsShown stops the server before it and starts the one that the last line of a block
// starts for readers, with the settings in front of `go run .`.
func startAsShown(t *testing.T, before *instance, dir, block string) *instance {
	t.Helper()
	if before != nil {
		if err := before.shutDown(); err != nil {
			t.Fatal(err)
		}
	}
	shown, ok := strings.CutSuffix(block, "go run .\n")
	if !ok {
		t.Fatalf("the block neither starts a server nor is a tour:\n%s", block)
	}
	var settings []string
	for line := range strings.Lines(shell(t, dir, shown+"env")) {
		setting, ok := strings.CutPrefix(strings.TrimSpace(line), "AUTHGRAPH_")
		if !ok {
			continue
		}
		// Files are where the reader stands.
		for _, file := range []string{"USERS_FILE=", "DATABASE=sqlite:"} {
			if path, ok := strings.CutPrefix(setting, file); ok && path != ":memory:" {
				setting = file + filepath.Join(dir, path)
			}
		}
		settings = append(settings, "AUTHGRAPH_"+setting)
	}
	return start(t, settings...)
}
