package main

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// progress says what is being measured: on a terminal in one line that changes, elsewhere in a
// line for each measurement.
type progress struct {
	out      *os.File
	terminal bool
}

func newProgress(out *os.File) progress {
	return progress{out: out, terminal: term.IsTerminal(int(out.Fd()))}
}

const clearLine = "\r\x1b[K"

func (p progress) step(text string) {
	if p.terminal {
		fmt.Fprint(p.out, clearLine+text)
		return
	}
	fmt.Fprintln(p.out, text)
}

// clear makes room for other output.
func (p progress) clear() {
	if p.terminal {
		fmt.Fprint(p.out, clearLine)
	}
}
