package graph

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestACacheForgetsWhatWasNotAskedForTheLongest(t *testing.T) {
	t.Parallel()
	c := newCache(10, func(_ string, weight int) int { return weight })
	c.add("a", 4)
	c.add("b", 4)
	c.get("a")
	c.add("c", 5)
	c.add("a", 4) // is there
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, got := c.get(key); got != want {
			t.Errorf("%s is there: %v", key, got)
		}
	}
	if c.weight != 9 {
		t.Errorf("the weight is %d", c.weight)
	}
}

func TestAMillionDocumentsStayWithinTheBound(t *testing.T) {
	t.Parallel()
	d := newDocuments(nil, ExecuteUnlisted, nil)
	document, err := parser.ParseQuery(&ast.Source{Input: `{ me { id } }`})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1_000_000 {
		text := "{ me { id } } # " + strconv.Itoa(i)
		d.Add(t.Context(), text, document)
		d.registered.add(text, text)
		if d.parsed.weight > documentBytes || d.registered.weight > registeredBytes {
			t.Fatalf("after %d documents they weigh %d and %d", i+1, d.parsed.weight, d.registered.weight)
		}
	}
	if d.parsed.entries.Len() < 100 || d.registered.entries.Len() < 1000 {
		t.Errorf("only %d and %d are kept", d.parsed.entries.Len(), d.registered.entries.Len())
	}
}

// TestDocumentsWeighWhatTheyTake fills the cache with documents that take the most memory for their
// text, and measures them.
func TestDocumentsWeighWhatTheyTake(t *testing.T) { // not parallel: it measures the process
	for name, of := range map[string]func(i int) string{
		"fields":               func(i int) string { return fmt.Sprintf("{a%d:me{%s}}", i, strings.Repeat("id ", 900)) },
		"fields with comments": func(i int) string { return fmt.Sprintf("{a%d:me{%s}}", i, strings.Repeat("id#\n", 450)) },
		"fragments":            func(i int) string { return fmt.Sprintf("{a%d:me{%s}}", i, strings.Repeat("...{id}", 220)) },
		"arguments":            func(i int) string { return fmt.Sprintf("{%s}", aliased(i, `node(id:"")`, 120)) },
		"directives":           func(i int) string { return fmt.Sprintf("{a%d:me{id%s}}", i, strings.Repeat("@a", 450)) },
		"variables":            func(i int) string { return fmt.Sprintf("query A%d(%s){me}", i, strings.Repeat("$a:B ", 240)) },
		"lists":                func(i int) string { return fmt.Sprintf("{a%d:me(a:[%s])}", i, strings.Repeat("1 ", 900)) },
		"lists of lists":       func(i int) string { return fmt.Sprintf("{a%d:me(a:[%s])}", i, strings.Repeat("[]", 450)) },
		"objects":              func(i int) string { return fmt.Sprintf("{a%d:me(a:{%s})}", i, strings.Repeat("a:1 ", 300)) },
		"short ones":           func(i int) string { return fmt.Sprintf("{a%d:me}", i) },
	} {
		d := newDocuments(nil, ExecuteUnlisted, nil)
		before := heap()
		for i := 0; i < 100 || d.parsed.weight < documentBytes*9/10 && i < 100_000; i++ {
			text := of(i)
			document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, tokenLimit)
			if err != nil {
				t.Fatal(name, err)
			}
			d.Add(t.Context(), text, document)
		}
		took := heap() - before
		t.Logf("%s: %d documents take %.1f of %d MiB", name, d.parsed.entries.Len(), float64(took)/(1<<20), documentBytes>>20)
		if took > documentBytes {
			t.Errorf("%s: %d documents take %d bytes", name, d.parsed.entries.Len(), took)
		}
		runtime.KeepAlive(d)
	}
}

func aliased(i int, field string, n int) string {
	var text strings.Builder
	for j := range n {
		fmt.Fprintf(&text, "a%d_%d:%s", i, j, field)
	}
	return text.String()
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return int(memory.HeapAlloc)
}

func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		kept bool
	}{
		{`{ me { id } }`, true},
		{`{ node(id: "usr_1") { id } }`, true},
		{`mutation($i: LoginInput!) { login(input: $i) { __typename } }`, true},
		{`mutation { logout { loggedOut } } # "quoted"`, true},
		{`mutation { login(input: {identifier: "ada", password: "secret"}) { __typename } }`, false},
		{`mutation { login(input: {identifier: """ada""", password: """secret"""}) { __typename } }`, false},
		{`query A { me { id } } mutation B { revokeSession(input: {id: "ses_1"}) { revokedSessionId } }`, false},
		{`{ me { id } }` + strings.Repeat(" ", maxKept), false},
	} {
		d := newDocuments(nil, ExecuteUnlisted, nil)
		document, err := parser.ParseQuery(&ast.Source{Input: test.text})
		if err != nil {
			t.Fatal(err)
		}
		d.Add(t.Context(), test.text, document)
		if _, kept := d.Get(t.Context(), test.text); kept != test.kept {
			t.Errorf("%.100s is kept: %v", test.text, kept)
		}
	}
}
