package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress is told of rows that were added.
type progress func(rows int)

// newProgress shows a bar on a terminal, and elsewhere a line for each tenth.
func newProgress(w io.Writer, what string, total int) progress {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(fmt.Sprintf("%-9s", what)),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		return func(rows int) { _ = bar.Add(rows) } // a bar that cannot be drawn is no reason to stop
	}
	done := 0
	return func(rows int) {
		before := done * 10 / total
		if done += rows; done*10/total > before {
			fmt.Fprintf(w, "%s: %d of %d\n", what, done, total)
		}
	}
}
