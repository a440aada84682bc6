package main

import (
	"context"
	"errors"
)

// question is something to measure. It may give several figures.
type question struct {
	name  string // as --only takes it
	title string
	short bool // whether the short form asks it
	// open starts what the question needs.
	open func(ctx context.Context, r *rig) (*trial, error)
}

// questions are all of them, in the order of the table.
func questions() []question {
	return []question{
		meByCookie, meWhileChanging, meOnPostgres, meByAccessToken, page, login, flood, lookup, depth, start, memory, binary, sockets,
	}
}

// trial is a question under way.
type trial struct {
	sides  []side // what is compared: each is measured once in every round, in this order
	rows   []row
	closes []func() error
}

// side is one of the things that are compared.
type side struct {
	name string
	take func(ctx context.Context) (readings, error)
}

// readings are what one measurement gives, by name.
type readings map[string]float64

// row is a figure made of readings: one of them, or the ratio of two of the same round.
type row struct {
	name  string
	title string
	unit  string
	of    string // the reading
	per   string // the reading that it is divided by; empty where the figure is no ratio
	goal  goal
}

// later has something closed when the question is done, what came last first.
func (t *trial) later(close func() error) { t.closes = append(t.closes, close) }

func (t *trial) close() (err error) {
	for i := len(t.closes) - 1; i >= 0; i-- {
		err = errors.Join(err, t.closes[i]())
	}
	t.closes = nil
	return err
}

// run takes so many rounds and returns what they gave. step is told of each measurement before it
// is taken.
func (t *trial) run(ctx context.Context, rounds int, step func(round int, side string)) (map[string][]float64, error) {
	samples := map[string][]float64{}
	for round := range rounds {
		for _, side := range t.sides {
			step(round, side.name)
			readings, err := side.take(ctx)
			if err != nil {
				return nil, errors.Join(errors.New(side.name), err)
			}
			for name, value := range readings {
				samples[name] = append(samples[name], value)
			}
		}
	}
	return samples, ctx.Err()
}
