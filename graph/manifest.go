package graph

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Manifest is the documents that front ends were built with, which the operator trusts. They are
// parsed once and never make room for others.
type Manifest struct {
	served *ast.Schema
	texts  map[string]string             // by each of their names
	parsed map[string]*ast.QueryDocument // by text
}

// Unlisted says what becomes of a document that is not in the manifest.
type Unlisted string

// What becomes of a document that is not in the manifest.
const (
	ExecuteUnlisted Unlisted = "off"
	LogUnlisted     Unlisted = "log" // it is executed, and logged once
	RefuseUnlisted  Unlisted = "refuse"
)

// LoadManifest reads the documents of files, each of which may be graphql-codegen's
// persisted-documents.json, Relay's file of persisted queries, or Apollo's manifest of persisted
// queries. It fails where a file holds none, where one does not fit the schema that is served, and
// where two have the same id. The same id may stand in several files, for the same text.
func LoadManifest(served *ast.Schema, files ...string) (*Manifest, error) {
	m := newManifest(served)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := m.read(content); err != nil {
			return nil, fmt.Errorf("%s: %s", file, strings.Join(strings.Fields(err.Error()), " ")) // in one line
		}
	}
	return m, nil
}

func newManifest(served *ast.Schema) *Manifest {
	return &Manifest{served: served, texts: map[string]string{}, parsed: map[string]*ast.QueryDocument{}}
}

// Len returns how many documents there are.
func (m *Manifest) Len() int { return len(m.parsed) }

// lists reports whether a text is that of a document, byte by byte.
func (m *Manifest) lists(text string) bool {
	_, listed := m.parsed[text]
	return listed
}

// read adds the documents of a file.
func (m *Manifest) read(content []byte) error {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(content, &members); err != nil {
		return fmt.Errorf("want one JSON object: %w", err)
	}
	documents, err := manifestDocuments(members, content)
	if err != nil {
		return err
	}
	if len(documents) == 0 {
		return errors.New("holds no documents")
	}
	for _, id := range slices.Sorted(maps.Keys(documents)) {
		if err := m.add(id, documents[id]); err != nil {
			return fmt.Errorf("document %q: %w", id, err)
		}
	}
	return nil
}

// manifestDocuments returns the texts of a file by their ids.
func manifestDocuments(members map[string]jsontext.Value, content []byte) (map[string]string, error) {
	documents := map[string]string{}
	if _, apollo := members["operations"]; !apollo { // graphql-codegen and Relay: each member is one
		for id, value := range members {
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("document %q: want its text", id)
			}
			documents[id] = text
		}
		return documents, nil
	}
	var manifest struct {
		Format     string `json:"format"`
		Version    int    `json:"version"`
		Operations []struct {
			ID   string `json:"id"`
			Body string `json:"body"`
		} `json:"operations"`
	}
	if err := json.Unmarshal(content, &manifest); err != nil {
		return nil, err
	}
	if manifest.Format != "apollo-persisted-query-manifest" || manifest.Version != 1 {
		return nil, errors.New("want the format apollo-persisted-query-manifest, version 1")
	}
	for _, operation := range manifest.Operations {
		if _, twice := documents[operation.ID]; twice {
			return nil, fmt.Errorf("document %q: the id is given twice", operation.ID)
		}
		documents[operation.ID] = operation.Body
	}
	return documents, nil
}

// add adds a document, by its id and by its SHA-256.
func (m *Manifest) add(id, text string) error {
	if id == "" {
		return errors.New("it has no id")
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, tokenLimit)
	if err != nil {
		return err
	}
	if len(document.Operations) == 0 {
		return errors.New("it has no operation")
	}
	if errs := validator.ValidateWithRules(m.served, document, nil); len(errs) > 0 {
		return errs[0]
	}
	hash := sha256Prefix + sha256Hex(text)
	// Apollo's clients send every id as if it were a hash.
	for _, name := range []string{id, sha256Prefix + id, hash} {
		if other, known := m.texts[name]; known && other != text {
			return errors.New("another document has the same id")
		}
		m.texts[name] = text
	}
	m.parsed[text] = document
	return nil
}
