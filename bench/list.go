package main

import (
	"fmt"
	"os"
	"text/tabwriter"
)

// listCommand lists the questions.
type listCommand struct{}

func (listCommand) Run() error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, q := range questions() {
		fmt.Fprintf(out, "%s\t%s\n", q.name, q.title)
	}
	return out.Flush()
}
