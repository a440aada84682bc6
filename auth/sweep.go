package auth

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/authgraph/authgraph/store"
)

// What has ended by itself is removed in batches, so that no other write waits long for a sweep:
// SQLite has one writer. How many rows a batch has follows from how long the last one took.

const (
	// sweepBatch is how many rows the first batch of each kind has.
	sweepBatch = 200
	// greatestBatch bounds what one statement removes where rows cost next to nothing.
	greatestBatch = 10_000
	// batchTime is how long a batch should hold the writer. It is well below what anybody
	// notices, 50 ms, since rows of one kind differ in what they cost.
	batchTime  = 20 * time.Millisecond
	sweepEvery = time.Minute
	sweepPause = 50 * time.Millisecond // between batches, for other writers
)

// sweep removes one kind of what has ended.
type sweep struct {
	what   string
	remove func(ctx context.Context, tx *store.Store, limit int) (int, error)
	batch  int // how many rows to remove next
}

// sweeps returns everything that is removed when it has ended.
func (s *Service) sweeps() []*sweep {
	sweeps := []*sweep{
		{what: "ended sessions", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteExpiredSessions(ctx, s.now(), limit)
		}},
		{what: "superseded tokens", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteSupersededTokens(ctx, s.now().Add(-supersededFor), limit)
		}},
		{what: "ended API tokens", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteExpiredAPITokens(ctx, s.now(), limit)
		}},
		{what: "old attempts", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteForgottenThrottles(ctx, s.now(), limit)
		}},
		{what: "expired keys", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteExpiredSigningKeys(ctx, s.now(), limit)
		}},
	}
	if s.IdleDuration > 0 {
		sweeps = append(sweeps, &sweep{what: "idle sessions", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteIdleSessions(ctx, s.now().Add(-s.IdleDuration), limit)
		}})
	}
	if s.AuditDuration > 0 {
		sweeps = append(sweeps, &sweep{what: "old audit events", remove: func(ctx context.Context, tx *store.Store, limit int) (int, error) {
			return tx.DeleteAuditEvents(ctx, s.now().Add(-s.AuditDuration), limit)
		}})
	}
	for _, sweep := range sweeps {
		sweep.batch = sweepBatch
	}
	return sweeps
}

// Sweep removes what has ended by itself until ctx is done.
func (s *Service) Sweep(ctx context.Context) {
	sweeps := s.sweeps()
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if wait != sweepPause { // once a round, however many batches it has
			s.attempt(ctx, &Viewer{}, "record refusals", s.refusals.record(ctx, s))
		}
		if wait = sweepEvery; s.sweepOnce(ctx, sweeps) {
			wait = sweepPause
		}
	}
}

// sweepOnce removes one batch of each kind and reports whether more is likely to be left.
func (s *Service) sweepOnce(ctx context.Context, sweeps []*sweep) (more bool) {
	defer func() {
		if reason := recover(); reason != nil {
			s.Log.ErrorContext(ctx, "failed to sweep", "error", fmt.Errorf("panic: %v\n%s", reason, debug.Stack()))
		}
	}()
	for _, sweep := range sweeps {
		left, err := sweep.once(ctx, s.store)
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "failed to remove "+sweep.what, "error", err)
		}
		more = more || left
	}
	return more
}

// once removes a batch, in a transaction of its own, and reports whether more is likely to be left.
func (sw *sweep) once(ctx context.Context, db *store.Store) (more bool, err error) {
	var removed int
	var began time.Time // when it was the writer's turn
	err = db.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error {
		began = time.Now()
		removed, err = sw.remove(ctx, tx, sw.batch)
		return err
	})
	if err != nil {
		return false, err
	}
	more = removed >= sw.batch
	sw.batch = nextBatch(sw.batch, removed, time.Since(began))
	return more, nil
}

// nextBatch returns how many rows to remove after a batch that was to remove so many, removed some
// and took so long. It grows at most twofold, and not by a batch that found too little to tell.
func nextBatch(batch, removed int, took time.Duration) int {
	next := int(float64(batch) * float64(batchTime) / float64(max(took, 1)))
	if removed < batch {
		next = min(next, batch)
	}
	return max(1, min(next, 2*batch, greatestBatch))
}
