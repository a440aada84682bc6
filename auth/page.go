package auth

import (
	"fmt"
	"slices"

	"github.com/authgraph/authgraph/store"
)

// The size of a page.
const (
	defaultPage = 20
	maxPage     = 100
)

// usualBounds are what a page may cost: some milliseconds of the database, and about three times as
// much as in a small one.
var usualBounds = store.Bounds{
	Few:  250,
	Look: 200,
}

// MaxCount is the greatest figure that anything is counted to. It stands for all that are greater,
// and for what could only be told by looking at more rows than that.
const MaxCount = 100_000

// PageArguments ask for a page as Relay's connection specification says: First goes with After,
// Last with Before.
type PageArguments struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Page is a part of a list. Cursor signs the place of an element in it, for those who ask. What it was looked for in may end
// before it is full: then it is short, or empty, and still has a next page (or, backwards, a
// previous one), which begins at the cursor of that end.
type Page[T any] struct {
	Nodes       []*T
	Cursor      func(*T) string
	HasNext     bool
	HasPrevious bool
	Start, End  *string // the cursors of the page's two ends; nil for a list without elements
}

// size returns how many elements to read and whether backwards.
func (p PageArguments) size() (size int, backwards bool, err error) {
	switch {
	case p.First != nil && p.Last != nil:
		return 0, false, badInput("last", "must not be given together with first")
	case p.Last == nil && p.Before != nil:
		return 0, false, badInput("before", "goes with last")
	case p.Last != nil && p.After != nil:
		return 0, false, badInput("after", "goes with first")
	case p.Last != nil:
		return *p.Last, true, checkPageSize("last", *p.Last)
	case p.First != nil:
		return *p.First, false, checkPageSize("first", *p.First)
	default:
		return defaultPage, false, nil
	}
}

func checkPageSize(field string, size int) error {
	if size < 1 || size > maxPage {
		return badInput(field, fmt.Sprintf("must be 1 to %d", maxPage))
	}
	return nil
}

// readPage reads the page that the arguments ask for of a list named list, in which place tells
// where an element stands. read returns a page, backwards or not.
func readPage[T any](s *Service, p PageArguments, list string, place func(*T) *store.Position,
	read func(backwards bool, page store.Page) (*store.Found[T], error),
) (*Page[T], error) {
	size, backwards, err := p.size()
	if err != nil {
		return nil, err
	}
	field, cursor := "after", p.After
	if backwards {
		field, cursor = "before", p.Before
	}
	var from *store.Position
	if cursor != nil {
		if from, err = s.position(field, *cursor, list); err != nil {
			return nil, err
		}
	}
	found, err := read(backwards, store.Page{From: from, Limit: size, Bounds: s.PageBounds})
	if err != nil {
		return nil, err
	}
	page := &Page[T]{
		Nodes: found.Rows, HasNext: found.More, HasPrevious: cursor != nil,
		Cursor: func(node *T) string { return s.cursor(list, place(node)) },
	}
	if found.Last != nil {
		page.End = new(s.cursor(list, found.Last))
		page.Start = page.End
	}
	if len(found.Rows) > 0 {
		page.Start = new(page.Cursor(found.Rows[0]))
	}
	if backwards {
		slices.Reverse(page.Nodes)
		page.HasNext, page.HasPrevious = page.HasPrevious, page.HasNext
		page.Start, page.End = page.End, page.Start
	}
	return page, nil
}
