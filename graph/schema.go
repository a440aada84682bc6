package graph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// SDL returns the schema as text: what is in schema.graphqls.
func SDL() string {
	var text strings.Builder
	for _, source := range sources {
		if !source.BuiltIn {
			text.WriteString(source.Input)
		}
	}
	return text.String()
}

// Schema returns the parsed schema.
func Schema() *ast.Schema { return parsedSchema }
