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

// PageArguments ask for a page as Relay's connection specification says: First goes with After,
// Last with Before.
type PageArguments struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Page is a part of a list with the cursor of each element.
type Page[T any] struct {
	Nodes       []T
	Cursors     []string
	HasNext     bool
	HasPrevious bool
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

// readPage reads the page that the arguments ask for of a list named list, whose cursors are those
// of cursorOf. read returns up to limit elements behind a place, backwards or not.
func readPage[T any](s *Service, p PageArguments, list string, cursorOf func(T) cursorPlace,
	read func(backwards bool, from *store.Position, limit int) ([]T, error),
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
	nodes, err := read(backwards, from, size+1) // one more than asked for tells whether others follow
	if err != nil {
		return nil, err
	}
	beyond, behind := len(nodes) > size, cursor != nil
	nodes = nodes[:min(size, len(nodes))]
	page := &Page[T]{Nodes: nodes, HasNext: beyond, HasPrevious: behind}
	if backwards {
		slices.Reverse(nodes)
		page.HasNext, page.HasPrevious = behind, beyond
	}
	for _, node := range nodes {
		place := cursorOf(node)
		place.List = list
		page.Cursors = append(page.Cursors, s.cursor(place))
	}
	return page, nil
}
