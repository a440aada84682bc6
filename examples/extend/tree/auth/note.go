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

// notesByIDs returns notes, the viewer's own or anyone's to a holder of notes:read, as findByIDs
// returns them.
func (s *Service) notesByIDs(ctx context.Context, v *Viewer, ids []string) ([]*model.Note, []error, error) {
	return findByIDs(ctx, v, ids, model.NoteIDPrefix, s.store.NotesByIDs, func(note *model.Note) bool {
		return v.isOrCan(note.AuthorID, NotesRead)
	})
}

// AuthorsOfNotes returns who wrote each of the notes or, in the place of an author whom the viewer
// may not see, why not.
func (s *Service) AuthorsOfNotes(ctx context.Context, v *Viewer, notes []*model.Note) (authors []*model.User, refusals []error, err error) {
	ids := make([]string, len(notes))
	for i, note := range notes {
		ids[i] = note.AuthorID
	}
	return s.UsersByIDs(ctx, v, ids)
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
