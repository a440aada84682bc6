package graph

import (
	"encoding/json"
	"math"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
)

// This file says how much one operation may ask for. Each fragment is looked at once, however
// often it is spread: walking it again for each spread would be the very attack. Cost is
// counted with saturation, so that it cannot overflow.

const (
	// maxDepth is how deep fields may nest. Introspection queries of the usual tools nest 13 deep.
	maxDepth = 16
	// maxCost is how many fields an answer may have: a page of 100 users with their sessions
	// and roles costs about half of it.
	maxCost = 30_000
	// listCost is how many elements a list without a size of its own is taken to have.
	listCost = 10
	// pageCost is how many elements a page has when no size is asked for.
	pageCost = 20
	// maxPage is the greatest size of a page; what asks for more is refused by the rules.
	maxPage = 100
)

// survey is what an operation asks for.
type survey struct {
	depth, cost   int
	passwords     int  // root fields that hash or compare a password
	introspection bool // whether it asks for the schema
}

// check refuses what asks for too much.
func (s survey) check(introspection bool) error {
	switch {
	case s.introspection && !introspection:
		return &auth.Error{Code: validationFailed, Message: "This server does not tell its schema."}
	case s.depth > maxDepth:
		return &auth.Error{Code: tooComplex, Message: "The operation nests too deep."}
	case s.cost > maxCost:
		return &auth.Error{Code: tooComplex, Message: "The operation asks for too many fields; ask for smaller pages."}
	case s.passwords > 1:
		return &auth.Error{Code: tooComplex, Message: "An operation may have one field that checks a password."}
	}
	return nil
}

// surveyOperation looks at an operation that has been validated, so that its fragments do not
// go in circles.
func surveyOperation(operation *graphql.OperationContext) survey {
	w := walker{variables: operation.Variables, fragments: map[string]survey{}}
	return w.selections(operation.Operation.SelectionSet)
}

type walker struct {
	variables map[string]any
	fragments map[string]survey // by name, each walked once
}

func (w walker) selections(selections ast.SelectionSet) (sum survey) {
	for _, selection := range selections {
		var part survey
		switch selection := selection.(type) {
		case *ast.Field:
			part = w.field(selection)
		case *ast.InlineFragment:
			part = w.selections(selection.SelectionSet)
		case *ast.FragmentSpread:
			known := false
			if part, known = w.fragments[selection.Name]; !known {
				part = w.selections(selection.Definition.SelectionSet)
				w.fragments[selection.Name] = part
			}
		}
		sum.depth = max(sum.depth, part.depth)
		sum.cost = add(sum.cost, part.cost)
		sum.passwords = add(sum.passwords, part.passwords)
		sum.introspection = sum.introspection || part.introspection
	}
	return sum
}

func (w walker) field(field *ast.Field) survey {
	below := w.selections(field.SelectionSet)
	below.depth++
	if field.Name == "__schema" || field.Name == "__type" {
		below.introspection = true
		below.cost = 1 // what the schema holds is known, and little
		return below
	}
	below.cost = add(1, multiply(w.elements(field), below.cost))
	if field.Definition.Directives.ForName("password") != nil {
		below.passwords = add(below.passwords, 1)
	}
	return below
}

// elements returns how many objects a field may have below it.
func (w walker) elements(field *ast.Field) int {
	paged := false
	for _, argument := range field.Definition.Arguments {
		paged = paged || argument.Name == "first"
	}
	if !paged {
		if field.Definition.Type.Elem != nil && !isPageContent(field) {
			return listCost
		}
		return 1
	}
	size := pageCost
	for _, name := range []string{"first", "last"} {
		if argument := field.Arguments.ForName(name); argument != nil {
			size = max(size, w.integer(argument.Value))
		}
	}
	return size
}

// isPageContent reports whether a field lists what the page around it was counted for already.
func isPageContent(field *ast.Field) bool {
	return field.Name == "edges" || field.Name == "nodes"
}

// integer returns an argument's number, and 0 for what is none: it is refused later.
func (w walker) integer(value *ast.Value) int {
	v, err := value.Value(w.variables)
	if err != nil {
		return 0
	}
	switch n := v.(type) {
	case int64:
		return int(min(max(n, 0), maxPage))
	case json.Number:
		i, err := n.Int64()
		if err != nil {
			return 0
		}
		return int(min(max(i, 0), maxPage))
	}
	return 0
}

// add and multiply stop at the greatest number.
func add(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func multiply(a, b int) int {
	if a != 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}
