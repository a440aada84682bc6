package graph

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"

	"github.com/authgraph/authgraph/auth"
)

// Each target has seeds and an invariant. `go test` runs the seeds; `go test -run '^$' -fuzz NAME
// -fuzztime 10m ./graph` looks for more.

// FuzzRequestBody: a body is either a request or a refusal, and a refusal never quotes it.
func FuzzRequestBody(f *testing.F) {
	const canary = "kAnArIeNvOgEl"
	for _, seed := range []string{
		`{"query":"{ me { id } }"}`, `{"query":"{ me { id } }","variables":{"a":1},"operationName":"A","extensions":{}}`,
		`{"query":1}`, `{"QUERY":"x"}`, `[]`, `null`, `{"query":"x","query":"y"}`, `{"query":"x"} {}`, "{\"query\":\"\xff\"}",
		`{"query":"x","variables":{"password":"\ud800"}}`, `{"variables":{"a":{"b":[{"c":1e999}]}}}`, "", "{", `{"query":"` + canary + `"`,
		`{"query":null,"variables":"` + canary + `"}`, `{"documentId":"x"}`, `{"documentId":["` + canary + `"]}`, `{"extensions":{"persistedQuery":{"version":1}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		params, refusal := parseRequest(body)
		if (params == nil) == (refusal == nil) {
			t.Fatalf("%q is both or neither: %v, %v", body, params, refusal)
		}
		if params != nil && params.Query == "" && !namesDocument(params.Extensions) {
			t.Errorf("%q is a request without a document", body)
		}
		if refusal != nil && (refusal.status < 400 || strings.Contains(refusal.message, canary)) {
			t.Errorf("%q is refused with %d %q", body, refusal.status, refusal.message)
		}
	})
}

// FuzzSurvey: a survey ends, is never negative, counts what is nested, and knows introspection.
func FuzzSurvey(f *testing.F) {
	for _, seed := range []string{
		`{ me { id } }`, `{ users(first: 100) { nodes { sessions { id } } } }`, `query($n: Int) { users(first: $n) { edges { node { id } } } }`,
		`{ ...A } fragment A on Query { ...B ...B } fragment B on Query { me { id } }`, `{ __schema { types { name } } }`,
		`mutation { a: logout { loggedOut } b: logout { loggedOut } }`, `{ users(first: -1) { totalCount } }`, `{ me @skip(if: true) { id } }`,
		`{ node(id: "x") { ... on User { sessions { user { sessions { id } } } } } }`, `{ users(first: 99999999999999999999) { totalCount } }`,
		`{ _entities(representations: [{__typename: "User", id: "x"}]) { ... on _Entity { ... on User { id } } } }`, `{ x: _service { sdl } }`,
		`query($r: [_Any!]! = {a: [1]}) { _entities(representations: $r) { ...E } } fragment E on _Entity { ... on Node { id } }`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if len(query) > 2000 {
			return // the token limit comes first
		}
		document, err := gqlparser.LoadQueryWithRules(SubgraphSchema(), query, nil)
		if err != nil {
			return
		}
		for _, operation := range document.Operations {
			survey := surveyOperation(&graphql.OperationContext{Doc: document, Operation: operation, Variables: map[string]any{}})
			if survey.depth < 1 || survey.cost < 1 || survey.passwords < 0 {
				t.Errorf("%q is surveyed as %+v", query, survey)
			}
			if survey.introspection && !strings.Contains(query, "__schema") && !strings.Contains(query, "__type") && !strings.Contains(query, "_service") {
				t.Errorf("%q is taken for introspection", query)
			}
		}
	})
}

// FuzzRequestURL: the parameters of a URL are either a request or a refusal, and a refusal never
// quotes them.
func FuzzRequestURL(f *testing.F) {
	const canary = "kAnArIeNvOgEl"
	for _, seed := range []string{
		`query={me{id}}`, `query=%7Bme%7Bid%7D%7D&variables=%7B%22a%22%3A1%7D&operationName=A&extensions={}`, `query=x&query=y`, `QUERY=x`, ``, `;`,
		`query=%ff`, `query=%zz`, `query=x&variables=null`, `query=x&variables=[]`, `query=x&variables={"a":1,"a":2}`, `query=x&variables={"a":"%ff"}`,
		`query=x&variables={}{}`, `variables="` + canary + `"`, `query=x&variables=` + canary, `query=x&extensions={"` + canary + `":`,
		`documentId=x`, `documentId=%ff`, `documentId=x&documentId=y`, `extensions={"persistedQuery":1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		params, refusal := parseURL(query)
		if (params == nil) == (refusal == nil) {
			t.Fatalf("%q is both or neither: %v, %v", query, params, refusal)
		}
		if params != nil && (params.Query == "" && !namesDocument(params.Extensions) || !utf8.ValidString(params.Query+params.OperationName)) {
			t.Errorf("%q is a request without a document, or one that is no text", query)
		}
		if refusal != nil && (refusal.status < 400 || strings.Contains(refusal.message, canary)) {
			t.Errorf("%q is refused with %d %q", query, refusal.status, refusal.message)
		}
	})
}

// FuzzManifest: a file either is a manifest whose documents can all be executed by each of their
// names, or is refused.
func FuzzManifest(f *testing.F) {
	for _, seed := range []string{
		`{"a":"{ me { id } }"}`, `{"a":"{ me { id } }","b":"{ me { id } }"}`, `{"a":1}`, `{}`, `[]`, `null`, `{"":"{ me { id } }"}`, `{"a":"{ nope }"}`,
		`{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a","name":"A","type":"query","body":"query A { me { id } }"}]}`,
		`{"operations":[{"id":"a","body":"{ me { id } }"},{"id":"a","body":"{ me { id } }"}]}`, `{"a":"fragment F on User { id }"}`, `{"a":"{ me { \n"}`,
		`{"sha256:a":"{ me { id } }","a":"{ session { id } }"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m := newManifest(Schema())
		if err := m.read(content); err != nil {
			return
		}
		if m.Len() == 0 {
			t.Errorf("%q is a manifest without documents", content)
		}
		for name, text := range m.texts {
			document, known := m.parsed[text]
			if name == "" || !known || len(document.Operations) == 0 {
				t.Errorf("%q has %q for %q", content, text, name)
			}
		}
	})
}

// FuzzRepresentation: what stands for an object is an id of its type, or is refused in words that do
// not quote it.
func FuzzRepresentation(f *testing.F) {
	const canary = "kAnArIeNvOgEl"
	for _, seed := range []string{
		`{"__typename":"User","id":"usr_00000000000000000000000000"}`, `{"__typename":"Role","id":"rol_"}`, `{"id":"usr_"}`, `{"__typename":"User"}`,
		`{"__typename":"` + canary + `","id":"` + canary + `"}`, `{"__typename":"User","id":{"` + canary + `":1}}`, `{"__typename":["User"],"id":[]}`,
		`{"__typename":"User","id":"usr_x","` + canary + `":1}`, `"` + canary + `"`, `[[[]]]`, `null`, `1e999`, `true`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var representation any
		if json.Unmarshal([]byte(text), &representation) != nil {
			return
		}
		id, err := entityID(representation)
		refusal, _ := errors.AsType[*auth.Error](err)
		switch {
		case err == nil:
			object := representation.(map[string]any)
			if prefix := entityPrefixes[object["__typename"].(string)]; prefix == "" || !strings.HasPrefix(id, prefix) || len(object) != 2 {
				t.Errorf("%s stands for %q", text, id)
			}
		case refusal == nil || refusal.Code != auth.BadUserInput || strings.Contains(refusal.Message, canary):
			t.Errorf("%s is refused with %v", text, err)
		}
	})
}

// FuzzSocketMessage: a message is either read or refused, a refusal never quotes it, and what it
// presents is text.
func FuzzSocketMessage(f *testing.F) {
	const canary = "kAnArIeNvOgEl"
	for _, seed := range []string{
		`{"type":"connection_init"}`, `{"type":"connection_init","payload":{"Authorization":"Bearer x","app":{"a":[1]}}}`, `{"type":"ping","payload":null}`,
		`{"type":"connection_init","payload":{"authorization":"x","AUTHORIZATION":"` + canary + `"}}`, `{"type":"connection_init","payload":{"Authorization":{"a":1}}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"{ me { id } }","variables":{"a":1}}}`, `{"type":"` + canary, `[]`, `{"id":1}`, "{\"type\":\"\xff\"}", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, refusal := parseMessage(text)
		if (m == nil) == (refusal == nil) {
			t.Fatalf("%q is both or neither: %v, %v", text, m, refusal)
		}
		if m != nil {
			var headers map[string][]string
			if headers, refusal = m.credentials(); (headers == nil) == (refusal == nil) {
				t.Fatalf("%q presents both or neither: %v, %v", text, headers, refusal)
			}
			for name, values := range headers {
				if len(values) != 1 || !utf8.ValidString(values[0]) {
					t.Errorf("%q presents %s: %q", text, name, values)
				}
			}
		}
		if refusal != nil && (strings.Contains(refusal.message, canary) || len(refusal.message) > 123) {
			t.Errorf("%q is refused with %q, which closes no socket", text, refusal.message)
		}
	})
}
