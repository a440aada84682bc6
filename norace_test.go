//go:build !race

package main

// withRaceDetector tells whether the tests run with the race detector.
const withRaceDetector = false
