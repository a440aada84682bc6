package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// departure is a statement as a database sees it.
type departure struct {
	at        time.Duration // since the beginning
	arguments string
}

// gatherOf returns a gather that asks one question as it asks several.
func gatherOf(most int, together func(ctx context.Context, arguments []string) ([]*string, error)) *gather[string] {
	alone := func(ctx context.Context, value string) (*string, error) {
		answers, err := together(ctx, []string{value})
		if err != nil {
			return nil, err
		}
		if answers[0] == nil {
			return nil, ErrNotFound
		}
		return answers[0], nil
	}
	return newGather(most, alone, together)
}

// askAt asks questions, each at its time after the beginning, of a database that is so far away, by
// so many statements at once at most, and returns which statements left when, and when each question
// was answered.
func askAt(t *testing.T, most int, way func(arguments []string) time.Duration, questions map[string]time.Duration) (departures []departure, answered map[string]time.Duration) {
	t.Helper()
	start := time.Now()
	answered = map[string]time.Duration{}
	var mu sync.Mutex
	g := gatherOf(most, func(_ context.Context, arguments []string) ([]*string, error) {
		mu.Lock()
		departures = append(departures, departure{time.Since(start), strings.Join(slices.Sorted(slices.Values(arguments)), " ")})
		mu.Unlock()
		time.Sleep(way(arguments))
		answers := make([]*string, len(arguments))
		for i := range arguments {
			answers[i] = &arguments[i]
		}
		return answers, nil
	})
	var asking sync.WaitGroup
	for question, at := range questions {
		asking.Go(func() {
			time.Sleep(at)
			answer, err := g.answer(t.Context(), question)
			if err != nil || *answer != question {
				t.Errorf("%s: %v, %v", question, answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			answered[question] = time.Since(start)
		})
	}
	asking.Wait()
	return departures, answered
}

func always(way time.Duration) func([]string) time.Duration {
	return func([]string) time.Duration { return way }
}

const µs = time.Microsecond

func TestWhatIsAskedMeanwhileIsAskedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		departures, _ := askAt(t, 10, always(500*µs), map[string]time.Duration{"a": 0, "b": 100 * µs, "c": 200 * µs, "d": 499 * µs, "e": 501 * µs})
		want := []departure{{0, "a"}, {500 * µs, "b c d"}, {1000 * µs, "e"}}
		if !slices.Equal(departures, want) {
			t.Errorf("%v, want %v", departures, want)
		}
	})
}

func TestWhoAsksWhileNobodyDoesIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, answered := askAt(t, 10, always(500*µs), map[string]time.Duration{"a": 0, "b": 600 * µs, "c": 1200 * µs})
		if answered["a"] != 500*µs || answered["b"] != 1100*µs || answered["c"] != 1700*µs {
			t.Error(answered)
		}
	})
}

func TestNobodyWaitsLongForAStatementThatIsFarAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		departures, answered := askAt(t, 10, always(5*time.Millisecond), map[string]time.Duration{
			"a": 0, "b": 100 * µs, "c": 200 * µs, "d": 1500 * µs, "e": 4800 * µs, "f": 5900 * µs,
		})
		// e waits for nothing longer than a millisecond, though a comes back before.
		want := []departure{{0, "a"}, {1100 * µs, "b c"}, {2500 * µs, "d"}, {5800 * µs, "e"}, {6900 * µs, "f"}}
		if !slices.Equal(departures, want) {
			t.Errorf("%v, want %v", departures, want)
		}
		if answered["c"] != 6100*µs {
			t.Error(answered)
		}
	})
}

func TestAStatementThatHangsHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, answered := askAt(t, 10, func(arguments []string) time.Duration {
			if slices.Contains(arguments, "hangs") {
				return time.Hour
			}
			return 100 * µs
		}, map[string]time.Duration{"hangs": 0, "b": 10 * µs, "c": 2000 * µs})
		if answered["b"] != 1110*µs || answered["c"] != 3100*µs || answered["hangs"] != time.Hour {
			t.Error(answered)
		}
	})
}

func TestOnlySoManyStatementsAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		departures, _ := askAt(t, 3, always(10*time.Millisecond), map[string]time.Duration{
			"a": 0, "b": 100 * µs, "c": 1200 * µs, "d": 2300 * µs, "e": 4000 * µs, "f": 10_500 * µs,
		})
		// d and e wait for a, since three are under way; f waits no longer than anybody.
		want := []departure{{0, "a"}, {1100 * µs, "b"}, {2200 * µs, "c"}, {10_000 * µs, "d e"}, {11_500 * µs, "f"}}
		if !slices.Equal(departures, want) {
			t.Errorf("%v, want %v", departures, want)
		}
	})
}

func TestNobodyAsksForThoseWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		g := gatherOf(1, func(_ context.Context, values []string) ([]*string, error) {
			asked = append(asked, strings.Join(values, " "))
			time.Sleep(time.Second)
			return make([]*string, len(values)), nil
		})
		var asking sync.WaitGroup
		for i, patience := range []time.Duration{time.Hour, time.Millisecond, time.Hour, time.Millisecond} {
			asking.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, _ = g.answer(ctx, fmt.Sprint(i))
			})
			synctest.Wait()
		}
		asking.Wait()
		if !slices.Equal(asked, []string{"0", "2"}) {
			t.Error(asked)
		}
	})
}

func TestAStatementAsksOnlySoMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		questions := map[string]time.Duration{"first": 0}
		for i := range gatherSize + 1 {
			questions[fmt.Sprint(i)] = 10 * µs
		}
		departures, _ := askAt(t, 10, always(100*µs), questions)
		if len(departures) != 3 || len(strings.Fields(departures[1].arguments)) != gatherSize {
			t.Error(departures)
		}
	})
}

func TestAFailureIsThatOfAllWhoAskTogether(t *testing.T) {
	outage := errors.New("an outage")
	for name, test := range map[string]struct {
		together func() ([]*string, error)
		matches  func(error) bool
	}{
		"an outage":   {func() ([]*string, error) { return nil, outage }, func(err error) bool { return errors.Is(err, outage) }},
		"a panic":     {func() ([]*string, error) { panic("at the wrong time") }, func(err error) bool { return strings.Contains(fmt.Sprint(err), "at the wrong time") }},
		"too few":     {func() ([]*string, error) { return nil, nil }, func(err error) bool { return err != nil && !errors.Is(err, ErrNotFound) }},
		"not found":   {func() ([]*string, error) { return make([]*string, 2), nil }, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"no failures": {func() ([]*string, error) { return []*string{new(string), new(string)}, nil }, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGather(10,
					func(context.Context, string) (*string, error) {
						time.Sleep(100 * µs)
						return new(string), nil
					},
					func(context.Context, []string) ([]*string, error) { return test.together() })
				var asking sync.WaitGroup
				for i := range 3 {
					asking.Go(func() {
						time.Sleep(time.Duration(i) * µs)
						_, err := g.answer(t.Context(), fmt.Sprint(i))
						if i > 0 && !test.matches(err) || i == 0 && err != nil {
							t.Errorf("%d: %v", i, err)
						}
					})
				}
				asking.Wait()
			})
		})
	}
}

func TestAFailureOfWhoAsksAloneIsTheirsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGather(10,
			func(context.Context, string) (*string, error) {
				time.Sleep(100 * µs)
				panic("at the wrong time")
			},
			func(_ context.Context, arguments []string) ([]*string, error) {
				return []*string{&arguments[0]}, nil
			})
		failed := make(chan any)
		go func() {
			defer func() { failed <- recover() }()
			_, _ = g.answer(t.Context(), "alone")
		}()
		synctest.Wait()
		if answer, err := g.answer(t.Context(), "meanwhile"); err != nil || *answer != "meanwhile" {
			t.Error(answer, err)
		}
		if reason := <-failed; reason != "at the wrong time" {
			t.Error("the panic was", reason)
		}
	})
}

func TestWhoGivesUpTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gatherOf(10, func(ctx context.Context, arguments []string) ([]*string, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(100 * µs):
				return make([]*string, len(arguments)), nil
			}
		})
		// The first asks alone, the others after it: one of them has given up by then, one does on the way.
		var asking sync.WaitGroup
		for question, patience := range map[string]time.Duration{"first": time.Hour, "impatient": 50 * µs, "too": 150 * µs, "patient": time.Hour} {
			asking.Go(func() {
				if question != "first" {
					time.Sleep(10 * µs)
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := g.answer(ctx, question)
				if want := map[bool]error{true: ErrNotFound, false: context.DeadlineExceeded}[patience == time.Hour]; !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", question, err, want)
				}
			})
		}
		asking.Wait()
	})
}
