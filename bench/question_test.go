package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatIsComparedRunsInTurn(t *testing.T) {
	t.Parallel()
	var order, said []string
	sideOf := func(name string) side {
		return side{name: name, take: func(context.Context) (readings, error) {
			order = append(order, name)
			return readings{name: float64(len(order))}, nil
		}}
	}
	trial := trial{sides: []side{sideOf("a"), sideOf("b")}}
	samples, err := trial.run(t.Context(), 3, func(round int, side string) { said = append(said, fmt.Sprint(round, side)) })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "a b a b a b" {
		t.Errorf("it ran %s", got)
	}
	if got := strings.Join(said, " "); got != "0a 0b 1a 1b 2a 2b" {
		t.Errorf("it said %s", got)
	}
	if !slices.Equal(samples["a"], []float64{1, 3, 5}) || !slices.Equal(samples["b"], []float64{2, 4, 6}) {
		t.Errorf("it found %v", samples)
	}
}

func TestAFailureEndsATrialAndWhatWasStartedIsStopped(t *testing.T) {
	t.Parallel()
	outage := errors.New("outage")
	var closed []string
	trial := &trial{sides: []side{{name: "a", take: func(context.Context) (readings, error) { return nil, outage }}}}
	trial.later(func() error { closed = append(closed, "first"); return nil })
	trial.later(func() error { closed = append(closed, "second"); return outage })
	if _, err := trial.run(t.Context(), 2, func(int, string) {}); !errors.Is(err, outage) {
		t.Errorf("got %v", err)
	}
	if err := trial.close(); !errors.Is(err, outage) || strings.Join(closed, " ") != "second first" {
		t.Errorf("closed are %v: %v", closed, err)
	}
}

func TestTheShortFormHoldsRatiosAlone(t *testing.T) {
	t.Parallel()
	q := question{name: "q", open: func(context.Context, *rig) (*trial, error) {
		return &trial{
			rows:  []row{{name: "ratio", of: "a", per: "b", goal: atMost(1)}, {name: "time", of: "a", goal: atMost(1)}},
			sides: []side{{name: "a", take: func(context.Context) (readings, error) { return readings{"a": 3, "b": 2}, nil }}},
		}, nil
	}}
	ask := func(c runCommand) figures {
		f, err := (&rig{runCommand: c}).ask(t.Context(), q, func(int, string) {})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if got := ask(runCommand{extent: extent{Rounds: 2}}); len(got.Rows) != 2 || got.Rows[0].Verdict != missed || got.Rows[1].Verdict != missed {
		t.Errorf("the long form: %+v", got)
	}
	got := ask(runCommand{extent: extent{Rounds: 2}, Short: true})
	if len(got.Rows) != 1 || got.Rows[0].Name != "ratio" || got.Rows[0].Goal != atMost(shortMargin) || got.Rows[0].Verdict != met {
		t.Errorf("the short form: %+v", got)
	}
}

func TestAQuestionThatCannotBeAskedHereIsSkipped(t *testing.T) {
	t.Parallel()
	q := question{name: "q", open: func(context.Context, *rig) (*trial, error) { return new(trial), skippedError("no database") }}
	f, err := (&rig{}).ask(t.Context(), q, func(int, string) {})
	if err != nil || f.Skipped != "no database" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestQuestionsAreKnownByName(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range questions() {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(q.name) || q.title == "" {
			t.Errorf("a question is called %q, %q", q.name, q.title)
		}
		if slices.Contains(names, q.name) {
			t.Errorf("two questions are called %s", q.name)
		}
		names = append(names, q.name)
		if !strings.Contains(string(readme), "| `"+q.name+"` |") {
			t.Errorf("README.md does not explain %s", q.name)
		}
	}
	asked, err := (&runCommand{Only: []string{"page", "login"}}).questions()
	if err != nil || len(asked) != 2 {
		t.Errorf("of two, %d are asked: %v", len(asked), err)
	}
	if _, err := (&runCommand{Only: []string{"pages"}}).questions(); err == nil || !strings.HasPrefix(err.Error(), "--only: ") {
		t.Errorf("an unknown question: %v", err)
	}
	all, err := (&runCommand{}).questions()
	if err != nil || len(all) != len(names) {
		t.Errorf("of %d, %d are asked: %v", len(names), len(all), err)
	}
	short, err := (&runCommand{Short: true}).questions()
	if err != nil || len(short) == 0 || len(short) == len(all) {
		t.Errorf("the short form asks %d of %d: %v", len(short), len(all), err)
	}
}

func TestAnExtentOfWhichNothingComesIsRefused(t *testing.T) {
	t.Parallel()
	good := extent{Rounds: 5, Duration: time.Second, Connections: 16, Tokens: 2000, Size: 1000}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*extent){
		"--rounds":      func(e *extent) { e.Rounds = 0 },
		"--duration":    func(e *extent) { e.Duration = 0 },
		"--connections": func(e *extent) { e.Connections = 0 },
		"--rate":        func(e *extent) { e.Rate = -1 },
		"--tokens":      func(e *extent) { e.Tokens = 10 },
		"--size":        func(e *extent) { e.Size = 10 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheServerIsGivenNoSettingsFromTheEnvironment(t *testing.T) {
	t.Setenv("AUTHGRAPH_PUBLIC_URL", "https://login.example.test")
	environ := (&rig{}).environ("sqlite:x.db", "AUTHGRAPH_MAX_SESSIONS=0")
	for _, unwanted := range environ {
		if strings.HasPrefix(unwanted, "AUTHGRAPH_PUBLIC_URL=") {
			t.Error(unwanted)
		}
	}
	for _, want := range []string{"AUTHGRAPH_DATABASE=sqlite:x.db", "AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_MAX_SESSIONS=0"} {
		if !slices.Contains(environ, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
