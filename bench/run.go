package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// runCommand measures.
type runCommand struct {
	Only     []string `placeholder:"QUESTION,…" help:"Which questions; all of them by default."`
	Short    bool     `help:"Only ratios, of few requests and with wide margins: whether something went badly wrong."`
	extent   `embed:""`
	Server   string `type:"existingfile" placeholder:"FILE" help:"The program to measure; by default it is built."`
	Postgres string `placeholder:"URL" help:"The PostgreSQL database in which to make a schema for the time of the run."`
	Cache    string `placeholder:"FOLDER" help:"Where filled databases are kept; by default in the user's cache."`
	Out      string `default:"bench-results" placeholder:"FOLDER" help:"Where results.json and the plots go."`
}

// extent is how much is measured.
type extent struct {
	Rounds      int           `json:"rounds" default:"5" placeholder:"N" help:"How often everything is measured, in turn."`
	Duration    time.Duration `json:"duration" default:"3s" placeholder:"DURATION" help:"How long a load lasts."`
	Rate        float64       `json:"rate" default:"0" placeholder:"N" help:"How many requests a second a load sends where CPU time is measured; 0 for as many as are answered."`
	Connections int           `json:"connections" default:"16" placeholder:"N" help:"How many connections carry a load."`
	Tokens      int           `json:"tokens" default:"2000" placeholder:"N" help:"How many sessions a load goes round."`
	Size        int           `json:"size" default:"1000000" placeholder:"N" help:"How many users, and sessions, the large database has."`
	BcryptCost  int           `json:"bcryptCost" default:"12" enum:"10,12" placeholder:"10|12" help:"The server's bcrypt cost."`
}

// check refuses an extent of which nothing comes.
func (e extent) check() error {
	switch {
	case e.Rounds < 1 || e.Connections < 1 || e.Duration <= 0 || e.Rate < 0:
		return errors.New("--rounds, --connections, --duration: want more than nothing, and for --rate no less")
	case e.Tokens < smallestSize || e.Size < smallestSize:
		return fmt.Errorf("--tokens, --size: want at least %d, for a few pages of users", smallestSize)
	}
	return nil
}

// smallestSize is how many users make a few pages.
const smallestSize = 200

// What the short form asks for.
const (
	shortRounds   = 3
	shortDuration = time.Second
	shortTokens   = 500
	shortCost     = 10
	shortMargin   = 2 // a ratio may be twice what it should be, or half of it
)

// Run measures the questions and says what came of them.
func (c *runCommand) Run(ctx context.Context) (err error) {
	asked, err := c.questions()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.Short {
		c.Rounds, c.Duration, c.Tokens, c.BcryptCost = shortRounds, shortDuration, shortTokens, shortCost
	}
	r, err := newRig(ctx, *c, os.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	machine, err := thisMachine(ctx, r)
	if err != nil {
		return err
	}
	found := &results{Time: time.Now().UTC().Truncate(time.Second), Machine: machine, Extent: c.extent}
	progress := newProgress(os.Stderr)
	for i, q := range asked {
		figures, err := r.ask(ctx, q, func(round int, side string) {
			progress.step(fmt.Sprintf("%d of %d, %s: round %d of %d, %s", i+1, len(asked), q.name, round+1, c.Rounds, side))
		})
		progress.clear()
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		found.Figures = append(found.Figures, figures)
	}
	if err := c.keep(found); err != nil {
		return err
	}
	if err := found.table(os.Stdout); err != nil {
		return err
	}
	if found.missed() {
		return errMissed
	}
	return nil
}

// questions returns those that are asked for.
func (c *runCommand) questions() (asked []question, err error) {
	var names []string
	for _, q := range questions() {
		names = append(names, q.name)
		if len(c.Only) == 0 && (q.short || !c.Short) || slices.Contains(c.Only, q.name) {
			asked = append(asked, q)
		}
	}
	for _, name := range c.Only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("--only: there is no question %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return asked, nil
}

// errSkipped says that a question cannot be measured here.
type skippedError string

func (e skippedError) Error() string { return string(e) }

// ask measures a question.
func (r *rig) ask(ctx context.Context, q question, step func(round int, side string)) (f figures, err error) {
	t, err := q.open(ctx, r)
	if t != nil {
		defer func() { err = errors.Join(err, t.close()) }()
	}
	if skipped, ok := errors.AsType[skippedError](err); ok {
		return figures{Name: q.name, Title: q.title, Skipped: string(skipped)}, nil
	}
	if err != nil {
		return figures{}, err
	}
	samples, err := t.run(ctx, r.Rounds, step)
	if err != nil {
		return figures{}, err
	}
	rows := t.rows
	if r.Short {
		rows = nil
		for _, row := range t.rows {
			if row.per != "" && !row.goal.none() { // no absolute figure, since the machine may be any
				row.goal = row.goal.widened(shortMargin)
				rows = append(rows, row)
			}
		}
	}
	return newFigures(q, rows, samples), nil
}

// keep writes the results and the plots.
func (c *runCommand) keep(found *results) error {
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	return errors.Join(found.write(filepath.Join(c.Out, "results.json")), found.plots(c.Out))
}
