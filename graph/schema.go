package graph

import (
	"maps"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// federationFile is the source of what is served only as a subgraph.
const federationFile = "../federation.graphqls"

// SDL returns the schema of clients as text: what is in schema.graphqls, and in what
// stands beside it.
func SDL() string {
	var text strings.Builder
	for _, source := range clientSources() {
		text.WriteString(source.Input)
	}
	return text.String()
}

// Schema returns the schema of clients: what federation.graphqls adds to it is not there.
var Schema = sync.OnceValue(func() *ast.Schema {
	return withoutDefer(gqlparser.MustLoadSchema(clientSources()...))
})

// ServedSchema returns the schema that is served: that of clients or, in a federation, that of a
// subgraph.
func ServedSchema(federation bool) *ast.Schema {
	if federation {
		return SubgraphSchema()
	}
	return Schema()
}

func clientSources() (files []*ast.Source) {
	for _, source := range sources {
		if !source.BuiltIn && source.Name != federationFile {
			files = append(files, source)
		}
	}
	return files
}

// withoutDefer returns a parsed schema as it is served: without @defer, which the parser knows and
// this server does not carry out.
func withoutDefer(parsed *ast.Schema) *ast.Schema {
	served := *parsed
	served.Directives = maps.Clone(parsed.Directives)
	delete(served.Directives, "defer")
	return &served
}
