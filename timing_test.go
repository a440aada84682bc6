package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

var timing = flag.Int("timing", 0, "measure so many interleaved refused log-ins of each sort")

// TestRefusalsTakeTheSameTime measures over HTTP whether the time of a refused log-in tells who
// exists. Times belong to no ordinary run, on machines that do other things: ask for it by
//
//	go test -run TestRefusalsTakeTheSameTime -timing 200 -v .
func TestRefusalsTakeTheSameTime(t *testing.T) {
	if *timing == 0 {
		t.Skip("skipped: it measures times; ask for it with -timing 200")
	}
	database := newDatabase(t)
	i := start(t, append(database, "AUTHGRAPH_RATE_LIMITS=off")...)
	for _, name := range []string{"known", "disabled"} {
		i.post(http.DefaultClient, `mutation { createUser(input: {username: "`+name+`", password: "correct horse battery"}) { user { id } } }`)
	}
	if err := run(t.Context(), []string{"users", "disable", "disabled"}, database,
		console{in: strings.NewReader(""), out: io.Discard, err: i.log}); err != nil {
		t.Fatal(err)
	}
	took := map[string][]time.Duration{}
	for range *timing {
		for _, name := range []string{"known", "unknown", "disabled"} {
			begin := time.Now()
			_, body := i.post(http.DefaultClient, `mutation { login(input: {identifier: "`+name+`", password: "a wrong password"}) { __typename } }`)
			took[name] = append(took[name], time.Since(begin))
			if want := fmt.Sprintf("%q", auth.InvalidCredentials); !strings.Contains(body, want) {
				t.Fatalf("%s: %s", name, body)
			}
		}
	}
	median := func(name string) time.Duration {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	for _, name := range []string{"unknown", "disabled"} {
		ratio := float64(median(name)) / float64(median("known"))
		t.Logf("%s: median %v, a known user's wrong password %v, ratio %.3f", name, median(name), median("known"), ratio)
		if ratio < 0.9 || ratio > 1.1 {
			t.Errorf("the time of a refusal tells that a user is %s", name)
		}
	}
}
