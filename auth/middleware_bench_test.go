package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store/storetest"
)

// BenchmarkMiddleware measures how long it takes to find out who makes a request, by each kind of
// credential, going round many of them. What a recorder and a request cost is in it.
func BenchmarkMiddleware(b *testing.B) {
	const sessions = 1000
	db := storetest.Open(b)
	storetest.People(b, db, sessions)
	options := auth.DefaultOptions()
	options.BcryptCost, options.Secret, options.RateLimits = bcrypt.MinCost, auth.RandomSecret(), false
	s, err := auth.New(b.Context(), db, options)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	present := func(header, prefix string, values []string) (requests []*http.Request) {
		for _, value := range values {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", http.NoBody)
			if header != "" {
				r.Header.Set(header, prefix+value)
			}
			requests = append(requests, r)
		}
		return requests
	}
	var tokens, accessTokens []string
	for i := range sessions {
		tokens = append(tokens, people.Token(i))
	}
	for _, r := range present("Authorization", "Bearer ", tokens) {
		s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token, err := s.IssueAccessToken(r.Context(), auth.ViewerFrom(r.Context()), "", nil)
			if err != nil {
				b.Fatal(err)
			}
			accessTokens = append(accessTokens, token.Token)
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, test := range []struct {
		name     string
		requests []*http.Request
		signedIn bool
	}{
		{"nobody", present("", "", []string{""}), false},
		{"cookie", present("Cookie", options.Cookie.Name+"=", tokens), true},
		{"bearer", present("Authorization", "Bearer ", tokens), true},
		{"access token", present("Authorization", "Bearer ", accessTokens), true},
	} {
		b.Run(test.name, func(b *testing.B) {
			handler := s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if auth.ViewerFrom(r.Context()).SignedIn() != test.signedIn {
					b.Fatal("somebody else asks")
				}
			}))
			for _, r := range test.requests { // the first use of a session is noted, and signatures are remembered
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				handler.ServeHTTP(httptest.NewRecorder(), test.requests[i%len(test.requests)])
			}
		})
	}
}
