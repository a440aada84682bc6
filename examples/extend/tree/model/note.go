package model

// NoteIDPrefix tells the id of a note from others.
const NoteIDPrefix = "nte_"

// Note is something that a user wants to remember.
type Note struct {
	ID        string `bun:",pk"`
	AuthorID  string
	Text      string
	CreatedAt Time
}

// IsNode marks Note as an object that can be fetched by its id.
func (*Note) IsNode() {}
