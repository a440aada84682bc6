package main

import (
	"os"
	"strings"
	"testing"
)

// TestTheReadmesTourIsTrue runs the README's curl commands, one after the other, and holds the
// server to the answers that the README shows.
func TestTheReadmesTourIsTrue(t *testing.T) {
	t.Parallel()
	needCurl(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	tour := ""
	for _, block := range strings.Split(string(readme), "<!-- tour -->\n```sh\n")[1:] {
		commands, _, _ := strings.Cut(block, "```")
		tour += commands + "\n"
	}
	if answers := start(t).runTour(t.TempDir(), tour); answers < 6 {
		t.Errorf("the tour has only %d answers", answers)
	}
}
