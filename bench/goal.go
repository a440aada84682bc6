package main

import "fmt"

// goal is what a figure should be: at most, or at least, so much. The zero goal is none: the figure
// is there to be known.
type goal struct {
	AtLeast bool    `json:"atLeast,omitempty"`
	Value   float64 `json:"value"`
}

func atMost(value float64) goal  { return goal{Value: value} }
func atLeast(value float64) goal { return goal{AtLeast: true, Value: value} }

// widened returns the goal with a margin: 2 doubles what may be at most and halves what must be at
// least.
func (g goal) widened(margin float64) goal {
	if g.AtLeast {
		return atLeast(g.Value / margin)
	}
	return atMost(g.Value * margin)
}

// none reports whether there is no goal.
func (g goal) none() bool { return g == goal{} }

func (g goal) String() string {
	if g.none() {
		return ""
	}
	if g.AtLeast {
		return "≥ " + figure(g.Value)
	}
	return "≤ " + figure(g.Value)
}

// The verdicts on a figure.
const (
	met    = "met"
	within = "within the spread" // the median misses the goal, and a quarter of the samples or more meet it
	missed = "missed"
	known  = "no goal"
)

// judge says what becomes of a goal.
func (g goal) judge(s summary) string {
	if g.none() {
		return known
	}
	reached := func(value float64) bool { return value <= g.Value }
	best := s.Low
	if g.AtLeast {
		reached = func(value float64) bool { return value >= g.Value }
		best = s.High
	}
	switch {
	case reached(s.Median):
		return met
	case reached(best):
		return within
	default:
		return missed
	}
}

// figure writes a number with about three digits that count.
func figure(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}
