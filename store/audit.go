package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// InsertAuditEvent records what happened.
func (s *Store) InsertAuditEvent(ctx context.Context, event *model.AuditEvent) error {
	return s.insert(ctx, event)
}

// DeleteAuditEvents removes at most limit events that happened before a time.
func (s *Store) DeleteAuditEvents(ctx context.Context, before model.Time, limit int) (int, error) {
	return s.deleteSome(ctx, (*model.AuditEvent)(nil), "id", "at", before, limit)
}

// AuditFilter says which events to list. Its zero value is all of them.
type AuditFilter struct {
	Kind    model.AuditKind
	UserID  string
	ActorID string
	Since   model.Time // inclusive
	Until   model.Time // exclusive
}

// AuditPage asks for the events next to a place in the list, by time.
type AuditPage struct {
	Filter     AuditFilter
	Descending bool
	From       *Position // exclusive; nil for the beginning
	Limit      int
}

// AuditEvents returns up to page.Limit events.
func (s *Store) AuditEvents(ctx context.Context, page AuditPage) ([]*model.AuditEvent, error) {
	var events []*model.AuditEvent
	query := filterEvents(s.reads.NewSelect().Model(&events), page.Filter).Limit(int64(page.Limit))
	turnTo(query, "at", page.Descending, page.From)
	return events, s.scan(ctx, query)
}

// CountFilteredAuditEvents returns how many events the filter matches.
func (s *Store) CountFilteredAuditEvents(ctx context.Context, filter AuditFilter) (int, error) {
	return s.count(ctx, filterEvents(s.reads.NewSelect().Model((*model.AuditEvent)(nil)), filter))
}

func filterEvents(query *bun.SelectQuery, filter AuditFilter) *bun.SelectQuery {
	for column, value := range map[bun.Ident]string{"kind": string(filter.Kind), "user_id": filter.UserID, "actor_id": filter.ActorID} {
		if value != "" {
			query.Where("? = ?", column, value)
		}
	}
	if !filter.Since.IsZero() {
		query.Where("at >= ?", filter.Since)
	}
	if !filter.Until.IsZero() {
		query.Where("at < ?", filter.Until)
	}
	return query
}

// CountAuditEvents returns how many events of a kind happened since a time.
func (s *Store) CountAuditEvents(ctx context.Context, kind model.AuditKind, since model.Time) (int, error) {
	return s.count(ctx, s.reads.NewSelect().Model((*model.AuditEvent)(nil)).Where("kind = ?", kind).Where("at >= ?", since))
}
