// Command generate writes graph/generated.go, graph/models_gen.go and empty resolvers as gqlgen
// does, from the schema and gqlgen.yml, and graph/direct_gen.go, which package graph uses to write
// objects without gqlgen's work for each of their fields. `go generate ./...` runs it.
package main

import (
	"embed"
	"fmt"
	"go/types"
	"os"
	"path/filepath"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

func main() {
	settings, err := config.LoadConfig("gqlgen.yml")
	if err == nil {
		err = api.Generate(settings, api.AddPlugin(direct{}))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

//go:embed direct.gotpl
var files embed.FS

// direct is a plugin of gqlgen.
type direct struct{}

func (direct) Name() string { return "direct" }

// GenerateCode writes direct_gen.go.
func (direct) GenerateCode(data *codegen.Data) error {
	exec := data.Config.Exec
	return templates.Render(templates.Options{
		PackageName: exec.Package,
		Filename:    filepath.Join(filepath.Dir(exec.Filename), "direct_gen.go"),
		Data: struct {
			Objects []object
			Query   *codegen.Object
		}{objectsOf(data), data.QueryRoot},
		TemplateFS:      files,
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
	})
}

// object is a type whose values are written directly.
type object struct {
	*codegen.Object
	Columns []column
}

// column is a field that is written directly.
type column struct {
	*codegen.Field
	Shape string // how its value is written: leaf, one, value or list
}

// Value returns the expression for the field's value of an object, or of the object at i where it
// has been read.
func (c column) Value(object string) string {
	switch {
	case c.IsBatch():
		return "values[i]"
	case c.IsMethod():
		return object + "." + c.GoFieldName + "()"
	default:
		return object + "." + c.GoFieldName
	}
}

// objectsOf returns the object types of a schema, each with the fields that need neither a
// resolver call for each object nor anything else that gqlgen does around a field.
func objectsOf(data *codegen.Data) (objects []object) {
	if len(data.AllDirectives.LocationDirectives("FIELD")) > 0 {
		return nil // those of queries would have to run
	}
	known := map[string]types.Type{}
	for _, o := range data.Objects {
		if isStruct(o.Type) && !o.Root && !o.Stream && !o.IsReserved() {
			known[o.Name] = o.Reference()
			objects = append(objects, object{Object: o})
		}
	}
	for i, o := range objects {
		for _, field := range o.Fields {
			if shape := shapeOf(field, known); shape != "" {
				objects[i].Columns = append(objects[i].Columns, column{field, shape})
			}
		}
	}
	return objects
}

// shapeOf returns how a field is written directly, and "" where it is left to gqlgen.
func shapeOf(field *codegen.Field, known map[string]types.Type) string {
	switch {
	case len(field.Args) > 0, field.HasDirectives(), field.HasHaser, field.VOkFunc, field.IsMap():
		return ""
	case field.IsResolver && !field.IsBatch():
		return ""
	case field.IsMethod() && (field.MethodHasContext || !field.NoErr):
		return ""
	}
	value := field.TypeReference
	switch value.Definition.Kind {
	case ast.Scalar, ast.Enum:
		return "leaf"
	case ast.Object:
	default:
		return ""
	}
	object, ok := known[value.Definition.Name]
	list, isList := value.GO.(*types.Slice)
	switch {
	case !ok:
		return ""
	case types.Identical(value.GO, object):
		return "one"
	case types.Identical(types.NewPointer(value.GO), object):
		return "value"
	case isList && value.GQL.Elem.NonNull && types.Identical(list.Elem(), object):
		return "list"
	default:
		return ""
	}
}

// isStruct reports whether a type is a struct with a name.
func isStruct(t types.Type) bool {
	named, ok := t.(*types.Named)
	if !ok {
		return false
	}
	_, ok = named.Underlying().(*types.Struct)
	return ok
}
