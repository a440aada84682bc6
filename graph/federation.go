package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// This file is the subgraph that federation.graphqls makes of the schema. A gateway fetches by
// _entities what other subgraphs refer to. Since any caller can ask for it too, it shows what
// `node` shows and no more: both are auth.Service.Nodes.

// Subgraph is this server as those who compose subgraphs see it.
type Subgraph struct{ SDL string }

// SubgraphSchema returns the schema that is served as a subgraph: that of clients and what
// federation.graphqls adds.
var SubgraphSchema = sync.OnceValue(func() *ast.Schema { return withoutDefer(parsedSchema) })

// SubgraphSDL returns the text of the subgraph's schema, to be composed with those of others: as
// Apollo Federation wants it, without what federation.graphqls defines to be served.
var SubgraphSDL = sync.OnceValue(func() string {
	served := func(position *ast.Position) bool { return position != nil && position.Src.Name == federationFile }
	schema := *parsedSchema
	schema.Types, schema.Directives = maps.Clone(schema.Types), maps.Clone(schema.Directives)
	maps.DeleteFunc(schema.Types, func(_ string, definition *ast.Definition) bool { return served(definition.Position) })
	maps.DeleteFunc(schema.Directives, func(_ string, definition *ast.DirectiveDefinition) bool { return served(definition.Position) })
	query := *schema.Query
	query.Fields = slices.DeleteFunc(slices.Clone(query.Fields), func(field *ast.FieldDefinition) bool { return served(field.Position) })
	schema.Types[query.Name] = &query
	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatSchema(&schema)
	return text.String()
})

// __resolve__service is Query._service: gqlgen calls it by this name.
func (*executionContext) __resolve__service(context.Context) (Subgraph, error) {
	return Subgraph{SDL: SubgraphSDL()}, nil
}

// __resolve_entities is Query._entities: gqlgen calls it by this name, behind @auth.
func (ec *executionContext) __resolve_entities(ctx context.Context, representations []any) []auth.Node {
	entities, refusals, err := ec.Resolvers.(*Resolver).entities(ctx, representations)
	if err != nil {
		graphql.AddError(ctx, err)
		return make([]auth.Node, len(representations))
	}
	for i, refusal := range refusals {
		if refusal != nil {
			graphql.AddError(graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i}), refusal)
		}
	}
	return entities
}

// entities returns the objects for which representations stand, as auth.Service.Nodes does.
func (r *Resolver) entities(ctx context.Context, representations []any) (entities []auth.Node, refusals []error, err error) {
	entities, refusals = make([]auth.Node, len(representations)), make([]error, len(representations))
	var ids []string
	var places []int
	for i, representation := range representations {
		id, err := entityID(representation)
		if err != nil {
			refusals[i] = err
			continue
		}
		ids, places = append(ids, id), append(places, i)
	}
	nodes, refused, err := r.auth.Nodes(ctx, auth.ViewerFrom(ctx), ids)
	if err != nil {
		return nil, nil, err
	}
	for i, place := range places {
		entities[place], refusals[place] = nodes[i], refused[i]
	}
	return entities, refusals, nil
}

// entityPrefixes tells how the ids of each member of the union _Entity begin.
var entityPrefixes = map[string]string{
	"User":     model.UserIDPrefix,
	"Session":  model.SessionIDPrefix,
	"Role":     model.RoleIDPrefix,
	"ApiToken": model.APITokenIDPrefix,
}

// entityID returns the id in a representation, which is the input of anybody.
func entityID(representation any) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", &auth.Error{Code: auth.BadUserInput, Field: "representations", Message: "representations must be " + fmt.Sprintf(format, args...)}
	}
	object, ok := representation.(map[string]any)
	if !ok {
		return refuse("objects with __typename and id")
	}
	name, _ := object["__typename"].(string)
	prefix, known := entityPrefixes[name]
	id, ok := object["id"].(string)
	switch {
	case !known:
		return refuse("objects whose __typename is one of %s", strings.Join(slices.Sorted(maps.Keys(entityPrefixes)), ", "))
	case !ok:
		return refuse("objects whose id is a string")
	case len(object) != 2:
		return refuse("objects with __typename and id alone")
	case !strings.HasPrefix(id, prefix):
		return refuse("objects whose id fits their __typename; that of a %s begins with %s", name, prefix)
	}
	return id, nil
}
