package auth

import (
	"context"
	"fmt"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// NotesRead is the permission to see everyone's notes. The schema declares it.
const NotesRead = "notes:read"

const (
	// maxNote is how many characters a note may have.
	maxNote = 500
	// maxNotes is how many notes a user can have.
	maxNotes = 1000
)

// Notes returns a page of the viewer's own notes, newest first.
func (s *Service) Notes(ctx context.Context, v *Viewer, page PageArguments) (*Page[model.Note], error) {
	if err := s.checkUser(v); err != nil {
		return nil, err
	}
	return s.notePage(ctx, v.User.ID, page)
}

// CountNotes returns how many notes the viewer has.
func (s *Service) CountNotes(ctx context.Context, v *Viewer) (int, error) {
	if err := s.checkUser(v); err != nil {
		return 0, err
	}
	return s.store.CountNotes(ctx, v.User.ID, MaxCount)
}

// AllNotes returns a page of everyone's notes, newest first, to a holder of notes:read.
func (s *Service) AllNotes(ctx context.Context, v *Viewer, page PageArguments) (*Page[model.Note], error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{NotesRead}}); err != nil {
		return nil, err
	}
	return s.notePage(ctx, "", page)
}

// CountAllNotes returns how many notes there are, up to MaxCount, to a holder of notes:read.
func (s *Service) CountAllNotes(ctx context.Context, v *Viewer) (int, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{NotesRead}}); err != nil {
		return 0, err
	}
	return s.store.CountNotes(ctx, "", MaxCount)
}

func (s *Service) notePage(ctx context.Context, authorID string, page PageArguments) (*Page[model.Note], error) {
	place := func(note *model.Note) *store.Position {
		return &store.Position{Key: note.CreatedAt, ID: note.ID}
	}
	return readPage(s, page, "notes", place, func(backwards bool, page store.Page) (*store.Found[model.Note], error) {
		page.Descending = !backwards
		return s.store.Notes(ctx, authorID, page)
	})
}

// Note returns one of the viewer's own notes, or anyone's to a holder of notes:read. Otherwise,
// and where there is none, it refuses with NOT_FOUND.
func (s *Service) Note(ctx context.Context, v *Viewer, id string) (*model.Note, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	if err := checkID("id", id, model.NoteIDPrefix); err != nil {
		return nil, err
	}
	note, err := found(s.store.NoteByID(ctx, id))
	if err == nil && !v.Is(note.AuthorID) && !v.Can(NotesRead) {
		return nil, errNotFound
	}
	return note, err
}

// AddNote keeps a note of the viewer's.
func (s *Service) AddNote(ctx context.Context, v *Viewer, text string) (*model.Note, error) {
	if err := s.checkUser(v); err != nil {
		return nil, err
	}
	if text == "" {
		return nil, badInput("text", "must not be empty")
	}
	if err := checkText("text", text, maxNote); err != nil {
		return nil, err
	}
	note := &model.Note{ID: s.newID(model.NoteIDPrefix), AuthorID: v.User.ID, Text: text, CreatedAt: s.now()}
	return note, s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if _, err := tx.LockUser(ctx, v.User.ID); err != nil { // two at once: one after the other
			return ended(err)
		}
		count, err := tx.CountNotes(ctx, v.User.ID, maxNotes)
		if err != nil {
			return err
		}
		if count == maxNotes {
			return badInput("text", fmt.Sprintf("would be the %dth note", maxNotes+1))
		}
		return tx.InsertNote(ctx, note)
	})
}
