package auth

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/authgraph/authgraph/model"
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

// recordBatch is how many rows are written at once: some milliseconds of the one writer's time.
const recordBatch = 200

// record writes what was counted into the audit trail.
func (r *refusals) record(ctx context.Context, s *Service) error {
	r.mu.Lock()
	counted := r.events
	r.events = nil
	r.mu.Unlock()
	for keys := range slices.Chunk(slices.Collect(maps.Keys(counted)), recordBatch) {
		var events []*model.AuditEvent
		for _, key := range keys {
			events = append(events, counted[key])
		}
		if err := s.store.InsertAuditEvents(ctx, events); err != nil {
			r.putBack(counted)
			return err
		}
		for _, key := range keys {
			delete(counted, key)
		}
	}
	return nil
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
