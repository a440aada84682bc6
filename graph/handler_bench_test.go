package graph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store/storetest"
)

// BenchmarkOperation measures what the endpoint does with a request, without the network, going
// round many sessions: `nothing` is the transport alone, and what the others cost more is the
// look-up of the session, the fields, their guards, and the writing of the answer.
func BenchmarkOperation(b *testing.B) {
	const sessions = 1000
	db := storetest.Open(b)
	storetest.People(b, db, sessions)
	options := auth.DefaultOptions()
	options.BcryptCost, options.Secret, options.Permissions = bcrypt.MinCost, auth.RandomSecret(), graph.Permissions()
	s, err := auth.New(b.Context(), db, options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	if _, err := s.GrantRole(b.Context(), s.Operator(), people.UserID(0), "admin"); err != nil {
		b.Fatal(err)
	}
	handler, err := graph.NewHandler(s, graph.Options{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	const list = `id email username firstName lastName createdAt roles { id name } sessions { id createdAt lastSeenAt address }`
	for _, test := range []struct {
		name, query string
		sessions    int // how many ask
	}{
		{"nothing", `{ __typename }`, 0},
		{"me", `query Me { me { id email username firstName lastName createdAt } }`, sessions},
		{"me with roles and sessions", `query Me { me { ` + list + ` } }`, sessions},
		{"users", `query Users { users(first: 50) { nodes { ` + list + ` } } }`, 1}, // an administrator
	} {
		body, err := json.Marshal(map[string]string{"query": test.query})
		if err != nil {
			b.Fatal(err)
		}
		ask := func(b *testing.B, i int) {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			if test.sessions > 0 {
				r.Header.Set("Cookie", options.Cookie.Name+"="+people.Token(i%test.sessions))
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"errors"`) {
				b.Fatal(w.Code, w.Body)
			}
		}
		b.Run(test.name, func(b *testing.B) {
			for i := range test.sessions { // the first use of a session is noted
				ask(b, i)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				ask(b, i)
			}
		})
	}
}
