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
	// gatherWait is how long a question waits at most for a statement that is under way.
	gatherWait = time.Millisecond
	// gatherMost is how many questions a statement asks at most.
	gatherMost = 100
)

// gather asks the questions of many requests by few statements. Where the database is another
// process, most of what a look-up costs is the way there and back. Who asks while nothing is under
// way asks alone. What is asked meanwhile waits until that is back, and then goes in one statement
// with all else that waits. Where the way is long, others leave in the meantime, one each gatherWait:
// nobody waits longer than that, also where a statement hangs.
//
// A statement leaves after the questions were asked that it holds: nobody is told of what was so
// before.
type gather[Answer any] struct {
	// alone returns the answer to a question, or ErrNotFound.
	alone func(ctx context.Context, argument string) (*Answer, error)
	// together returns the answers to questions in their order, each nil where there is none.
	together func(ctx context.Context, arguments []string) ([]*Answer, error)

	mu       sync.Mutex
	underWay int // how many statements are
	waiting  []*asker[Answer]
	late     *time.Timer // for the first of those who wait
}

// asker is who waits for the answer to a question.
type asker[Answer any] struct {
	argument string
	answered chan struct{} // closed when what follows is there
	answer   *Answer
	err      error
}

func newGather[Answer any](
	alone func(ctx context.Context, argument string) (*Answer, error),
	together func(ctx context.Context, arguments []string) ([]*Answer, error),
) *gather[Answer] {
	g := &gather[Answer]{alone: alone, together: together}
	g.late = time.AfterFunc(gatherWait, func() {
		g.mu.Lock()
		g.underWay++
		g.mu.Unlock()
		g.run(g.leave(false))
	})
	return g
}

// answer returns the answer to the question with an argument, or ErrNotFound.
func (g *gather[Answer]) answer(ctx context.Context, argument string) (*Answer, error) {
	g.mu.Lock()
	if g.underWay == 0 {
		g.underWay++
		g.mu.Unlock()
		defer func() {
			if next := g.leave(true); next != nil {
				go g.run(next)
			}
		}()
		return g.alone(ctx, argument)
	}
	a := &asker[Answer]{argument: argument, answered: make(chan struct{})}
	g.waiting = append(g.waiting, a)
	if len(g.waiting) == 1 {
		g.late.Reset(gatherWait)
	}
	g.mu.Unlock()
	select {
	case <-a.answered:
		return a.answer, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run is a statement under way that askers have left with, and those that leave when it is back.
func (g *gather[Answer]) run(askers []*asker[Answer]) {
	for ; askers != nil; askers = g.leave(true) {
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

// leave returns those whose questions the next statement asks. One that is back leaves again only
// where no other is under way. Where it returns nil, no statement leaves.
func (g *gather[Answer]) leave(again bool) []*asker[Answer] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), gatherMost)
	if n == 0 || again && g.underWay > 1 {
		g.underWay--
		return nil
	}
	askers := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	if len(g.waiting) > 0 {
		g.late.Reset(gatherWait)
	} else {
		g.late.Stop()
	}
	return askers
}

// answers runs a statement. None of those who ask may end it for the others. A panic is the failure
// of all of them, for here nobody else would recover from it.
func (g *gather[Answer]) answers(askers []*asker[Answer]) (_ []*Answer, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	arguments := make([]string, len(askers))
	for i, a := range askers {
		arguments[i] = a.argument
	}
	return g.together(context.Background(), arguments)
}
