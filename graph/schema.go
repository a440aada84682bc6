package graph

import (
	"maps"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// SDL returns the schema as text: what is in schema.graphqls, and in what stands beside it.
func SDL() string {
	var text strings.Builder
	for _, source := range sources {
		if !source.BuiltIn {
			text.WriteString(source.Input)
		}
	}
	return text.String()
}

// Schema returns the schema that is served: the parsed one without @defer, which the parser
// knows and this server does not carry out.
var Schema = sync.OnceValue(func() *ast.Schema {
	served := *parsedSchema
	served.Directives = maps.Clone(parsedSchema.Directives)
	delete(served.Directives, "defer")
	return &served
})
