package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// table prints the figures for people.
func (r *results) table(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "QUESTION\tFIGURE\tMEASURED\tAGAINST\tRESULT\tSPREAD\tGOAL\t")
	for _, f := range r.Figures {
		if f.Skipped != "" {
			fmt.Fprintf(out, "%s\t%s\t\t\t\t\t\tskipped\n", f.Name, f.Skipped)
			continue
		}
		for _, line := range f.Rows {
			against := ""
			if line.Against != nil {
				against = figure(line.Against.Median) + " " + line.Unit
			}
			fmt.Fprintf(out, "%s\t%s\t%s %s\t%s\t%s\t%s–%s\t%s\t%s\n", f.Name, line.Title, figure(line.Reading.Median), line.Unit, against,
				figure(line.Figure.Median), figure(line.Figure.Low), figure(line.Figure.High), line.Goal, line.Verdict)
		}
	}
	return out.Flush()
}
