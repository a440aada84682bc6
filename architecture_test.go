package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestImportsPointOneWay holds the layout: graph → auth → store → model, each importing only
// what stands to the right of it.
func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	const module = "github.com/authgraph/authgraph/"
	for folder, rule := range map[string]struct{ ours, never []string }{
		"model":          {nil, []string{"github.com/", "golang.org/", "modernc.org/"}},
		"store":          {[]string{"model"}, []string{"net/http", "github.com/99designs/"}},
		"auth":           {[]string{"model", "store"}, []string{"github.com/99designs/", "github.com/vektah/", "github.com/uptrace/", "database/sql", "net/smtp"}},
		"graph":          {[]string{"model", "auth"}, []string{"github.com/uptrace/", "database/sql"}},
		"graph/generate": {nil, []string{"github.com/uptrace/", "net/http"}},
		"playground":     {nil, []string{"github.com/", "golang.org/"}},

		"bench":           {[]string{"bench/people"}, []string{"github.com/99designs/", "github.com/uptrace/"}},
		"bench/people":    {[]string{"model"}, []string{"github.com/", "golang.org/", "modernc.org/"}},
		"bench/fill":      {[]string{"bench/people", "store"}, []string{"net/http", "github.com/99designs/"}},
		"bench/reference": {nil, []string{"github.com/99designs/", "github.com/vektah/", "github.com/uptrace/"}},
	} {
		for file, imports := range importsOf(t, folder) {
			for _, name := range imports {
				if ours, ok := strings.CutPrefix(name, module); ok {
					if !slices.Contains(rule.ours, ours) {
						t.Errorf("%s imports %s", file, ours)
					}
					continue
				}
				for _, prefix := range rule.never {
					if strings.HasPrefix(name, prefix) {
						t.Errorf("%s imports %s", file, name)
					}
				}
			}
		}
	}
}

// importsOf returns what the files of a folder import, without tests.
func importsOf(t *testing.T, folder string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no source files: %v", folder, err)
	}
	imports := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range syntax.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports[file] = append(imports[file], name)
		}
	}
	return imports
}
