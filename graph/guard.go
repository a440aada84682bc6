package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
)

// guard is the directive @auth: it asks package auth whether the viewer may call the field.
func (r *Resolver) guard(ctx context.Context, _ any, next graphql.Resolver, roles, permissions []string, schemes []AuthScheme, fresh bool) (any, error) {
	guard := auth.Guard{Roles: roles, Permissions: permissions, Fresh: fresh, Mutation: graphql.GetFieldContext(ctx).Object == "Mutation"}
	for _, scheme := range schemes {
		guard.Schemes = append(guard.Schemes, auth.Scheme(scheme))
	}
	if err := r.auth.CheckGuard(auth.ViewerFrom(ctx), guard); err != nil {
		return nil, err
	}
	return next(ctx)
}

// Permissions returns the catalogue: every permission that the schema declares.
func Permissions() []string { return permissions(Schema()) }

func permissions(schema *ast.Schema) []string {
	var names []string
	for _, directive := range schema.SchemaDirectives.ForNames("permission") {
		names = append(names, directive.Arguments.ForName("name").Value.Raw)
	}
	return names
}

// CheckSchema returns what is wrong with the guards of a schema, so that a mistake stops the
// start and opens nothing: a root field with neither @auth nor @public, or with both; an
// empty list, which would let nobody or everybody in; a permission that is not declared.
func CheckSchema(schema *ast.Schema) error {
	catalogue := permissions(schema)
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		definition := schema.Types[name]
		root := definition == schema.Query || definition == schema.Mutation || definition == schema.Subscription
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			if err := checkGuards(field, root, catalogue); err != nil {
				return fmt.Errorf("the schema's field %s.%s %w", name, field.Name, err)
			}
		}
	}
	return nil
}

func checkGuards(field *ast.FieldDefinition, root bool, catalogue []string) error {
	guard, public := field.Directives.ForName("auth"), field.Directives.ForName("public")
	switch {
	case guard != nil && public != nil:
		return fmt.Errorf("has both @auth and @public")
	case guard == nil && public == nil && root:
		return fmt.Errorf("has neither @auth nor @public")
	case guard == nil:
		return nil
	}
	for _, argument := range guard.Arguments {
		values := []*ast.Value{argument.Value} // GraphQL takes a single value for a list of one
		if argument.Value.Kind == ast.ListValue {
			values = nil
			for _, child := range argument.Value.Children {
				values = append(values, child.Value)
			}
		}
		if len(values) == 0 {
			return fmt.Errorf("has an empty list of %s in @auth", argument.Name)
		}
		for _, value := range values {
			if value.Raw == "" {
				return fmt.Errorf("has an empty name among the %s in @auth", argument.Name)
			}
			if argument.Name == "permissions" && !slices.Contains(catalogue, value.Raw) {
				return fmt.Errorf("asks for the permission %q, which no @permission declares", value.Raw)
			}
		}
	}
	return nil
}
