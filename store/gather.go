package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

const (
	// gatherWait is how long a question waits for a statement that is under way before it goes with
	// another one.
	gatherWait = time.Millisecond
	// gatherSize is how many questions a statement asks at most.
	gatherSize = 100
	// gatherShare is the share of the connections that statements of one gather may take: one in so
	// many. There are as many gathers.
	gatherShare = 4
)

// gather asks the questions of many requests by few statements. Where the database is another
// process, most of what a look-up costs is the way there and back. Who asks while nothing is under
// way asks alone. What is asked meanwhile waits until that is back, and then goes in one statement
// with all else that waits. Where the way is long, others leave in the meantime, one each gatherWait,
// until so many are under way as may be: then whoever comes waits for one of them. So statements that
// hang take only some of the connections.
//
// A statement leaves after the questions were asked that it holds: nobody is told of what was so
// before.
type gather[Answer any] struct {
	most int // how many statements may be under way
	// alone returns the answer to the question about a value, or ErrNotFound.
	alone func(ctx context.Context, value string) (*Answer, error)
	// together returns the answers about several values in their order, each nil where there is none.
	together func(ctx context.Context, values []string) ([]*Answer, error)

	mu       sync.Mutex
	underWay int // how many statements are
	waiting  []*asker[Answer]
	late     *time.Timer // for the first of those who wait
	isLate   bool        // whether they go with the next statement that is back, whichever
}

// asker is who waits for the answer to a question.
type asker[Answer any] struct {
	ctx      context.Context
	value    string
	answered chan struct{} // closed when what follows is there
	answer   *Answer
	err      error
}

func newGather[Answer any](most int,
	alone func(ctx context.Context, value string) (*Answer, error),
	together func(ctx context.Context, values []string) ([]*Answer, error),
) *gather[Answer] {
	g := &gather[Answer]{most: most, alone: alone, together: together}
	g.late = time.AfterFunc(time.Hour, g.leaveLate)
	g.late.Stop() // nobody waits; at once, it might go off before it is there
	return g
}

// answer returns the answer to the question about a value, or ErrNotFound.
func (g *gather[Answer]) answer(ctx context.Context, value string) (*Answer, error) {
	g.mu.Lock()
	if g.underWay == 0 {
		g.underWay++
		g.mu.Unlock()
		defer func() {
			if next := g.leaveAgain(); next != nil {
				go g.run(next)
			}
		}()
		return g.alone(ctx, value)
	}
	a := &asker[Answer]{ctx: ctx, value: value, answered: make(chan struct{})}
	g.waiting = append(g.waiting, a)
	if len(g.waiting) == 1 {
		g.late.Reset(gatherWait)
	}
	g.mu.Unlock()
	select {
	case <-a.answered:
		return a.answer, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("failed to wait for the answer: %w", ctx.Err())
	}
}

// run is a statement under way that askers have left with, and those that leave when it is back.
func (g *gather[Answer]) run(askers []*asker[Answer]) {
	for ; askers != nil; askers = g.leaveAgain() {
		answers, err := g.answers(askers)
		for i, a := range askers {
			switch {
			case err != nil:
				a.err = err
			case answers[i] == nil:
				a.err = ErrNotFound
			default:
				a.answer = answers[i]
			}
			close(a.answered)
		}
	}
}

// leaveLate is another statement, for those who have waited long enough.
func (g *gather[Answer]) leaveLate() {
	g.mu.Lock()
	if g.isLate = g.underWay >= g.most; g.isLate {
		g.mu.Unlock()
		return
	}
	g.underWay++
	askers := g.leave()
	g.mu.Unlock()
	g.run(askers)
}

// leaveAgain returns those who go with a statement that is back: none where others are under way, for
// whom nobody has waited long yet.
func (g *gather[Answer]) leaveAgain() []*asker[Answer] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.underWay > 1 && !g.isLate {
		g.underWay--
		return nil
	}
	return g.leave()
}

// leave returns those who go with the next statement. Where it returns nil, none leaves.
func (g *gather[Answer]) leave() (askers []*asker[Answer]) {
	taken := 0
	for _, a := range g.waiting {
		if len(askers) == gatherSize {
			break
		}
		if taken++; a.ctx.Err() == nil { // whoever has gone has been told so
			askers = append(askers, a)
		}
	}
	g.waiting = slices.Delete(g.waiting, 0, taken)
	g.isLate = false
	if len(g.waiting) > 0 {
		g.late.Reset(gatherWait)
	} else {
		g.late.Stop()
	}
	if askers == nil {
		g.underWay--
	}
	return askers
}

// answers runs a statement. None of those who ask may end it for the others. A panic is the failure
// of all of them, for here nobody else would recover from it.
func (g *gather[Answer]) answers(askers []*asker[Answer]) (answers []*Answer, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	values := make([]string, len(askers))
	for i, a := range askers {
		values[i] = a.value
	}
	answers, err = g.together(context.Background(), values)
	if err == nil && len(answers) != len(askers) {
		err = fmt.Errorf("%d answers to %d questions", len(answers), len(askers))
	}
	return answers, err
}
