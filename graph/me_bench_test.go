package graph_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store/storetest"
)

// BenchmarkMe measures a whole request, from its headers to the answer, without the network: who
// am I, by the cookie of a session. What it costs more with a document that is new is what keeping
// documents saves.
func BenchmarkMe(b *testing.B) {
	options := auth.DefaultOptions()
	options.BcryptCost = bcrypt.MinCost
	options.Secret = auth.RandomSecret()
	options.Permissions = graph.Permissions()
	options.Log = slog.New(slog.DiscardHandler)
	service, err := auth.New(b.Context(), storetest.Open(b), options)
	if err != nil {
		b.Fatal(err)
	}
	defer service.Close()
	handler, err := graph.NewHandler(service, graph.Options{Log: options.Log})
	if err != nil {
		b.Fatal(err)
	}
	ask := func(query, cookie string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", strings.NewReader(members("query", quoted(query))))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Cookie", cookie)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer
	}
	ask(`mutation { createUser(input: {username: "ada", password: "`+password+`"}) { user { id } } }`, "")
	signedIn := ask(`mutation { login(input: {identifier: "ada", password: "`+password+`"}) { __typename } }`, "")
	cookie, _, _ := strings.Cut(signedIn.Header().Get("Set-Cookie"), ";")
	for _, document := range []struct {
		name string
		text func(i int) string
	}{
		{"known document", func(int) string { return me }},
		{"new document", func(i int) string { return me + "#" + strconv.Itoa(i) }},
	} {
		b.Run(document.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if answer := ask(document.text(i), cookie); !strings.Contains(answer.Body.String(), `"roles"`) {
					b.Fatal(answer.Body)
				}
			}
		})
	}
}
