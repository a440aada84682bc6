package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var update = flag.Bool("update", false, "write the README's table of settings")

// TestTheReadmeListsEverySetting holds the README to the code. With -update it writes the table.
func TestTheReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- settings -->\n", "<!-- /settings -->"
	file, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(file), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the settings")
	}
	want := settingsTable(t)
	if got == want {
		return
	}
	if !*update {
		t.Fatalf("README.md does not list the settings as the code has them; run: go test -run %s . -update", t.Name())
	}
	if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settingsTable returns the settings as a Markdown table.
func settingsTable(t *testing.T) string {
	t.Helper()
	var settings struct{ Settings }
	parser, err := kong.New(&settings, kong.Vars{"database": defaultDatabase})
	if err != nil {
		t.Fatal(err)
	}
	table := "| variable | default | meaning |\n|---|---|---|\n"
	for _, flag := range parser.Model.Flags {
		if flag.Name == "help" {
			continue
		}
		fallback := ""
		if flag.Default != "" {
			fallback = "`" + flag.Default + "`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s |\n", envName(flag.Name), fallback, strings.ReplaceAll(flag.Help, "|", `\|`))
	}
	return table
}

func TestAnOriginOnAnotherSiteIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		public, origin, sameSite string
		warned                   bool
	}{
		{"https://login.example.com", "https://app.example.com", "lax", false},
		{"https://login.example.com", "https://app.example.org", "lax", true},
		{"https://login.example.com", "https://app.example.org", "none", false},
		{"https://a.github.io", "https://b.github.io", "lax", true},
		{"https://login.example.com", "http://app.example.com", "strict", true},
		{"http://localhost:8080", "http://localhost:5173", "lax", false},
		{"https://login.example.com", "*", "lax", false},
	} {
		environ := []string{"AUTHGRAPH_PUBLIC_URL=" + test.public, "AUTHGRAPH_ORIGINS=" + test.origin, "AUTHGRAPH_SESSION_SAMESITE=" + test.sameSite}
		var p program
		parser, err := newParser(t.Context(), &p, newEnvironment(environ), console{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(nil); err != nil {
			t.Fatal(err)
		}
		if got := len(p.warnings()) > 0; got != test.warned {
			t.Errorf("%+v: warned is %v", test, got)
		}
	}
}

func TestTheWayToTheDatabaseIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		address string
		warned  bool
	}{
		{"sqlite:x.db", false},
		{"postgres://u@localhost/x", false},
		{"postgres://u@127.0.0.1,[::1]/x", false},
		{"postgres:///x?host=/run/postgresql", false},
		{"postgres://u@db.example.com/x?sslmode=verify-full", false},
		{"postgres://u@db.example.com/x", true},
		{"postgres://u@localhost,db.example.com/x", true},
		{"postgres://u@db.example.com/x?sslmode=require", true},
		{"postgres://u@db.example.com/x?sslmode=disable", true},
	} {
		s := Settings{Database: test.address, PublicURL: &url.URL{}}
		if got := len(s.warnings()) > 0; got != test.warned {
			t.Errorf("%s: warned is %v", test.address, got)
		}
	}
}

func TestAPlaygroundThatCanDoNothingIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		mode, playground string
		warned           bool
	}{
		{"refuse", "on", true},
		{"refuse", "off", false},
		{"log", "on", false},
		{"off", "on", false},
	} {
		s := Settings{Database: defaultDatabase, PublicURL: &url.URL{}, DocumentsMode: test.mode, Playground: test.playground}
		if got := len(s.warnings()) > 0; got != test.warned {
			t.Errorf("%+v: warned is %v", test, got)
		}
	}
}
