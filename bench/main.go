// Command bench measures the program from outside, over loopback: the release build against a
// bare HTTP server that does the same by hand, and against fixed goals.
//
//	go run ./bench                          every question, on SQLite
//	go run ./bench --only me-cookie         one of them
//	go run ./bench --short                  ratios alone, in about a minute
//	go run ./bench docs RESULTS.json        write tables and plots into docs/performance.md
//
// README.md beside it tells what each question measures. The rules are:
//
//   - What is compared runs in turn, several times, so that whatever else the machine does falls on
//     both. A ratio is taken within each round; what counts is the median of them.
//   - CPU time is that of the server's process, at a load that is the same for both.
//   - Everything is bounded, in time and in number, and what was started is stopped.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are what can be done.
type commands struct {
	Run  runCommand  `cmd:"" default:"withargs" help:"Measure, print a table, and write results and plots."`
	List listCommand `cmd:"" help:"List the questions."`
	Docs docsCommand `cmd:"" help:"Write tables and plots into a page of the documentation."`
}

// errMissed says that a goal was missed.
var errMissed = errors.New("a goal is missed")

func main() {
	var c commands
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&c, kong.Description("Measure authgraph from outside."), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
