package main

import (
	"slices"
	"testing"
)

func TestASummaryIsTheMedianAndTheMiddleHalf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		samples []float64
		want    summary
	}{
		{[]float64{7}, summary{7, 7, 7}},
		{[]float64{3, 1}, summary{2, 1.5, 2.5}},
		{[]float64{5, 1, 3, 2, 4}, summary{3, 2, 4}},
		{[]float64{4, 1, 1000, 2, 3}, summary{3, 2, 4}}, // one bad round says nothing
		{[]float64{1, 2, 3, 4}, summary{2.5, 1.75, 3.25}},
	} {
		before := slices.Clone(test.samples)
		if got := summarize(test.samples); got != test.want {
			t.Errorf("%v: got %v, want %v", test.samples, got, test.want)
		}
		if !slices.Equal(test.samples, before) {
			t.Error("samples lose the order of their rounds")
		}
	}
}

func TestARatioIsTakenWithinEachRound(t *testing.T) {
	t.Parallel()
	// The machine was three times as slow in the second round, for both.
	samples := map[string][]float64{"ours": {20, 60, 22}, "theirs": {10, 30, 11}}
	f := newFigures(question{name: "q"}, []row{{of: "ours", per: "theirs", goal: atMost(2)}}, samples)
	if got := f.Rows[0]; got.Figure != (summary{2, 2, 2}) || got.Against.Median != 11 || got.Reading.Median != 22 || got.Verdict != met {
		t.Errorf("got %+v", got)
	}
	f = newFigures(question{name: "q"}, []row{{of: "ours", goal: atMost(2)}}, samples)
	if got := f.Rows[0]; got.Figure.Median != 22 || got.Against != nil || got.Verdict != missed {
		t.Errorf("what is no ratio: %+v", got)
	}
}
