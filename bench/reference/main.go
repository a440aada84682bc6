// Command reference does by hand what the program is measured against.
//
//	reference serve                      the bare server: decodes a request, encodes a user
//	reference serve --database FILE      and a page of users by hand-written SQL
//	reference bcrypt --cost 12           how many passwords all cores verify a second
//
// It takes nothing of the program's but what the data look like.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Serve  serveCommand  `cmd:"" help:"Serve what the program serves, by hand."`
	Bcrypt bcryptCommand `cmd:"" help:"Verify passwords on all cores."`
}

func main() {
	var c commands
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parsed := kong.Parse(&c, kong.Description("Do by hand what authgraph is measured against."), kong.BindTo(ctx, (*context.Context)(nil)))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}
