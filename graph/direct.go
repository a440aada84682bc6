package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// gqlgen executes each field by itself: a context, a few closures, a resolver, middleware, and a
// goroutine for each element of a list. Most fields of most objects are a struct's, and nothing
// can go wrong with them. What such a field leads to is written directly here, by code that
// graph/generate makes. A page of users takes half the time for it.
//
// This is for when all goes well. Where a selection needs more, or a value is refused, is missing
// or may not be null, nothing of it counts, and gqlgen executes it in its own way: errors, their
// paths and what becomes null are gqlgen's alone, but for the answer as a whole where its only field
// is refused (writeOnlyField). What is left to gqlgen is a field with arguments or a directive that
// runs, with a resolver that is called for each object, or of an abstract type, and what
// subscriptions tell.
//
// To a batch resolver graphql.GetFieldContext tells of the field that all this stands in.

// writeDirectly has a resolver's answer written at once, where that can be done.
func writeDirectly(ctx context.Context, next graphql.Resolver) (any, error) {
	value, err := next(ctx)
	field := graphql.GetFieldContext(ctx).Field
	if err != nil || value == nil || len(field.Selections) == 0 {
		return value, err
	}
	execution, ok := ctx.Value(executionKey{}).(*execution)
	if !ok || execution.failed.Load() {
		return value, nil
	}
	w := &writer{ec: execution.ec}
	if w.try(ctx, field, value) {
		return written(w.text.Bytes()), nil
	}
	if w.failed {
		execution.failed.Store(true)
	}
	return value, nil
}

// try writes a field's value, and reports whether it could.
func (w *writer) try(ctx context.Context, field graphql.CollectedField, value any) (done bool) {
	defer func() {
		if recover() != nil { // gqlgen will meet the same panic, and tell of it
			w.failed, done = true, false
		}
	}()
	ctx = graphql.WithFreshResponseContext(ctx)
	write := w.read(ctx, field.Definition.Type.Name(), field.Selections, value)
	if write == nil {
		return false
	}
	w.text.Grow(smallAnswer)
	w.failed = !write(0) || len(graphql.GetErrors(ctx)) > 0 || len(graphql.GetExtensions(ctx)) > 0
	return !w.failed
}

// written is JSON, as a value that gqlgen need not look into.
type written []byte

// MarshalGQL writes the JSON.
func (text written) MarshalGQL(out io.Writer) { _, _ = out.Write(text) }

// writer writes objects as JSON, in two steps, so that what belongs to many objects is read at
// once. Something that reads returns what then writes the value of the object at a place, and
// reports false where gqlgen must; it returns nil where gqlgen must anyhow.
type writer struct {
	ec     *executionContext
	text   bytes.Buffer
	failed bool // other than by what a selection needs
}

// column writes a field of objects, in one of two ways. A zero column is none.
type column[T any] struct {
	// leaf writes what an object holds itself.
	leaf func(ctx context.Context, w *writer, object T) bool
	// read reads what belongs to objects.
	read func(ctx context.Context, objects []T) (write func(i int) bool)
}

func (c column[T]) none() bool { return c.leaf == nil && c.read == nil }

// plan is how objects are written: field by field. A nil plan is none.
type plan[T any] []planned[T]

type planned[T any] struct {
	alias string
	column[T]
}

// newPlan returns the plan of a selection of a type that satisfies some type conditions.
func newPlan[T any](w *writer, selections ast.SelectionSet, satisfies []string, columnOf func(name string, selections ast.SelectionSet) column[T]) plan[T] {
	p := make(plan[T], 0, len(selections))
	add := func(field *ast.Field, selections ast.SelectionSet) bool {
		c := columnOf(field.Name, selections)
		p = append(p, planned[T]{field.Alias, c})
		return !c.none()
	}
	if areDistinct(selections) { // as most are, which spares making a list of them
		for _, selection := range selections {
			if field := selection.(*ast.Field); !add(field, field.SelectionSet) {
				return nil
			}
		}
		return p
	}
	for _, field := range graphql.CollectFields(w.ec.OperationContext, selections, satisfies) {
		if !add(field.Field, field.Selections) {
			return nil
		}
	}
	return p
}

// areDistinct reports whether selections are fields of which none is conditional and none can be
// merged with another, and so are what CollectFields makes of them.
func areDistinct(selections ast.SelectionSet) bool {
	for i, selection := range selections {
		field, ok := selection.(*ast.Field)
		if !ok || len(field.Directives) > 0 {
			return false
		}
		for _, earlier := range selections[:i] {
			if earlier.(*ast.Field).Alias == field.Alias {
				return false
			}
		}
	}
	return true
}

// read reads objects, each of which there is.
func (p plan[T]) read(ctx context.Context, w *writer, objects []T) func(i int) bool {
	if p == nil {
		return nil
	}
	writes := make([]func(int) bool, len(p))
	for k := range p {
		if p[k].read == nil || len(objects) == 0 { // no resolver expects to be asked for nothing
			continue
		}
		if writes[k] = p[k].read(ctx, objects); writes[k] == nil {
			return nil
		}
	}
	return func(i int) bool {
		separator := byte('{')
		for k := range p {
			w.text.WriteByte(separator)
			w.text.WriteByte('"')
			w.text.WriteString(p[k].alias)
			w.text.WriteString(`":`)
			var ok bool
			if write := writes[k]; write != nil {
				ok = write(i)
			} else {
				ok = p[k].leaf(ctx, w, objects[i])
			}
			if !ok {
				return false
			}
			separator = ','
		}
		if len(p) == 0 {
			w.text.WriteByte('{')
		}
		w.text.WriteByte('}')
		return true
	}
}

// readOne reads n values that are objects.
func readOne[T any](ctx context.Context, w *writer, p plan[*T], nonNull bool, n int, value func(i int) *T) func(i int) bool {
	objects, places := make([]*T, 0, n), make([]int, n)
	for i := range n {
		places[i] = len(objects)
		if object := value(i); object != nil {
			objects = append(objects, object)
		} else {
			places[i] = -1
		}
	}
	write := p.read(ctx, w, objects)
	if write == nil {
		return nil
	}
	return func(i int) bool {
		if places[i] < 0 {
			return w.null(nonNull)
		}
		return write(places[i])
	}
}

// readList reads n values that are lists of objects, none of which is null.
func readList[T any](ctx context.Context, w *writer, p plan[*T], nonNull bool, n int, value func(i int) []*T) func(i int) bool {
	var objects []*T
	lists, places := make([][]*T, n), make([]int, n)
	for i := range n {
		lists[i], places[i] = value(i), len(objects)
		objects = append(objects, lists[i]...)
	}
	if slices.Contains(objects, nil) {
		return nil
	}
	write := p.read(ctx, w, objects)
	if write == nil {
		return nil
	}
	return func(i int) bool {
		if lists[i] == nil && !nonNull {
			return w.null(nonNull)
		}
		w.text.WriteByte('[')
		for k := range lists[i] {
			if k > 0 {
				w.text.WriteByte(',')
			}
			if !write(places[i] + k) {
				return false
			}
		}
		w.text.WriteByte(']')
		return true
	}
}

// leaf writes a scalar or an enum, or a list of them.
func (w *writer) leaf(value graphql.Marshaler, nonNull bool) bool {
	if value == graphql.Null {
		return w.null(nonNull)
	}
	value.MarshalGQL(&w.text)
	return true
}

// null writes null where there may be one.
func (w *writer) null(nonNull bool) bool {
	w.text.WriteString("null")
	return !nonNull
}

// refused reports, and notes, whether a batch resolver failed for some of n objects.
func (w *writer) refused(err error, values, n int) bool {
	each, ok := errors.AsType[graphql.BatchErrors](err)
	if !ok {
		w.failed = err != nil || values != n
	} else {
		some := slices.ContainsFunc(each.Errors(), func(err error) bool { return err != nil })
		w.failed = some || len(each.Errors()) != n || values != n
	}
	return w.failed
}
