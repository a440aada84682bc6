package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestThePageGetsTheFiguresBetweenItsMarkers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	kept, page := filepath.Join(folder, "results.json"), filepath.Join(folder, "speed.md")
	if err := sampleResults().write(kept); err != nil {
		t.Fatal(err)
	}
	if got, err := readResults(kept); err != nil || !reflect.DeepEqual(got, sampleResults()) {
		t.Errorf("results that were kept differ: %+v, %v", got, err)
	}
	write := func() string {
		t.Helper()
		if err := (docsCommand{Results: []string{kept}, Page: page}).Run(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := write()
	for _, want := range []string{
		"2 cores of a CPU, 16 GB of memory, Linux 6.1.0, go1.26; commit 0123456789ab, measured 2026-02-03 in 5 rounds.",
		"![<me> & co](speed/me-cookie.svg)",
		"| 61.0 µs | 20.0 µs | **3.05** | 3.02–3.08 | ≤ 2.50 | missed |",
		"`go run ./bench --only me-cookie`",
		"| sockets | not measured: no subscriptions |",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the page lacks %s:\n%s", want, first)
		}
	}
	for _, q := range questions() {
		if !strings.Contains(first, marker(q.name)) {
			t.Errorf("a new page has no place for %s", q.name)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "speed", "me-cookie.svg")); err != nil {
		t.Error(err)
	}
	// What people wrote stays.
	prose := strings.Replace(first, "## Figures", "What it means.\n\n## Figures", 1)
	prose = strings.Replace(prose, "**3.05**", "**9.99**", 1)
	if err := os.WriteFile(page, []byte(prose), 0o600); err != nil {
		t.Fatal(err)
	}
	again := write()
	if strings.Contains(again, "9.99") || !strings.Contains(again, "What it means.\n") || strings.Replace(again, "What it means.\n\n", "", 1) != first {
		t.Errorf("the page became:\n%s", again)
	}
}

func TestAPageWithoutAMarkerIsRefused(t *testing.T) {
	t.Parallel()
	for _, page := range []string{
		"# Speed\n",
		marker("machine") + "\n" + marker("table") + "\n",
	} {
		if got, err := sampleResults().fillIn(page, "speed"); err == nil {
			t.Errorf("%q becomes %q", page, got)
		}
	}
}

func TestFiguresOfSeveralRunsStandTogetherIfTheyAreOfTheSame(t *testing.T) {
	t.Parallel()
	all, later := sampleResults(), sampleResults()
	later.Figures = []figures{{Name: "page", Title: "new"}, {Name: "binary", Title: "newer"}}
	if err := all.add(later); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range all.Figures {
		got = append(got, f.Name+" "+f.Title)
	}
	if want := "me-cookie <me> & co, page new, binary newer, sockets sockets"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	other := sampleResults()
	other.Machine.Cores = 64
	if err := all.add(other); err == nil {
		t.Error("figures of two machines are mixed")
	}
	other = sampleResults()
	other.Machine.Commit = "ba9876543210"
	if err := all.add(other); err == nil {
		t.Error("figures of two versions are mixed")
	}
	other = sampleResults()
	other.Extent.Rounds = 1
	if err := all.add(other); err == nil {
		t.Error("figures of many rounds and of one are mixed")
	}
}

func TestThePageSaysWhatWasMeasured(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]machine{
		"commit abc":                     {Commit: "abc"},
		"commit abc with changes":        {Commit: "abc", Modified: true},
		"sources without a commit":       {},
		"a program with the SHA-256 def": {Given: "def"},
	} {
		if got := m.source(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	m, err := thisMachine(t.Context(), &rig{runCommand: runCommand{Server: os.Args[0]}})
	if err != nil || m.Cores < 1 || !strings.HasPrefix(m.Go, "go") || len(m.Given) != 64 || m.Commit != "" {
		t.Errorf("got %+v, %v", m, err)
	}
}
