package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestTheReadmesTourIsTrue runs the README's curl commands, one after the other, and holds
// the server to the answers that the README shows, where … stands for anything.
func TestTheReadmesTourIsTrue(t *testing.T) {
	t.Parallel()
	if err := exec.Command("curl", "--help", "all").Run(); err != nil {
		t.Skip("skipped: there is no curl on this machine")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	i, dir, answers := start(t), t.TempDir(), 0
	for _, block := range strings.Split(string(readme), "<!-- tour -->\n```sh\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		block = strings.ReplaceAll(block, "localhost:8080", strings.TrimPrefix(i.listening(), "http://"))
		// Commands and the answer to the last of them make a paragraph.
		for paragraph := range strings.SplitSeq(strings.TrimSpace(block), "\n\n") {
			command, want, _ := strings.Cut(paragraph, "\n# ")
			shell := exec.Command("sh", "-c", command)
			shell.Dir = dir
			got, err := shell.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", command, err, got)
			}
			pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
			if !regexp.MustCompile(pattern).Match(got) {
				t.Errorf("%s\nanswers %s\nand not %s", command, got, want)
			}
			answers++
		}
	}
	if answers < 6 {
		t.Errorf("the tour has only %d answers", answers)
	}
}
