package graph

import (
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
)

// checkConditions refuses an operation in which @skip or @include depends on a variable that is
// null. A variable with a default may be null by its type, and gqlgen panics over it.
func checkConditions(operation *graphql.OperationContext) error {
	null := func(directives ast.DirectiveList) error {
		for _, directive := range directives {
			if directive.Name != "skip" && directive.Name != "include" {
				continue
			}
			condition := directive.Arguments.ForName("if").Value
			if condition.Kind == ast.Variable && operation.Variables[condition.Raw] == nil {
				return &auth.Error{Code: auth.BadUserInput, Field: condition.Raw,
					Message: fmt.Sprintf("%s must not be null, since @%s depends on it", condition.Raw, directive.Name)}
			}
		}
		return nil
	}
	var check func(selections ast.SelectionSet) error
	check = func(selections ast.SelectionSet) error {
		for _, selection := range selections {
			var directives ast.DirectiveList
			var nested ast.SelectionSet
			switch selection := selection.(type) {
			case *ast.Field:
				directives, nested = selection.Directives, selection.SelectionSet
			case *ast.InlineFragment:
				directives, nested = selection.Directives, selection.SelectionSet
			case *ast.FragmentSpread:
				directives = selection.Directives // its definition is checked once, below
			}
			if err := null(directives); err != nil {
				return err
			}
			if err := check(nested); err != nil {
				return err
			}
		}
		return nil
	}
	err := check(operation.Operation.SelectionSet)
	for _, fragment := range operation.Doc.Fragments {
		if err == nil {
			err = check(fragment.SelectionSet)
		}
	}
	return err
}
