package graph

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

// TestAPanicIsOneRequestsFailure has the resolvers fail in the hardest way: without the rules that
// they call.
func TestAPanicIsOneRequestsFailure(t *testing.T) {
	t.Parallel()
	log := new(bytes.Buffer)
	h := newHandler(new(auth.Service), &Resolver{}, Options{Log: slog.New(slog.NewJSONHandler(log, nil))})
	ask := func(body string) string {
		request := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, request)
		return answer.Body.String()
	}
	for name, query := range map[string]string{
		"in a resolver":          `{ status { signupOpen } }`,
		"in a mutation":          `mutation { login(input: {identifier: \"a\", password: \"b\"}) { __typename } }`,
		"beside another's field": `{ __typename status { signupOpen } }`,
	} {
		answer := ask(`{"query": "` + query + `"}`)
		if !strings.Contains(answer, "INTERNAL_SERVER_ERROR") || strings.Contains(answer, "nil pointer") || strings.Contains(answer, "goroutine") {
			t.Errorf("%s: the answer is %s", name, answer)
		}
	}
	if !strings.Contains(log.String(), "nil pointer dereference") || !strings.Contains(log.String(), "resolvers.go") {
		t.Error("the log does not tell where it happened")
	}
}
