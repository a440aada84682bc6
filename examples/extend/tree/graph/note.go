package graph

import "github.com/authgraph/authgraph/model"

// NoteConnection is a page of notes.
type NoteConnection struct{ connection[model.Note] }

// Edges returns the notes of the page, each with its cursor.
func (c *NoteConnection) Edges() []*NoteEdge {
	edges := make([]*NoteEdge, len(c.page.Nodes))
	for i, note := range c.page.Nodes {
		edges[i] = &NoteEdge{Cursor: c.page.Cursor(note), Node: note}
	}
	return edges
}
