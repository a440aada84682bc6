package main

import (
	"math"
	"slices"
)

// summary is what is said of several samples: the one in the middle, and between which the middle
// half lies.
type summary struct {
	Median float64 `json:"median"`
	Low    float64 `json:"lowerQuartile"`
	High   float64 `json:"upperQuartile"`
}

// summarize returns the summary of samples, of which there is at least one.
func summarize(samples []float64) summary {
	sorted := slices.Sorted(slices.Values(samples))
	return summary{Median: quantile(sorted, 0.5), Low: quantile(sorted, 0.25), High: quantile(sorted, 0.75)}
}

// quantile returns the value below which a share of the sorted samples lies, between two of them
// in proportion.
func quantile(sorted []float64, share float64) float64 {
	place := share * float64(len(sorted)-1)
	below := int(math.Floor(place))
	if below+1 >= len(sorted) {
		return sorted[below]
	}
	return sorted[below] + (place-float64(below))*(sorted[below+1]-sorted[below])
}

// divide returns the quotients of two lists of the same length.
func divide(a, b []float64) []float64 {
	quotients := make([]float64, len(a))
	for i := range a {
		quotients[i] = a[i] / b[i]
	}
	return quotients
}
