//go:build race

package graph_test

// raceFactor is how much more the race detector makes everything cost.
const raceFactor = 10
