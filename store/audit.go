package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// InsertAuditEvent records what happened.
func (s *Store) InsertAuditEvent(ctx context.Context, event *model.AuditEvent) error {
	return s.recorded(s.insert(ctx, event), event)
}

// InsertAuditEvents records several events at once.
func (s *Store) InsertAuditEvents(ctx context.Context, events []*model.AuditEvent) error {
	return s.recorded(s.insert(ctx, &events), events...)
}

// entryColumns are what is read of events to tell of them while they happen.
var entryColumns = []string{"id", "kind", "at", "user_id", "subject_id"}

// AuditEntries returns the events of some kinds whose ids come after one, sorted by id, so many at
// most: of each only what and whom it concerns. Ids sort by the time at which they were made; a
// transaction that takes long commits events among those that were read already.
func (s *Store) AuditEntries(ctx context.Context, after string, kinds []model.AuditKind, limit int) (entries []*model.AuditEvent, err error) {
	// The expression keeps a database from looking all of a kind up by its index.
	err = s.scan(ctx, s.reads.NewSelect().Model(&entries).Column(entryColumns...).
		Where("id > ?", after).Where("kind || '' IN (?)", bun.List(kinds)).Order("id").Limit(int64(limit)))
	return entries, err
}

// AuditEntriesByID is AuditEntries for those of the ids that there are.
func (s *Store) AuditEntriesByID(ctx context.Context, ids []string) (entries []*model.AuditEvent, err error) {
	err = s.scan(ctx, s.reads.NewSelect().Model(&entries).Column(entryColumns...).Where("id IN (?)", list(ids)).Order("id"))
	return entries, err
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
	Filter AuditFilter
	Page
}

// AuditEvents returns a page of events.
func (s *Store) AuditEvents(ctx context.Context, page AuditPage) (*Found[model.AuditEvent], error) {
	lists := page.Filter.lists(page.Descending)
	if len(lists) == 1 {
		return lists[0].read(ctx, s, page.Page)
	}
	along, err := s.furthest(ctx, lists, page.Page)
	if err != nil {
		return nil, err
	}
	return along.walk(ctx, s, page.Page, page.Filter.condition())
}

// furthest returns the one of lists of events along which a page gets furthest in time: there the
// fewest stand between those that are on all of the lists.
func (s *Store) furthest(ctx context.Context, lists []sorted[model.AuditEvent], page Page) (best sorted[model.AuditEvent], err error) {
	var stop *model.AuditEvent
	for _, list := range lists {
		var stops []*model.AuditEvent
		if err := s.scan(ctx, list.nth(s, page).Column("id", "at"), &stops); err != nil {
			return best, err
		}
		if len(stops) == 0 { // to its end
			return list, nil
		}
		if stop == nil || list.descending == (stops[0].At < stop.At) {
			best, stop = list, stops[0]
		}
	}
	return best, nil
}

// lists returns, for each condition that has an index, the list of all events that meet it, and
// the list of all events where there is none.
func (f AuditFilter) lists(descending bool) (lists []sorted[model.AuditEvent]) {
	list := sorted[model.AuditEvent]{
		column: "at", descending: descending, where: f.times,
		place: func(event *model.AuditEvent) *Position { return &Position{Key: event.At, ID: event.ID} },
	}
	for _, is := range f.equalities() {
		list := list
		list.where = func(query *bun.SelectQuery) { is(query); f.times(query) }
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		lists = append(lists, list)
	}
	return lists
}

// equalities returns the conditions that have an index each, by time.
func (f AuditFilter) equalities() (conditions []condition) {
	for _, is := range []struct {
		column bun.Ident
		value  string
	}{{"user_id", f.UserID}, {"actor_id", f.ActorID}, {"kind", string(f.Kind)}} {
		if is.value != "" {
			conditions = append(conditions, func(query *bun.SelectQuery) { query.Where("? = ?", is.column, is.value) })
		}
	}
	return conditions
}

func (f AuditFilter) times(query *bun.SelectQuery) {
	if !f.Since.IsZero() {
		query.Where("at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		query.Where("at < ?", f.Until)
	}
}

// condition returns what an event on one of the lists must still meet.
func (f AuditFilter) condition() condition {
	return func(query *bun.SelectQuery) {
		for _, is := range f.equalities() {
			is(query)
		}
	}
}

// CountFilteredAuditEvents returns how many events the filter matches, and atMost where it would
// have to look at more rows than that.
func (s *Store) CountFilteredAuditEvents(ctx context.Context, filter AuditFilter, atMost int) (int, error) {
	lists := filter.lists(false)
	fewest, shortest := atMost+1, 0
	for i, list := range lists {
		n, err := s.countUpTo(ctx, list.rows(s, nil), fewest)
		if err != nil {
			return 0, err
		}
		if n < fewest {
			fewest, shortest = n, i
		}
	}
	if fewest > atMost || len(lists) == 1 {
		return min(fewest, atMost), nil
	}
	return s.count(ctx, filter.condition().apply(s.reads.NewSelect().Model((*model.AuditEvent)(nil)).
		ModelTableExpr("(?) AS ?TableAlias", lists[shortest].rows(s, nil).Limit(int64(atMost)))))
}

// CountAuditEvents returns how many events of a kind happened since a time, up to atMost.
func (s *Store) CountAuditEvents(ctx context.Context, kind model.AuditKind, since model.Time, atMost int) (int, error) {
	return s.CountFilteredAuditEvents(ctx, AuditFilter{Kind: kind, Since: since}, atMost)
}
