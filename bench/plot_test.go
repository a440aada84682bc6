package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sampleResults are the results of a run that there never was.
func sampleResults() *results {
	ratio := newFigures(question{name: "me-cookie", title: "<me> & co"},
		[]row{{name: "cpu", title: "CPU, against \"bare\"", unit: "µs", of: "me", per: "bare", goal: atMost(2.5)}},
		map[string][]float64{"me": {60, 62, 61}, "bare": {20, 20, 20}})
	alone := newFigures(question{name: "binary", title: "the program"},
		[]row{{name: "size", title: "stripped", unit: "MB", of: "binary", goal: atMost(32)}}, map[string][]float64{"binary": {28}})
	return &results{
		Time:    time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC),
		Machine: machine{Cores: 2, CPU: "a CPU", Memory: "16 GB", Kernel: "6.1.0", Go: "go1.26", Commit: "0123456789ab"},
		Extent:  extent{Rounds: 5},
		Figures: []figures{ratio, alone, {Name: "sockets", Title: "sockets", Skipped: "no subscriptions"}},
	}
}

// elements returns the elements of XML, or fails the test where it is not well-formed.
func elements(t *testing.T, text string) (found []xml.StartElement) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if element, ok := token.(xml.StartElement); ok {
			found = append(found, element)
		}
	}
}

// number returns a numeric attribute of an element.
func number(t *testing.T, element xml.StartElement, name string) int {
	t.Helper()
	for _, attribute := range element.Attr {
		if attribute.Name.Local == name {
			n, err := strconv.Atoi(attribute.Value)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%v has no %s", element, name)
	return 0
}

func TestAPlotShowsEverySampleAndTheGoal(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := sampleResults().plots(folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "me-cookie.svg"))
	if err != nil {
		t.Fatal(err)
	}
	samples, bars, goals := 0, map[string]int{}, 0
	for _, element := range elements(t, string(text)) {
		switch element.Name.Local {
		case "circle":
			samples++
		case "rect":
			for _, attribute := range element.Attr {
				if attribute.Name.Local == "class" && attribute.Value != "page" {
					bars[attribute.Value] = number(t, element, "width")
				}
			}
		case "line":
			goals++
			// The goal is 2.5 times 20 and the bar 61 long.
			left := plotMargin + plotLabel
			if place, bar := number(t, element, "x1")-left, bars["ours"]; place*61/50 < bar-3 || place*61/50 > bar+3 {
				t.Errorf("the goal stands at %d, and the bar for 61 is %d long", place, bar)
			}
			if number(t, element, "y1") >= number(t, element, "y2") {
				t.Error("the goal's line has no length")
			}
		}
	}
	if samples != 6 || goals != 1 || len(bars) != 2 || bars["theirs"]*61/20 < bars["ours"]-4 || bars["theirs"]*61/20 > bars["ours"]+4 {
		t.Errorf("%d samples, %d goals, bars of %v", samples, goals, bars)
	}
	for _, want := range []string{"&lt;me&gt; &amp; co", "prefers-color-scheme:dark", "3.05 times bare (3.02–3.08), goal ≤ 2.50: missed"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the plot lacks %s:\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "binary.svg")); err != nil {
		t.Error(err)
	}
	alone := newFigures(question{name: "q", title: "q"}, []row{{of: "a", unit: "ms"}}, map[string][]float64{"a": {1, 2}}).plot()
	elements(t, alone)
	if strings.Contains(alone, `class="goal"`) || strings.Contains(alone, ", goal") {
		t.Errorf("a figure without a goal is drawn with one: %s", alone)
	}
	if _, err := os.Stat(filepath.Join(folder, "sockets.svg")); err == nil {
		t.Error("what was skipped has a plot")
	}
}
