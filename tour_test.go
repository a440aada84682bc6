package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// A tour is a block of shell commands in a page, each followed by the answer that a reader gets.
// The tests run them, so that the pages stay true.

// needCurl skips a test on a machine that cannot run a page's commands.
func needCurl(t *testing.T) {
	t.Helper()
	if err := exec.Command("curl", "--help", "all").Run(); err != nil {
		t.Skip("skipped: there is no curl on this machine")
	}
}

// runTour runs a tour of this server alone.
func (i *instance) runTour(dir, tour string) int {
	if tour == "" {
		return 0
	}
	return runTour(i.t, dir, tour, strings.NewReplacer("localhost:8080", strings.TrimPrefix(i.listening(), "http://")))
}

// runTour runs the commands of a tour in one shell and holds the server to the answers that it
// shows, where … stands for anything. It returns how many they were. Commands and the answer to
// the last of them make a paragraph. addresses puts the test's servers in the place of the page's.
func runTour(t *testing.T, dir, tour string, addresses *strings.Replacer) int {
	t.Helper()
	if tour = strings.TrimSpace(tour); tour == "" {
		return 0
	}
	const next = "\n--- the next paragraph ---\n"
	script, paragraphs := "", regexp.MustCompile(`\n\n+`).Split(tour, -1)
	for _, paragraph := range paragraphs {
		command, _, _ := strings.Cut(paragraph, "\n# ")
		script += command + "\nprintf '%s' '" + next + "'\n"
	}
	outputs := strings.Split(shell(t, dir, addresses.Replace(script)), next)
	for n, paragraph := range paragraphs {
		command, want, _ := strings.Cut(paragraph, "\n# ")
		if got := strings.TrimSpace(outputs[n]); !matches(got, want) {
			t.Errorf("%s\nanswers %s\nand not %s", command, got, want)
		}
	}
	return len(paragraphs)
}

// shell returns what a script writes that runs in a folder. The first command that fails fails
// the test.
func shell(t *testing.T, dir, script string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	command.Dir = dir
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output)
	}
	return string(output)
}
