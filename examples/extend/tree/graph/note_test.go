package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

const (
	addNote   = `mutation($text: String!) { addNote(input: {text: $text}) { note { id text createdAt author { username } } } }`
	myNotes   = `{ notes { totalCount nodes { text author { username } } } }`
	allNotes  = `{ allNotes { totalCount nodes { text author { username } } } }`
	noteByID  = `query($id: ID!) { node(id: $id) { ... on Note { text } } }`
	someNotes = `query($first: Int, $after: String, $last: Int, $before: String) {
		notes(first: $first, after: $after, last: $last, before: $before) { edges { cursor node { text } } pageInfo { hasNextPage hasPreviousPage endCursor } }
	}`
)

func TestANoteIsItsAuthorsAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, bob := s.as("ada"), s.as("bob")
	r := ada.run(addNote, "text", "buy milk").ok()
	id := r.get("addNote.note.id")
	if !strings.HasPrefix(id, "nte_") || r.get("addNote.note.text") != "buy milk" || r.get("addNote.note.author.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	if r := ada.run(myNotes).ok(); r.list("notes.nodes", "text") != "buy milk" || r.get("notes.totalCount") != "1" {
		t.Errorf("ada sees %s", r.body)
	}
	if got := ada.run(noteByID, "id", id).ok().get("node.text"); got != "buy milk" {
		t.Errorf("by its id ada sees %s", got)
	}
	if r := bob.run(myNotes).ok(); r.get("notes.totalCount") != "0" || r.get("notes.nodes") != "[]" {
		t.Errorf("bob sees %s", r.body)
	}
	bob.run(noteByID, "id", id).refused(auth.NotFound, "")
	bob.run(allNotes).refused(auth.Forbidden, "")
	s.bearer("").run(myNotes).refused(auth.Unauthenticated, "")
	s.bearer("").run(addNote, "text", "x").refused(auth.Unauthenticated, "")
}

func TestAModeratorSeesEveryNote(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	admin.run(createRole, "name", "moderator", "permissions", []string{"notes:read"}).ok()
	ada, moderator := s.as("ada"), s.as("mo")
	admin.run(grantRole, "id", moderator.run(me).ok().get("me.id"), "role", "moderator").ok()
	id := ada.run(addNote, "text", "one").ok().get("addNote.note.id")
	moderator.run(addNote, "text", "two").ok()

	if r := moderator.run(`{ allNotes { totalCount nodes { text } } }`).ok(); r.list("allNotes.nodes", "text") != "two one" || r.get("allNotes.totalCount") != "2" {
		t.Errorf("the moderator sees %s", r.body)
	}
	if got := moderator.run(noteByID, "id", id).ok().get("node.text"); got != "one" {
		t.Errorf("by its id the moderator sees %s", got)
	}
	// Whose note it is takes the permission to see users, which the administrator has.
	if r := moderator.run(allNotes); r.get("allNotes.nodes.1.author") != "null" || r.json.Errors[0].Extensions.Code != "NOT_FOUND" {
		t.Errorf("the moderator sees who wrote it: %s", r.body)
	}
	if got := admin.run(allNotes).ok().get("allNotes.nodes.1.author.username"); got != "ada" {
		t.Errorf("the administrator sees that %s wrote it", got)
	}
}

func TestNotesArePaged(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.as("ada")
	for i := range 5 {
		ada.run(addNote, "text", fmt.Sprint(i)).ok()
	}
	r := ada.run(someNotes, "first", 2).ok()
	if r.list("notes.edges", "node.text") != "4 3" || r.get("notes.pageInfo.hasNextPage") != "true" {
		t.Errorf("the first page is %s", r.body)
	}
	r = ada.run(someNotes, "first", 3, "after", r.get("notes.pageInfo.endCursor")).ok()
	if r.list("notes.edges", "node.text") != "2 1 0" || r.get("notes.pageInfo.hasNextPage") != "false" {
		t.Errorf("the second page is %s", r.body)
	}
	r = ada.run(someNotes, "last", 2, "before", r.get("notes.edges.0.cursor")).ok()
	if r.list("notes.edges", "node.text") != "4 3" || r.get("notes.pageInfo.hasPreviousPage") != "false" {
		t.Errorf("the page before is %s", r.body)
	}
	ada.run(someNotes, "first", 101).refused(auth.BadUserInput, "first")
	ada.run(someNotes, "after", "forged").refused(auth.BadUserInput, "after")
}

func TestAddNoteRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.as("ada")
	for _, text := range []string{"", "two\nlines", "a\x00b", strings.Repeat("x", 501)} {
		ada.run(addNote, "text", text).refused(auth.BadUserInput, "text")
	}
	ada.run(addNote, "text", strings.Repeat("ü", 500)).ok()
	if got := ada.run(myNotes).ok().get("notes.totalCount"); got != "1" {
		t.Errorf("%s notes are kept, of which one was good", got)
	}
}

func TestAUserHasAThousandNotesAtMost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.as("ada")
	id := ada.run(me).ok().get("me.id")
	s.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		INSERT INTO notes SELECT 'nte_' || i, '` + id + `', 'x', i FROM n`)
	ada.run(addNote, "text", "the 1000th").ok()
	ada.run(addNote, "text", "one more").refused(auth.BadUserInput, "text")
	s.as("bob").run(addNote, "text", "one of another").ok()
}

func TestNotesGoWithTheirAuthor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.as("ada")
	ada.run(addNote, "text", "x").ok()
	ada.run(`mutation { deleteMe { deletedUserId } }`).ok()
	if n := s.count("SELECT count(*) FROM notes"); n != 0 {
		t.Errorf("%d notes of nobody are left", n)
	}
}
