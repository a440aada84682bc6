package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/examples/go/authgraph"
	"github.com/authgraph/authgraph/examples/go/servertest"
)

func TestMain(m *testing.M) { os.Exit(servertest.Run(m)) }

const password = "violet harbour lantern 47\n"

// runWith runs the program, and returns what it says and how it ends.
func runWith(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	var out, prompts strings.Builder
	err := run(t.Context(), args, strings.NewReader(input), &out, &prompts)
	return out.String(), err
}

// TestTheProgramTellsItsStory holds the program to the README, which shows what it writes.
func TestTheProgramTellsItsStory(t *testing.T) {
	t.Parallel()
	url := servertest.Start(t)
	got, err := runWith(t, password, "-url", url, "-sign-up", "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(readme), "<!-- story -->\n```\n")
	want, _, _ = strings.Cut(want, "```")
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".+")
	if want == "" || !regexp.MustCompile("^"+pattern+"$").MatchString(got) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if _, err := runWith(t, strings.TrimSpace(password), "-url", url+"/", "ada@example.com"); err != nil {
		t.Errorf("without a line's end, and again: %v", err)
	}
}

func TestTheProgramTellsWhyItIsRefused(t *testing.T) {
	t.Parallel()
	url := servertest.Start(t)
	if out, err := runWith(t, password, "-url", url, "ada@example.com"); out != "" || !authgraph.Is(err, authgraph.ErrorCodeInvalidCredentials) {
		t.Errorf("a stranger: %q, %v", out, err)
	} else if told := explain(err); !strings.HasPrefix(told, "INVALID_CREDENTIALS: ") {
		t.Errorf("told %q", told)
	}
	if _, err := runWith(t, "short\n", "-url", url, "-sign-up", "ada@example.com"); err == nil || !strings.HasPrefix(explain(err), "BAD_USER_INPUT: password ") {
		t.Errorf("a short password: %v", err)
	}
}

func TestTheProgramNeedsAnIdentifierAndAPassword(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		input string
		args  []string
	}{
		{password, nil},
		{password, []string{"ada", "secret"}},
		{password, []string{"-password", "x", "ada"}},
		{"", []string{"ada"}},
	} {
		if out, err := runWith(t, test.input, append([]string{"-url", "http://127.0.0.1:1"}, test.args...)...); err == nil || out != "" {
			t.Errorf("%q, %q: %q, %v", test.input, test.args, out, err)
		}
	}
}
