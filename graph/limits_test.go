package graph_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

func TestOperationsThatAskForTooMuch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	deep := func(n int) string {
		return `{ session { ` + strings.Repeat("user { sessions { ", n) + "id" + strings.Repeat(" } }", n) + " } }"
	}
	login := `login(input: {identifier: "ada", password: "x"}) { __typename }`
	for _, test := range []struct {
		name, query string
		refused     bool
	}{
		{"a page of fifty users with roles and sessions", `{ users(first: 50) { totalCount pageInfo { endCursor } nodes { id email roles { name permissions } sessions { id device { name } } } } }`, false},
		{"hundreds of pages in one", `{ ` + aliases(`users(first: 100) { nodes { id roles { name } sessions { id } } }`, 20) + ` }`, true},
		{"lists in lists", `{ users(first: 100) { nodes { sessions { user { sessions { user { sessions { id } } } } } } } }`, true},
		{"fields that nest", deep(1), false},
		{"fields that nest too deep", deep(8), true},
		{"sessions in sessions", `{ me { sessions { user { sessions { user { sessions { id } } } } } } }`, true},
		{"lists whose size the schema tells", `{ users(first: 5) { nodes { sessions { user { apiTokens { id } } } } } }`, true},
		{"pages of the usual size, nested", `{ users { nodes { securityEvents { nodes { id kind } } sessions { id address } apiTokens { id name scopes } } } }`, false},
		{"pages of which nothing is shown", `{ users(first: 100) { nodes { ` + aliases("securityEvents { pageInfo { hasNextPage } }", 30) + ` } } }`, true},
		{"counting again and again", `{ users { ` + aliases("totalCount", 320) + ` } }`, true},
		{"the schema in width", `{ __schema { ` + aliases("types { ...F }", 18) + ` } } fragment F on __Type { ` + aliases("fields { ...G }", 18) + ` } fragment G on __Field { ` + aliases("args { name }", 18) + ` }`, true},
		{"the schema as tools ask for it", introspection, false},
		{"a negative page", `{ users(first: -5) { nodes { sessions { id } } } }`, false},
		{"two log-ins", `mutation { a: ` + login + ` b: ` + login + ` }`, true},
		{"a log-in and a sign-up", `mutation { ` + login + ` createUser(input: {username: "eve", password: "x"}) { user { id } } }`, true},
		{"two log-ins in fragments", `mutation { ...A ...B } fragment A on Mutation { a: ` + login + ` } fragment B on Mutation { ... { b: ` + login + ` } }`, true},
		{"a log-in and a log-out", `mutation { ` + login + ` logout { loggedOut } }`, false},
	} {
		r := admin.run(test.query)
		refused := len(r.json.Errors) > 0 && r.json.Errors[0].Extensions.Code == "QUERY_TOO_COMPLEX"
		if refused != test.refused || refused && r.json.Data != nil {
			t.Errorf("%s: refused is %v: %.300s", test.name, refused, r.body)
		}
	}
}

func aliases(field string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "a%d: %s ", i, field)
	}
	return text.String()
}

// TestBombsAreRefusedCheaply holds every request of less than 100 KiB to half a second of CPU
// time and 50 MiB of allocations.
func TestBombsAreRefusedCheaply(t *testing.T) { // not parallel: it measures the process
	s := newServer(t)
	var doubling, circles strings.Builder
	for i := range 60 {
		fmt.Fprintf(&doubling, "fragment F%d on User { ...F%d ...F%d } ", i, i+1, i+1)
	}
	doubling.WriteString("fragment F60 on User { id }")
	for i := range 50 {
		fmt.Fprintf(&circles, "fragment C%d on User { ...C%d } ", i, (i+1)%50)
	}
	for name, query := range map[string]string{
		"fragments that double":    `{ me { ...F0 } } ` + doubling.String(),
		"fragments in circles":     `{ me { ...C0 } } ` + circles.String(),
		"repeated fields":          `{ me { ` + strings.Repeat("id ", 1900) + `} }`,
		"aliases":                  `{ ` + aliases("me { id }", 5000) + `}`,
		"directives":               `{ me ` + strings.Repeat("@include(if: true) ", 4500) + `{ id } }`,
		"braces":                   strings.Repeat("{ me ", 15000),
		"a long list":              `{ users(filter: {search: [` + strings.Repeat("1,", 40000) + `]}) { totalCount } }`,
		"nested lists":             `{ users(first: ` + strings.Repeat("[", 40000) + `) { totalCount } }`,
		"a long string":            `{ node(id: "` + strings.Repeat("x", 90000) + `") { id } }`,
		"a block string":           `{ node(id: """` + strings.Repeat(" \n", 40000) + `""") { id } }`,
		"a long name":              `{ ` + strings.Repeat("x", 90000) + ` }`,
		"comments":                 strings.Repeat("#\n", 40000) + `{ me { id } }`,
		"unknown fields":           `{ ` + strings.Repeat("nope ", 900) + `}`,
		"variables":                `query(` + aliases("Int $x", 8000) + `) { me { id } }`,
		"fields that overlap":      `{ ` + strings.Repeat("me { id } ", 240) + `}`,
		"overlapping fragments":    `{ ` + strings.Repeat("...F ", 300) + `} fragment F on Query { me { id ...G } } fragment G on User { id }`,
		"introspection many times": `{ ` + aliases("__schema { types { name fields { name } } }", 60) + `}`,
		"introspection in width":   `{ __schema { ` + aliases("types { ...F }", 18) + ` } } fragment F on __Type { ` + aliases("fields { ...G }", 18) + ` } fragment G on __Field { ` + aliases("args { name }", 18) + ` }`,
		"introspection as allowed": `{ __schema { a: types { ...F } b: types { ...F } } } fragment F on __Type { ` + aliases("fields { args { name } }", 5) + ` }`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		cpu := cpuTime(t)
		r := s.bearer("").run(query)
		spent := cpuTime(t) - cpu
		runtime.ReadMemStats(&after)
		if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 500*time.Millisecond*raceFactor || allocated > 50*raceFactor {
			t.Errorf("%s costs %v and %d MiB: %.200s", name, spent, allocated, r.body)
		}
		if (len(r.json.Errors) == 0) != (name == "introspection as allowed") || len(r.json.Errors) > 10 {
			t.Errorf("%s: %d errors: %.300s", name, len(r.json.Errors), r.body)
		}
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestTheSchemaCanBeKept(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hidden := s.serve(graph.Options{Introspection: false})
	for _, query := range []string{
		introspection,
		`{ __schema { queryType { name } } }`,
		`{ __type(name: "User") { name } }`,
		`{ ...F } fragment F on Query { x: __type(name: "User") { name } }`,
	} {
		r := s.browserAt(hidden).run(query).refused("GRAPHQL_VALIDATION_FAILED", "")
		if r.json.Data != nil || strings.Contains(r.body, "queryType") {
			t.Errorf("unexpected answer: %s", r.body)
		}
	}
	if r := s.browserAt(hidden).run(`{ __typename status { __typename } }`).ok(); r.get("__typename") != "Query" {
		t.Errorf("__typename must work: %s", r.body)
	}
	for _, query := range []string{
		`{ mee { id } }`,
		`mutation { login(input: {identifierr: "x", password: "x"}) { __typename } }`,
		`mutation { login(inputt: {identifier: "x", password: "x"}) { __typename } }`,
		`{ users(orderBy: {field: EMAILL}) { totalCount } }`,
		`query($x: LoginInputt) { me { id } }`,
		`{ node(id: "x") { ... on Userr { id } } }`,
	} {
		if r := s.browserAt(hidden).run(query); strings.Contains(r.body, "Did you mean") || len(r.json.Errors) == 0 {
			t.Errorf("a hint tells of the schema: %s", r.body)
		}
		if r := s.browser().run(query); len(r.json.Errors) == 0 {
			t.Errorf("%s is taken", query)
		}
	}
}

func TestAnAnswerHoldsTenErrorsAtMost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.browser().run(`{ ` + aliases("me { id }", 40) + `}`)
	if len(r.json.Errors) != 10 || r.json.Errors[0].Extensions.Code != string(auth.Unauthenticated) || len(r.json.Data) != 40 {
		t.Errorf("%d errors: %s", len(r.json.Errors), r.body)
	}
}

func TestNothingIsLeftBehind(t *testing.T) { // not parallel: it counts the process's goroutines
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	ask := func() {
		for _, query := range []string{me, `{ me { sessions { id } roles { name } } }`, `{ nope }`, `mutation { logout { loggedOut } }`} {
			s.bearer("").run(query)
		}
		s.bearer(token).run(me).ok()
	}
	for range 20 {
		ask()
	}
	before, files := runtime.NumGoroutine(), openFiles(t)
	for range 400 {
		ask()
	}
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("%d goroutines became %d after 2,000 requests", before, after)
	}
	if after := openFiles(t); after > files+10 {
		t.Errorf("%d open files became %d after 2,000 requests", files, after)
	}
}

// openFiles returns how many files the process has open, and 0 where that cannot be told.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(files)
}
