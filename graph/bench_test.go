package graph

import (
	"net/http/httptest"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The documents of the benchmarks: the usual question of a page, and one of an administrator's.
const (
	benchMe    = `query Me { me { id email username firstName lastName roles { name } } }`
	benchUsers = `query Users($first: Int!, $after: String) { users(first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage }
		nodes { ...Row sessions { id createdAt device { name kind } } } } } fragment Row on User { id email username createdAt roles { name permissions } }`
)

// BenchmarkSurvey measures what looking at an operation costs before it is executed.
func BenchmarkSurvey(b *testing.B) {
	for name, query := range map[string]string{"me": benchMe, "users": benchUsers} {
		b.Run(name, func(b *testing.B) {
			document, err := gqlparser.LoadQueryWithRules(Schema(), query, nil)
			if err != nil {
				b.Fatal(err)
			}
			operation := &graphql.OperationContext{Doc: document, Operation: document.Operations[0], Variables: map[string]any{"first": int64(50)}}
			b.ReportAllocs()
			for b.Loop() {
				if err := surveyOperation(operation).check(true); err != nil {
					b.Fatal(err)
				}
				if err := checkConditions(operation); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadRequest measures the transport's way in.
func BenchmarkReadRequest(b *testing.B) {
	body := []byte(`{"query":"` + benchMe + `","operationName":"Me","variables":{"a":1,"b":"two"},"extensions":{}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, refusal := parseRequest(body); refusal != nil {
			b.Fatal(refusal)
		}
	}
}

// BenchmarkWriteAnswer measures the transport's way out.
func BenchmarkWriteAnswer(b *testing.B) {
	h := new(handler)
	a := answer{status: 200, response: &graphql.Response{Data: []byte(`{"me":{"id":"usr_01k3v2m0c9f6yb1s4d8x7q5nze","email":"ada@example.test","username":"ada",
		"firstName":"Ada","lastName":"Lovelace","roles":[{"name":"admin"}]}}`)}}
	request := httptest.NewRequest("POST", "/graphql", nil)
	request.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	b.ReportAllocs()
	for b.Loop() {
		h.write(httptest.NewRecorder(), request, a)
	}
}

// BenchmarkDocument measures how the document of a request is found: parsed and validated anew, in
// memory, and in memory by its hash.
func BenchmarkDocument(b *testing.B) {
	hash := map[string]any{persistedQueryMember: map[string]any{"version": "1", "sha256Hash": sha256Hex(benchMe)}}
	for name, params := range map[string]graphql.RawParams{
		"anew":      {Query: benchMe},
		"in memory": {Query: benchMe},
		"by hash":   {Extensions: hash},
	} {
		b.Run(name, func(b *testing.B) {
			h := newHandler(nil, &Resolver{}, Options{})
			if name == "anew" {
				h.executor.SetQueryCache(graphql.NoCache[*ast.QueryDocument]{})
			}
			ctx := graphql.StartOperationTrace(b.Context())
			ask := func(params graphql.RawParams) {
				if _, errs := h.executor.CreateOperationContext(ctx, &params); errs != nil {
					b.Fatal(errs)
				}
			}
			ask(graphql.RawParams{Query: benchMe, Extensions: hash})
			b.ReportAllocs()
			for b.Loop() {
				ask(params)
			}
		})
	}
}
