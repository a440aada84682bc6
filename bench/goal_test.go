package main

import "testing"

func TestAGoalIsMissedByMoreThanTheSpread(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		goal goal
		of   summary
		want string
	}{
		{atMost(2.5), summary{Median: 2.4, Low: 2.3, High: 2.6}, met},
		{atMost(2.5), summary{Median: 2.5, Low: 2.5, High: 2.5}, met},
		{atMost(2.5), summary{Median: 2.6, Low: 2.4, High: 2.9}, within},
		{atMost(2.5), summary{Median: 2.7, Low: 2.6, High: 2.9}, missed},
		{goal{}, summary{Median: 1000, Low: 900, High: 1100}, known},
		{atLeast(0.9), summary{Median: 0.95, Low: 0.8, High: 0.99}, met},
		{atLeast(0.9), summary{Median: 0.88, Low: 0.8, High: 0.91}, within},
		{atLeast(0.9), summary{Median: 0.8, Low: 0.7, High: 0.85}, missed},
	} {
		if got := test.goal.judge(test.of); got != test.want {
			t.Errorf("%v with %+v: got %s, want %s", test.goal, test.of, got, test.want)
		}
	}
	for _, test := range []struct {
		verdicts []string
		missed   bool
	}{{nil, false}, {[]string{met, within}, false}, {[]string{met, missed}, true}} {
		r := new(results)
		for _, verdict := range test.verdicts {
			r.Figures = append(r.Figures, figures{Rows: []figureRow{{Verdict: verdict}}})
		}
		if r.missed() != test.missed {
			t.Errorf("%v: a goal is missed: %v", test.verdicts, !test.missed)
		}
	}
}

func TestAMarginWidensAGoal(t *testing.T) {
	t.Parallel()
	if got := atMost(3).widened(2); got != atMost(6) {
		t.Errorf("at most 3 becomes %v", got)
	}
	if got := atLeast(0.9).widened(2); got != atLeast(0.45) {
		t.Errorf("at least 0.9 becomes %v", got)
	}
}
