package store

import (
	"context"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// This file reads pages of sorted lists. A page costs about the same however many rows there
// are, however deep it lies and whatever its filter matches:
//
//   - It begins at a key of an index and not at an offset.
//   - Where few rows meet a condition that has an index, it is made of those alone.
//   - Otherwise the list is walked in its order, and the page looks at so many rows and no
//     more. It may then be short, and tells from where to go on.
//
// A database chooses how to run a statement by statistics, which may be old or missing. So each
// statement here leaves one choice: a LIMIT cuts the rows, in the order of an index, before any
// condition that this index does not have is asked. One statement tells both what was found and
// where looking ended, so that rows which come and go meanwhile make no page skip others.

// Position is a place in a list that is sorted by a key and then by id.
type Position struct {
	Key any // a model.Time or a string
	ID  string
}

// Page asks for the rows next to a place in a list.
type Page struct {
	Descending bool
	From       *Position // exclusive; nil for the beginning
	Limit      int
	Bounds     Bounds
}

// Bounds say how much one page may cost.
type Bounds struct {
	Few  int // a condition that so many rows meet at most is where the page is made from
	Look int // otherwise so many rows of the list are looked at
}

// Found is a page.
type Found[T any] struct {
	Rows []*T
	Last *Position // the last place that was looked at; nil where there was none
	More bool      // whether rows may stand behind it
}

// spot is where a row stands in a list: one that matches or, to stop at, the last that was looked at.
type spot struct {
	ID   string
	Key  any
	Stop bool
}

func (s spot) position() *Position {
	switch key := s.Key.(type) {
	case int64:
		return &Position{Key: model.Time(key), ID: s.ID}
	case []byte:
		return &Position{Key: string(key), ID: s.ID}
	default:
		return &Position{Key: key, ID: s.ID}
	}
}

// sorted is rows that are sorted by a column and then by id, in one direction. There is an index
// that has all of them in this order, and no others.
type sorted[T any] struct {
	column     bun.Ident
	descending bool
	where      condition // which rows of the table it has
	place      func(row *T) *Position
}

// condition says which rows a query returns. A nil one lets all pass.
type condition func(query *bun.SelectQuery)

func (c condition) apply(query *bun.SelectQuery) *bun.SelectQuery {
	if c != nil {
		c(query)
	}
	return query
}

// direction returns how the list is sorted.
func (l sorted[T]) direction() bun.Safe {
	if l.descending {
		return "DESC"
	}
	return "ASC"
}

// turn sorts a query as the list is, and begins it behind a place.
func (l sorted[T]) turn(query *bun.SelectQuery, from *Position) *bun.SelectQuery {
	if from != nil {
		behind := bun.Safe(">")
		if l.descending {
			behind = "<"
		}
		query.Where("(?, id) ? (?, ?)", l.column, behind, from.Key, from.ID)
	}
	return query.OrderExpr("? ?, id ?", l.column, l.direction(), l.direction())
}

// rows returns the rows of the list behind a place.
func (l sorted[T]) rows(s *Store, from *Position) *bun.SelectQuery {
	return l.turn(l.where.apply(s.reads.NewSelect().Model((*T)(nil))), from)
}

// of returns those of the rows that a query has cut by its LIMIT.
func (l sorted[T]) of(s *Store, cut *bun.SelectQuery) *bun.SelectQuery {
	return s.reads.NewSelect().Model((*T)(nil)).ModelTableExpr("(?) AS ?TableAlias", cut)
}

// read returns a page of the whole list.
func (l sorted[T]) read(ctx context.Context, s *Store, page Page) (*Found[T], error) {
	return l.scan(ctx, s, l.rows(s, page.From), page.Limit)
}

// few returns the rows that meet a condition with an index of its own. The LIMIT cuts nothing;
// it keeps a database from looking for the rows by another index.
func (l sorted[T]) few(s *Store, where condition) *bun.SelectQuery {
	return where.apply(s.reads.NewSelect().Model((*T)(nil))).Limit(math.MaxInt32)
}

// among returns a page of those that match of the few rows that meet a condition.
func (l sorted[T]) among(ctx context.Context, s *Store, where, match condition, page Page) (*Found[T], error) {
	return l.scan(ctx, s, l.turn(match.apply(l.of(s, l.few(s, where))), page.From), page.Limit)
}

// scan returns a page of a query, which is sorted and begins where the page does.
func (l sorted[T]) scan(ctx context.Context, s *Store, query *bun.SelectQuery, limit int) (*Found[T], error) {
	var rows []*T
	if err := s.scan(ctx, query.Limit(int64(limit+1)), &rows); err != nil {
		return nil, err
	}
	found := &Found[T]{Rows: rows[:min(len(rows), limit)], More: len(rows) > limit}
	if n := len(found.Rows); n > 0 {
		found.Last = l.place(found.Rows[n-1])
	}
	return found, nil
}

// walk returns a page of those rows of the list that match.
func (l sorted[T]) walk(ctx context.Context, s *Store, page Page, match condition) (*Found[T], error) {
	looked := l.rows(s, page.From).Limit(int64(page.Bounds.Look))
	matches := l.turn(match.apply(l.of(s, looked)), nil).ColumnExpr("id, ? AS key", l.column).Limit(int64(page.Limit + 1))
	var spots []spot
	err := s.scan(ctx, s.reads.NewRaw(`SELECT id, key, FALSE AS stop FROM (?) AS matches
		UNION ALL SELECT id, key, TRUE FROM (?) AS looked ORDER BY stop, key ?, id ?`,
		matches, l.nth(s, page).ColumnExpr("id, ? AS key", l.column), l.direction(), l.direction()), &spots)
	if err != nil {
		return nil, err
	}
	var stop *Position
	if n := len(spots); n > 0 && spots[n-1].Stop {
		stop, spots = spots[n-1].position(), spots[:n-1]
	}
	return l.fill(ctx, s, page, spots, stop)
}

// nth returns the last row that a page looks at, if there are so many.
func (l sorted[T]) nth(s *Store, page Page) *bun.SelectQuery {
	return l.rows(s, page.From).Limit(1).Offset(int64(page.Bounds.Look - 1))
}

// fill returns a page of the rows at the spots, of which one more than the page holds tells that
// there are more. Where the page looked no further than to a place, more may stand behind that.
func (l sorted[T]) fill(ctx context.Context, s *Store, page Page, spots []spot, stop *Position) (*Found[T], error) {
	found := &Found[T]{Last: stop, More: stop != nil}
	if len(spots) > page.Limit {
		spots, found.More, stop = spots[:page.Limit], true, nil
	}
	if len(spots) == 0 {
		return found, nil
	}
	if stop == nil {
		found.Last = spots[len(spots)-1].position()
	}
	var rows []*T
	ids := make([]string, len(spots))
	order := make(map[string]int, len(spots))
	for i, spot := range spots {
		ids[i], order[spot.ID] = spot.ID, i
	}
	if err := s.scan(ctx, s.reads.NewSelect().Model(&rows).Where("id IN (?)", list(ids))); err != nil {
		return nil, err
	}
	found.Rows = rows
	slices.SortFunc(rows, func(a, b *T) int { return order[l.place(a).ID] - order[l.place(b).ID] })
	return found, nil
}
