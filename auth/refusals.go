package auth

import (
	"context"
	"sync"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// maxRefusalKeys is how many keys are counted at once; more than that go under one.
const maxRefusalKeys = 10_000

// refusals counts what was refused without touching the database, until Sweep records it: one
// row for each key and round.
type refusals struct {
	mu     sync.Mutex
	events map[string]*model.AuditEvent
}

// add counts a refusal under a key. The first of a round says from where it came.
func (r *refusals) add(s *Service, v *Viewer, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = map[string]*model.AuditEvent{}
	}
	if _, known := r.events[key]; !known && len(r.events) >= maxRefusalKeys {
		key = "others"
	}
	if event, known := r.events[key]; known {
		event.Occurrences++
		return
	}
	event := s.newEvent(v, model.AuditEvent{Kind: model.AuditThrottled, Detail: model.OptionalString(key)})
	r.events[key] = &event
}

// record writes what was counted into the audit trail.
func (r *refusals) record(ctx context.Context, s *Service) error {
	r.mu.Lock()
	events := r.events
	r.events = nil
	r.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	err := s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		for _, event := range events {
			if err := tx.InsertAuditEvent(ctx, event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.putBack(events)
	}
	return err
}

// putBack keeps what could not be recorded for the next round.
func (r *refusals) putBack(events map[string]*model.AuditEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, event := range r.events {
		if earlier, known := events[key]; known {
			earlier.Occurrences += event.Occurrences
		} else {
			events[key] = event
		}
	}
	r.events = events
}
