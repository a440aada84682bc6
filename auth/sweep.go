package auth

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/authgraph/authgraph/model"
)

const (
	// sweepBatch is how many rows are removed at once: some milliseconds of the one writer's time.
	sweepBatch = 200
	sweepEvery = time.Minute
	sweepPause = 50 * time.Millisecond // between batches, for other writers
)

// Sweep removes what has ended by itself until ctx is done.
func (s *Service) Sweep(ctx context.Context) {
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if wait != sweepPause { // once a round, however many batches it has
			s.attempt(ctx, &Viewer{}, "record refusals", s.refusals.record(ctx, s))
		}
		if wait = sweepEvery; s.sweepOnce(ctx) {
			wait = sweepPause
		}
	}
}

// sweepOnce removes one batch of each kind and reports whether more is likely to be left.
func (s *Service) sweepOnce(ctx context.Context) (more bool) {
	defer func() {
		if reason := recover(); reason != nil {
			s.Log.ErrorContext(ctx, "failed to sweep", "error", fmt.Errorf("panic: %v\n%s", reason, debug.Stack()))
		}
	}()
	now := s.now()
	for name, remove := range map[string]func() (int, error){
		"ended sessions":    func() (int, error) { return s.store.DeleteExpiredSessions(ctx, now, sweepBatch) },
		"idle sessions":     func() (int, error) { return s.deleteIdle(ctx, now) },
		"superseded tokens": func() (int, error) { return s.store.DeleteSupersededTokens(ctx, now.Add(-supersededFor), sweepBatch) },
		"ended API tokens":  func() (int, error) { return s.store.DeleteExpiredAPITokens(ctx, now, sweepBatch) },
		"old attempts":      func() (int, error) { return s.store.DeleteForgottenThrottles(ctx, now, sweepBatch) },
		"old audit events":  func() (int, error) { return s.deleteOldEvents(ctx, now) },
		"expired keys":      func() (int, error) { return s.store.DeleteExpiredSigningKeys(ctx, now, sweepBatch) },
	} {
		removed, err := remove()
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "failed to remove "+name, "error", err)
		}
		more = more || removed == sweepBatch
	}
	return more
}

func (s *Service) deleteOldEvents(ctx context.Context, now model.Time) (int, error) {
	if s.AuditDuration == 0 {
		return 0, nil
	}
	return s.store.DeleteAuditEvents(ctx, now.Add(-s.AuditDuration), sweepBatch)
}

func (s *Service) deleteIdle(ctx context.Context, now model.Time) (int, error) {
	if s.IdleDuration == 0 {
		return 0, nil
	}
	return s.store.DeleteIdleSessions(ctx, now.Add(-s.IdleDuration), sweepBatch)
}
