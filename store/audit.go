package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// InsertAuditEvent records what happened.
func (s *Store) InsertAuditEvent(ctx context.Context, event *model.AuditEvent) error {
	return s.insert(ctx, event)
}

// CountAuditEvents returns how many events of a kind happened since a time.
func (s *Store) CountAuditEvents(ctx context.Context, kind model.AuditKind, since model.Time) (int, error) {
	return s.count(ctx, s.reads.NewSelect().Model((*model.AuditEvent)(nil)).Where("kind = ?", kind).Where("at >= ?", since))
}
