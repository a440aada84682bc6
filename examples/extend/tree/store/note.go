package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// InsertNote adds a note.
func (s *Store) InsertNote(ctx context.Context, note *model.Note) error {
	return s.insert(ctx, note)
}

// NotesByIDs returns those of the notes that there are, by id.
func (s *Store) NotesByIDs(ctx context.Context, ids []string) (map[string]*model.Note, error) {
	return byIDs(ctx, s, ids, func(note *model.Note) string { return note.ID })
}

// Notes returns a page of a user's notes, or of everyone's for "", by time.
func (s *Store) Notes(ctx context.Context, authorID string, page Page) (*Found[model.Note], error) {
	return notes(authorID, page.Descending).read(ctx, s, page)
}

// CountNotes returns how many notes a user has, or everyone for "", up to atMost.
func (s *Store) CountNotes(ctx context.Context, authorID string, atMost int) (int, error) {
	return s.countUpTo(ctx, notes(authorID, false).rows(s, nil), atMost)
}

// notes is the list of a user's notes, or of everyone's for "". Each of the two has an index.
func notes(authorID string, descending bool) sorted[model.Note] {
	list := sorted[model.Note]{
		column: "created_at", descending: descending,
		place: func(note *model.Note) *Position { return &Position{Key: note.CreatedAt, ID: note.ID} },
	}
	if authorID != "" {
		list.where = func(query *bun.SelectQuery) { query.Where("author_id = ?", authorID) }
	}
	return list
}
