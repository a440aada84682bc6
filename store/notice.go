package store

import (
	"context"
	"strings"

	"github.com/authgraph/authgraph/model"
)

// This file tells of audit events as they commit: this process by Told, others by Notify and Listen.
// All of it is for haste alone. Whoever must not miss an event reads the audit trail.

// Told makes told hear of the audit events of each commit of this Store's, after it. It must
// return soon, and takes the place of who was told before.
func (s *Store) Told(told func(entries []*model.AuditEvent)) { s.db.told.Store(&told) }

// tell tells of what has committed.
func (db *database) tell(entries []*model.AuditEvent) {
	if told := db.told.Load(); told != nil && len(entries) > 0 {
		(*told)(entries)
	}
}

// recorded notes audit events that were inserted with the outcome err, which it returns.
func (s *Store) recorded(err error, entries ...*model.AuditEvent) error {
	switch {
	case err != nil:
	case s.bound != nil:
		s.entries = append(s.entries, entries...)
	default:
		s.db.tell(entries)
	}
	return err
}

// Notifies reports whether other processes can be told.
func (s *Store) Notifies() bool { return s.db.engine.notify() != "" }

// notifiedAtOnce is how many ids one notification holds: PostgreSQL takes less than 8,000 bytes.
const notifiedAtOnce = 200

// Notify tells other processes the ids of audit events that have committed. It is no part of
// their transaction: PostgreSQL commits those one by one that notify.
func (s *Store) Notify(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		some := ids[:min(len(ids), notifiedAtOnce)]
		ids = ids[len(some):]
		if _, err := s.exec(ctx, s.writes.NewRaw(s.db.engine.notify(), strings.Join(some, " "))); err != nil {
			return err
		}
	}
	return nil
}

// Listen hands what other processes notify of to hear, from when listening is called until
// ctx is done or the connection is lost, and returns why. It has a connection of its own. Behind a
// pooler that gives connections to others after each transaction it hears nothing.
func (s *Store) Listen(ctx context.Context, listening func(), hear func(ids []string)) error {
	return s.db.engine.listen(ctx, listening, func(text string) { hear(strings.Fields(text)) })
}
