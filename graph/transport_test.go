package graph_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestGraphQLOverHTTP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const (
		legacy = "application/json; charset=utf-8"
		modern = "application/graphql-response+json; charset=utf-8"
	)
	for _, test := range []struct {
		name       string
		method     string
		headers    map[string]string
		body       string
		wantStatus int
		wantType   string
		wantCode   string
	}{
		{"an operation", "POST", nil, `{"query":"{ status { signupOpen } }"}`, 200, legacy, ""},
		{"a client that knows the new type", "POST", map[string]string{"Accept": "application/graphql-response+json, application/json;q=0.9"}, `{"query":"{ status { signupOpen } }"}`, 200, modern, ""},
		{"a client that takes anything", "POST", map[string]string{"Accept": "*/*"}, `{"query":"{ status { signupOpen } }"}`, 200, legacy, ""},
		{"nulls for what is absent", "POST", nil, `{"query":"{ status { signupOpen } }","variables":null,"operationName":null,"extensions":null}`, 200, legacy, ""},
		{"an operation by name", "POST", nil, `{"query":"query A { status { signupOpen } } query B { session { id } }","operationName":"A"}`, 200, legacy, ""},
		{"UTF-8 by name", "POST", map[string]string{"Content-Type": "application/json; charset=UTF-8"}, `{"query":"{ status { signupOpen } }"}`, 200, legacy, ""},

		{"a document that does not parse", "POST", nil, `{"query":"{ me { "}`, 200, legacy, "GRAPHQL_PARSE_FAILED"},
		{"the same for a new client", "POST", map[string]string{"Accept": modern}, `{"query":"{ me { "}`, 400, modern, "GRAPHQL_PARSE_FAILED"},
		{"a field that is not there", "POST", nil, `{"query":"{ password }"}`, 200, legacy, "GRAPHQL_VALIDATION_FAILED"},
		{"the same for a new client", "POST", map[string]string{"Accept": modern}, `{"query":"{ password }"}`, 400, modern, "GRAPHQL_VALIDATION_FAILED"},
		{"two operations and no name", "POST", map[string]string{"Accept": modern}, `{"query":"query A { me { id } } query B { me { id } }"}`, 400, modern, "GRAPHQL_VALIDATION_FAILED"},
		{"a variable that is missing", "POST", map[string]string{"Accept": modern}, `{"query":"query($id: ID!) { node(id: $id) { id } }"}`, 400, modern, "BAD_USER_INPUT"},
		{"a condition that is null", "POST", nil, `{"query":"query($x: Boolean = true) { status @include(if: $x) { signupOpen } }","variables":{"x":null}}`, 200, legacy, "BAD_USER_INPUT"},
		{"a condition that is null, in a fragment", "POST", nil, `{"query":"query($x: Boolean = true) { status { ...S } } fragment S on Status { signupOpen @skip(if: $x) }","variables":{"x":null}}`, 200, legacy, "BAD_USER_INPUT"},
		{"a directive that is not carried out", "POST", nil, `{"query":"{ status { ... @defer { signupOpen } } }"}`, 200, legacy, "GRAPHQL_VALIDATION_FAILED"},
		{"a client that prefers the new type", "POST", map[string]string{"Accept": "application/json;q=0.5, application/graphql-response+json"}, `{"query":"{ status { signupOpen } }"}`, 200, modern, ""},
		{"a client that refuses the new type", "POST", map[string]string{"Accept": "application/graphql-response+json;q=0"}, `{"query":"{ status { signupOpen } }"}`, 200, legacy, ""},
		{"too many tokens", "POST", map[string]string{"Accept": modern}, `{"query":"{` + strings.Repeat(" me", 1000) + `}"}`, 400, modern, "GRAPHQL_PARSE_FAILED"},

		{"no query", "POST", nil, `{"operationName":"A"}`, 400, legacy, "BAD_REQUEST"},
		{"an empty query", "POST", nil, `{"query":""}`, 400, legacy, "BAD_REQUEST"},
		{"a key in the wrong case", "POST", nil, `{"QUERY":"{ status { signupOpen } }"}`, 400, legacy, "BAD_REQUEST"},
		{"a query that is no text", "POST", nil, `{"query":["{ status { signupOpen } }"]}`, 400, legacy, "BAD_REQUEST"},
		{"variables that are no object", "POST", nil, `{"query":"{ me { id } }","variables":"x"}`, 400, legacy, "BAD_REQUEST"},
		{"a batch", "POST", nil, `[{"query":"{ status { signupOpen } }"}]`, 400, legacy, "BAD_REQUEST"},
		{"a key given twice", "POST", nil, `{"query":"{ status { signupOpen } }","query":"{ me { id } }"}`, 400, legacy, "BAD_REQUEST"},
		{"a key given twice, deeper", "POST", nil, `{"query":"{ status { signupOpen } }","variables":{"a":1,"a":2}}`, 400, legacy, "BAD_REQUEST"},
		{"something behind the end", "POST", nil, `{"query":"{ status { signupOpen } }"} {}`, 400, legacy, "BAD_REQUEST"},
		{"no JSON", "POST", nil, `query { me { id } }`, 400, legacy, "BAD_REQUEST"},
		{"nothing", "POST", nil, ``, 400, legacy, "BAD_REQUEST"},
		{"bytes that are not UTF-8", "POST", nil, "{\"query\":\"{ me { id } }\",\"variables\":{\"input\":{\"email\":\"a\xff\"}}}", 400, legacy, "BAD_USER_INPUT"},
		{"half of a surrogate pair", "POST", nil, `{"query":"{ me { id } }","variables":{"email":"a\ud800"}}`, 400, legacy, "BAD_USER_INPUT"},

		{"a form", "POST", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, `query={ me { id } }`, 415, legacy, "BAD_REQUEST"},
		{"a form with files", "POST", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, `--x--`, 415, legacy, "BAD_REQUEST"},
		{"no type", "POST", map[string]string{"Content-Type": ""}, `{"query":"{ status { signupOpen } }"}`, 415, legacy, "BAD_REQUEST"},
		{"plain text", "POST", map[string]string{"Content-Type": "text/plain"}, `{"query":"{ status { signupOpen } }"}`, 415, legacy, "BAD_REQUEST"},
		{"another character set", "POST", map[string]string{"Content-Type": "application/json; charset=utf-16"}, `{"query":"{ status { signupOpen } }"}`, 415, legacy, "BAD_REQUEST"},
		{"a compressed body", "POST", map[string]string{"Content-Encoding": "gzip"}, `x`, 415, legacy, "BAD_REQUEST"},
		{"too much", "POST", nil, `{"query":"{ me { id } }","variables":{"x":"` + strings.Repeat("x", 100<<10) + `"}}`, 413, legacy, "BAD_REQUEST"},
		{"GET", "GET", nil, ``, 405, legacy, "BAD_REQUEST"},
		{"PUT", "PUT", nil, `{"query":"{ status { signupOpen } }"}`, 405, legacy, "BAD_REQUEST"},
		{"DELETE", "DELETE", nil, ``, 405, legacy, "BAD_REQUEST"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.bearer("")
			for name, value := range test.headers {
				c.headers[name] = value
			}
			r := c.send(test.method, test.body)
			if r.status != test.wantStatus || r.header.Get("Content-Type") != test.wantType {
				t.Errorf("status %d and type %q, want %d and %q", r.status, r.header.Get("Content-Type"), test.wantStatus, test.wantType)
			}
			if test.wantCode == "" {
				r.ok()
			} else {
				if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != test.wantCode {
					t.Errorf("want the one error %s: %s", test.wantCode, r.body)
				}
				if strings.Contains(r.body, `"data"`) {
					t.Errorf("a request that is not executed has no data: %s", r.body)
				}
			}
			if r.status == http.StatusMethodNotAllowed && r.header.Get("Allow") != "POST" {
				t.Errorf("Allow is %q", r.header.Get("Allow"))
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("want no-store: %v", r.header)
			}
			if !strings.HasPrefix(r.header.Get("X-Request-Id"), "req_") {
				t.Errorf("X-Request-Id is %q", r.header.Get("X-Request-Id"))
			}
		})
	}
}

// TestWhatIsNoRequestIsRefusedInEitherType: only a document that cannot be executed is a 200 to
// clients of the older type.
func TestWhatIsNoRequestIsRefusedInEitherType(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const query = `"query":"{ status { signupOpen } }"`
	type request struct {
		method, body string
		want         int
	}
	requests := []request{
		{"GET", "", 405}, {"PUT", "{" + query + "}", 405},
		{"POST", strings.Repeat(" ", 101<<10), 413},
		{"POST", "", 400}, {"POST", "{", 400}, {"POST", "[]", 400}, {"POST", "{}", 400}, {"POST", `{"qeury":"{ me { id } }"}`, 400},
	}
	for _, value := range []string{`{"a":1}`, `0`, `false`, `["a"]`} {
		requests = append(requests, request{"POST", `{"query":` + value + `}`, 400}, request{"POST", `{` + query + `,"operationName":` + value + `}`, 400})
	}
	for _, value := range []string{`"a"`, `0`, `false`, `["a"]`} {
		requests = append(requests, request{"POST", `{` + query + `,"variables":` + value + `}`, 400}, request{"POST", `{` + query + `,"extensions":` + value + `}`, 400})
	}
	for _, accept := range []string{"application/json", "application/graphql-response+json"} {
		for _, request := range requests {
			c := s.bearer("")
			c.headers["Accept"] = accept
			r := c.send(request.method, request.body)
			if r.status != request.want || r.header.Get("Content-Type") != accept+"; charset=utf-8" || strings.Contains(r.body, `"data"`) {
				t.Errorf("%s %.60s for %s: %d %s", request.method, request.body, accept, r.status, r.body)
			}
			r.refused("BAD_REQUEST", "")
		}
		c := s.bearer("")
		c.headers["Accept"] = accept
		for _, body := range []string{`{` + query + `,"extensions":{"a":{"b":1}}}`, `{` + query + `,"variables":{"a":1}}`, `{` + query + `,"other":"x"}`} {
			if r := c.post(body).ok(); r.status != 200 {
				t.Errorf("%s for %s is %d", body, accept, r.status)
			}
		}
	}
}

func TestBrokenTextNamesItsField(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.browser().post("{\"query\":\"{ me { id } }\",\"variables\":{\"input\":{\"email\":\"a\xff\"}}}").refused("BAD_USER_INPUT", "email")
	if r.json.Errors[0].Message != "email must be valid UTF-8" {
		t.Errorf("the message is %q", r.json.Errors[0].Message)
	}
	s.browser().run(`mutation { createUser(input: {username: "a\uD800b", password: "`+password+`"}) { user { id } } }`).
		refused("BAD_USER_INPUT", "username")
}

func TestScalarsTakeTheirOwnTypeOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for _, test := range []struct {
		query string
		value any
		field string
	}{
		{`mutation($v: String!) { login(input: {identifier: $v, password: "x"}) { __typename } }`, 123, "identifier"},
		{`mutation($v: String!) { login(input: {identifier: $v, password: "x"}) { __typename } }`, true, "identifier"},
		{`query($v: Int) { users(first: $v) { totalCount } }`, "5", "first"},
		{`query($v: Int) { users(first: $v) { totalCount } }`, 1.5, "first"},
		{`query($v: Int) { users(first: $v) { totalCount } }`, 2147483648, "first"},
		{`query($v: ID!) { node(id: $v) { id } }`, 7, "id"},
		{`query($v: Boolean) { users(filter: {active: $v}) { totalCount } }`, "true", "active"},
	} {
		r := admin.run(test.query, "v", test.value)
		if len(r.json.Errors) != 1 {
			t.Errorf("%v for %s is taken: %s", test.value, test.field, r.body)
			continue
		}
		// What the parser refuses, before the operation begins, is known by the variable's name.
		got := r.json.Errors[0].Extensions
		if got.Code != "BAD_USER_INPUT" || got.Field != test.field && got.Field != "v" {
			t.Errorf("%v for %s: %s", test.value, test.field, r.body)
		}
	}
}

func TestABadVariableNamesItsField(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for _, test := range []struct {
		query, variable string
		value           any
		field           string
	}{
		{`mutation($i: LoginInput!) { login(input: $i) { __typename } }`, "i", map[string]any{"identifier": "ada"}, "password"},
		{`mutation($i: LoginInput!) { login(input: $i) { __typename } }`, "i", map[string]any{"identifier": "ada", "password": "x", "admin": true}, "admin"},
		{`query($d: OrderDirection) { users(orderBy: {direction: $d}) { totalCount } }`, "d", nil, "direction"},
	} {
		admin.run(test.query, test.variable, test.value).refused("BAD_USER_INPUT", test.field)
	}
}

func TestIntrospectionFitsTheLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.browser().run(introspection).ok()
	if r.get("__schema.queryType.name") != "Query" {
		t.Errorf("unexpected answer: %s", r.body)
	}
}

// introspection is the query that GraphQL clients and code generators send.
const introspection = `query IntrospectionQuery { __schema { description queryType { name } mutationType { name } subscriptionType { name }
	types { ...FullType } directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL isOneOf
	fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
	inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
	enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
	ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`
