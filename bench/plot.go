package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// This file draws the figures of a question as SVG, readable on light and dark pages: for each row
// a bar for what was measured and one for what it was measured against, as long as the median, with
// a dot for each sample, and a line where the goal is.

// The sizes of a plot, in pixels.
const (
	plotWidth  = 760
	plotMargin = 16
	plotLabel  = 170 // of the bars, at their left
	plotValue  = 110 // at their right
	plotBar    = 22
	plotLine   = 20 // of text
)

const plotStyle = `text{font:13px system-ui,sans-serif;fill:#1f2328}.name{font-weight:600}.quiet{fill:#59636e}` +
	`.page{fill:#fff}.ours{fill:#0969da}.theirs{fill:#8c959f}.dot{fill:#1f2328;fill-opacity:.55}.goal{stroke:#cf222e;stroke-width:2;stroke-dasharray:5 3}` +
	`@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.page{fill:#0d1117}.ours{fill:#4493f8}.theirs{fill:#656c76}` +
	`.dot{fill:#e6edf3}.goal{stroke:#f85149}}`

// plots writes a plot of each question that was measured into a folder.
func (r *results) plots(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range r.Figures {
		if f.Skipped != "" || len(f.Rows) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, f.Name+".svg"), []byte(f.plot()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// plot draws the figures of a question.
func (f figures) plot() string {
	body, y := new(strings.Builder), plotMargin
	fmt.Fprintf(body, `<title>%s</title>`, escape(f.Title))
	for _, line := range f.Rows {
		y = f.plotRow(body, line, y)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d"><style>%s</style><rect class="page" width="100%%" height="100%%"/>%s</svg>`+"\n",
		plotWidth, y, plotStyle, body)
}

// plotRow draws a row from y on and returns where the next begins.
func (f figures) plotRow(w *strings.Builder, line figureRow, y int) int {
	write := func(x, y int, class, anchor, text string) {
		fmt.Fprintf(w, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, escape(text))
	}
	limit := line.Goal.Value
	if line.Against != nil {
		limit *= line.Against.Median
	}
	most := max(limit, slices.Max(f.Samples[line.Of]))
	if line.Per != "" {
		most = max(most, slices.Max(f.Samples[line.Per]))
	}
	left, right := plotMargin+plotLabel, plotWidth-plotMargin-plotValue
	place := func(value float64) int { return left + int(value/most*float64(right-left)) }

	write(plotMargin, y+plotLine/2, "name", "start", line.Title)
	y += plotLine
	top := y
	bar := func(class, name string, median float64) {
		write(left-8, y+plotBar/2+5, "", "end", name)
		fmt.Fprintf(w, `<rect class="%s" x="%d" y="%d" width="%d" height="%d"/>`, class, left, y+3, place(median)-left, plotBar-6)
		for _, sample := range f.Samples[name] {
			fmt.Fprintf(w, `<circle class="dot" cx="%d" cy="%d" r="3"/>`, place(sample), y+plotBar/2)
		}
		write(right+12, y+plotBar/2+5, "quiet", "start", figure(median)+" "+line.Unit)
		y += plotBar
	}
	bar("ours", line.Of, line.Reading.Median)
	if line.Against != nil {
		bar("theirs", line.Per, line.Against.Median)
	}
	if !line.Goal.none() {
		fmt.Fprintf(w, `<line class="goal" x1="%[1]d" y1="%[2]d" x2="%[1]d" y2="%[3]d"/>`, place(limit), top, y)
	}
	write(left, y+plotLine-4, "quiet", "start", line.summary())
	return y + 2*plotLine
}

// summary says in words what came of a row.
func (line figureRow) summary() string {
	what := ""
	if line.Per != "" {
		what = " times " + line.Per
	}
	text := fmt.Sprintf("%s%s (%s–%s)", figure(line.Figure.Median), what, figure(line.Figure.Low), figure(line.Figure.High))
	if line.Goal.none() {
		return text
	}
	return fmt.Sprintf("%s, goal %s: %s", text, line.Goal, line.Verdict)
}

// escape writes text as XML has it.
func escape(text string) string {
	b := new(strings.Builder)
	_ = xml.EscapeText(b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
