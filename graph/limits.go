package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

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
	// maxCost is how many fields an answer may have: a page of 50 users with their sessions
	// and roles costs about two thirds of it.
	maxCost = 30_000
	// maxEventCost is how many fields each event of a subscription may have: one event is answered
	// in every subscription at once.
	maxEventCost = 300
	// listCost is how many elements a list is taken to have for which the schema says nothing
	// else (@listSize).
	listCost = 10
	// pageReadCost is what reading a page costs by itself, however little of it is shown.
	pageReadCost = 10
	// countCost is what counting all elements of a list costs.
	countCost = 100
	// maxSchemaLists is how many lists of the schema an introspection may ask for. The usual
	// tools ask for about ten, each once; asked for in each other, they would multiply.
	maxSchemaLists = 24
	// maxRepresentations is how many objects an operation may ask for by _entities.
	maxRepresentations = 1000
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
	schemaLists   int  // how many lists of the schema, or whole texts of it, it asks for

	representations int // how many objects it asks for by _entities
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
	case s.schemaLists > maxSchemaLists:
		return &auth.Error{Code: tooComplex, Message: "The operation asks for the schema too many times over."}
	case s.representations > maxRepresentations:
		return &auth.Error{Code: tooComplex, Field: "representations",
			Message: fmt.Sprintf("representations must be %d at most in one operation", maxRepresentations)}
	case s.passwords > 1:
		return &auth.Error{Code: tooComplex, Message: "An operation may have one field that checks a password."}
	}
	return nil
}

// checkSubscription refuses a subscription that asks for too much of each event or that, as its
// conditions are, asks for no event or for two kinds at once: each answer tells of one.
func checkSubscription(operation *graphql.OperationContext, survey survey) error {
	if operation.Operation.Operation != ast.Subscription {
		return nil
	}
	fields := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 || strings.HasPrefix(fields[0].Name, "__") {
		return &auth.Error{Code: validationFailed, Message: "A subscription has exactly one field."}
	}
	if survey.cost > maxEventCost {
		return &auth.Error{Code: tooComplex, Message: "The subscription asks for too many fields of each event; ask for them by a query."}
	}
	return nil
}

// surveyOperation looks at an operation that has been validated, so that its fragments do not
// go in circles. It takes one or two microseconds (BenchmarkSurvey) of some hundred, so that a
// survey is not worth keeping with its document.
func surveyOperation(operation *graphql.OperationContext) survey {
	w := walker{variables: operation.Variables, fragments: map[spread]survey{}}
	return w.selections(operation.Operation.SelectionSet, 1)
}

type walker struct {
	variables map[string]any
	fragments map[spread]survey // each walked once
}

// spread is a fragment in a connection with pages of one size, or elsewhere.
type spread struct {
	name string
	page int
}

// selections surveys what is selected of one object. If that is a connection, page is how many
// elements its edges and nodes have.
func (w walker) selections(selections ast.SelectionSet, page int) (sum survey) {
	for _, selection := range selections {
		var part survey
		switch selection := selection.(type) {
		case *ast.Field:
			part = w.field(selection, page)
		case *ast.InlineFragment:
			part = w.selections(selection.SelectionSet, page)
		case *ast.FragmentSpread:
			known, here := false, spread{name: selection.Name, page: page}
			if part, known = w.fragments[here]; !known {
				part = w.selections(selection.Definition.SelectionSet, page)
				w.fragments[here] = part
			}
		}
		sum.depth = max(sum.depth, part.depth)
		sum.cost = add(sum.cost, part.cost)
		sum.passwords = add(sum.passwords, part.passwords)
		sum.introspection = sum.introspection || part.introspection
		sum.schemaLists = add(sum.schemaLists, part.schemaLists)
		sum.representations = add(sum.representations, part.representations)
	}
	return sum
}

func (w walker) field(field *ast.Field, page int) survey {
	below := w.selections(field.SelectionSet, w.pageSize(field))
	below.depth++
	if strings.HasPrefix(field.ObjectDefinition.Name, "__") && field.Definition.Type.Elem != nil || field.ObjectDefinition.Name == "_Service" {
		below.schemaLists = add(below.schemaLists, 1)
	}
	if field.Name == "__schema" || field.Name == "__type" || field.Name == "_service" {
		below.introspection = true
		below.cost = 1 // what the schema holds is known; maxSchemaLists bounds how often it is told
		return below
	}
	elements := w.elements(field, page)
	if field.Name == "_entities" {
		below.representations = add(below.representations, elements)
	}
	below.cost = add(1, multiply(elements, below.cost))
	if field.Definition.Arguments.ForName("first") != nil {
		below.cost = add(below.cost, pageReadCost)
	}
	if field.Name == "totalCount" {
		below.cost = add(below.cost, countCost)
	}
	if field.Definition.Directives.ForName("password") != nil {
		below.passwords = add(below.passwords, 1)
	}
	return below
}

// elements returns how many objects a field may have below it.
func (w walker) elements(field *ast.Field, page int) int {
	if field.Definition.Type.Elem == nil {
		return 1
	}
	if field.Name == "edges" || field.Name == "nodes" {
		return page
	}
	if field.Name == "_entities" {
		return w.length(field.Arguments.ForName("representations").Value)
	}
	if size := field.Definition.Directives.ForName("listSize"); size != nil {
		return w.integer(size.Arguments.ForName("assumedSize").Value)
	}
	return listCost
}

// pageSize returns how many elements a connection shows, and 1 for any other field.
func (w walker) pageSize(field *ast.Field) int {
	if field.Definition.Arguments.ForName("first") == nil {
		return 1
	}
	size := 0
	for _, name := range []string{"first", "last"} {
		if argument := field.Arguments.ForName(name); argument != nil {
			size = max(size, w.integer(argument.Value))
		}
	}
	if size == 0 {
		return pageCost
	}
	return size
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

// length returns how many elements a list has that was given as an argument.
func (w walker) length(value *ast.Value) int {
	v, err := value.Value(w.variables)
	if list := reflect.ValueOf(v); err == nil && list.Kind() == reflect.Slice {
		return list.Len()
	}
	return 1 // GraphQL takes a single value for a list of one
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
