package graph_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

// byGet returns the endpoint of a server on which queries can be sent by GET.
func (s *server) byGet() string {
	return s.serve(graph.Options{Introspection: true, GetQueries: true}) + "/graphql"
}

// get sends the parameters of a URL, as they are, to an endpoint.
func (c *client) get(endpoint, parameters string) *reply {
	c.t.Helper()
	there := *c
	there.url = endpoint + "?" + parameters
	return there.send(http.MethodGet, "")
}

// parameters encodes pairs of name and value for a URL.
func parameters(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

func TestQueriesByGet(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	endpoint := s.byGet()
	token := s.bearer("")
	s.signUp("ada")
	bearer := token.logIn("ada")
	const (
		status = `{ status { signupOpen } }`
		legacy = "application/json; charset=utf-8"
		modern = "application/graphql-response+json; charset=utf-8"
	)
	for _, test := range []struct {
		name       string
		accept     string
		parameters string
		wantStatus int
		wantCode   string
		wantAllow  string
	}{
		{"a query", legacy, parameters("query", status), 200, "", ""},
		{"a query for a new client", modern, parameters("query", status), 200, "", ""},
		{"nothing in particular", "", parameters("query", status, "operationName", "", "variables", "", "extensions", ""), 200, "", ""},
		{"a query by name", modern, parameters("query", `query A `+status+` mutation B { logout { loggedOut } }`, "operationName", "A"), 200, "", ""},
		{"variables", modern, parameters("query", `query($x: Boolean!) { status @include(if: $x) { signupOpen } }`, "variables", `{"x": false}`), 200, "", ""},
		{"null for variables", modern, parameters("query", status, "variables", "null", "extensions", "{}"), 200, "", ""},
		{"the guarded", modern, parameters("query", `{ me { id } session { id } }`), 200, "", ""},
		{"what is none of ours", modern, parameters("query", status, "callback", "steal"), 200, "", ""},

		{"a mutation", legacy, parameters("query", `mutation { logout { loggedOut } }`), 405, "BAD_REQUEST", "POST"},
		{"a mutation for a new client", modern, parameters("query", `mutation { logout { loggedOut } }`), 405, "BAD_REQUEST", "POST"},
		{"a mutation by name", modern, parameters("query", `query A `+status+` mutation B { logout { loggedOut } }`, "operationName", "B"), 405, "BAD_REQUEST", "POST"},
		{"a mutation that lacks a variable", modern, parameters("query", `mutation($i: LoginInput!) { login(input: $i) { __typename } }`), 405, "BAD_REQUEST", "POST"},

		{"a document that does not parse", legacy, parameters("query", `{ me {`), 200, "GRAPHQL_PARSE_FAILED", ""},
		{"the same for a new client", modern, parameters("query", `{ me {`), 400, "GRAPHQL_PARSE_FAILED", ""},
		{"a field that is not there", modern, parameters("query", `{ password }`), 400, "GRAPHQL_VALIDATION_FAILED", ""},
		{"two operations and no name", modern, parameters("query", `query A `+status+` mutation B { logout { loggedOut } }`), 400, "GRAPHQL_VALIDATION_FAILED", ""},
		{"a variable of another type", modern, parameters("query", `query($x: Boolean!) { status @include(if: $x) { signupOpen } }`, "variables", `{"x": "no"}`), 400, "BAD_USER_INPUT", ""},
		{"too many tokens", modern, parameters("query", "{"+strings.Repeat(" me", 1000)+"}"), 400, "GRAPHQL_PARSE_FAILED", ""},
		{"too deep", modern, parameters("query", "{ me"+strings.Repeat("{ sessions { user", 20)+"{ id }"+strings.Repeat("} }", 20)+"}"), 400, "QUERY_TOO_COMPLEX", ""},

		{"nothing", legacy, "", 400, "BAD_REQUEST", ""},
		{"an empty query", legacy, parameters("query", ""), 400, "BAD_REQUEST", ""},
		{"a name in the wrong case", legacy, parameters("QUERY", status), 400, "BAD_REQUEST", ""},
		{"two queries", legacy, parameters("query", status, "query", `{ me { id } }`), 400, "BAD_REQUEST", ""},
		{"variables twice", legacy, parameters("query", status, "variables", "{}", "variables", "{}"), 400, "BAD_REQUEST", ""},
		{"variables that are no object", legacy, parameters("query", status, "variables", "[]"), 400, "BAD_REQUEST", ""},
		{"variables that are not JSON", legacy, parameters("query", status, "variables", "{'x':1}"), 400, "BAD_REQUEST", ""},
		{"more behind the variables", legacy, parameters("query", status, "variables", "{}{}"), 400, "BAD_REQUEST", ""},
		{"a variable given twice", legacy, parameters("query", status, "variables", `{"a":1,"a":2}`), 400, "BAD_REQUEST", ""},
		{"extensions that are no object", legacy, parameters("query", status, "extensions", `"x"`), 400, "BAD_REQUEST", ""},
		{"a variable that is not UTF-8", legacy, parameters("query", status, "variables", "{\"a\":\"\xff\"}"), 400, "BAD_USER_INPUT", ""},
		{"a query that is not UTF-8", legacy, "query=%ff", 400, "BAD_REQUEST", ""},
		{"a parameter that is not encoded", legacy, "query=%zz", 400, "BAD_REQUEST", ""},
		{"semicolons", legacy, "query=a;variables=b", 400, "BAD_REQUEST", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := s.bearer(bearer)
			if test.accept != "" {
				c.headers["Accept"] = test.accept
			}
			r := c.get(endpoint, test.parameters)
			wantType := test.accept
			if wantType == "" {
				wantType = legacy
			}
			if r.status != test.wantStatus || r.header.Get("Content-Type") != wantType {
				t.Errorf("status %d and type %q, want %d and %q", r.status, r.header.Get("Content-Type"), test.wantStatus, wantType)
			}
			if test.wantCode == "" {
				r.ok()
			} else if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != test.wantCode || strings.Contains(r.body, `"data"`) {
				t.Errorf("want the one error %s and no data: %s", test.wantCode, r.body)
			}
			if allow := r.header.Get("Allow"); allow != test.wantAllow {
				t.Errorf("Allow is %q, want %q", allow, test.wantAllow)
			}
			if r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the answer may be stored: %v", r.header)
			}
		})
	}
	for _, method := range []string{"PUT", "DELETE", "OPTIONS"} {
		if r := s.bearer("").get(endpoint, parameters("query", status)); r.status != 200 {
			t.Fatal(r.body)
		}
		other := s.bearer("")
		other.url = endpoint
		if r := other.send(method, ""); r.status != 405 || r.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s is %d with Allow %q", method, r.status, r.header.Get("Allow"))
		}
	}
	s.bearer(bearer).run(me).ok() // none of the mutations logged out
}

// TestForeignLinksReadNothing is of what browsers send with links, pictures and scripts: a cookie
// and, unless they are old, where the page is from.
func TestForeignLinksReadNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.Origins = []string{"https://app.example.test"} })
	endpoint := s.byGet()
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	for _, test := range []struct {
		name    string
		headers map[string]string
		foreign bool
	}{
		{"this server's own page", map[string]string{"Sec-Fetch-Site": "same-origin"}, false},
		{"a listed origin", map[string]string{"Origin": "https://app.example.test", "Sec-Fetch-Site": "same-site"}, false},
		{"the address bar", map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"an old browser, or a program", map[string]string{}, true},
		{"a link on another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, true},
		{"a link on a sibling domain", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, true},
		{"a script of another site", map[string]string{"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, true},
		{"a sandboxed frame", map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := func(c *client) *client {
				for name, value := range test.headers {
					c.headers[name] = value
				}
				return c
			}
			for kind, r := range map[string]*reply{
				"a cookie":     with(s.withCookie(token)).get(endpoint, parameters("query", me)),
				"a bad cookie": with(s.withCookie("garbage")).get(endpoint, parameters("query", `{ status { signupOpen } }`)),
				"Basic":        with(s.basic("ada", password)).get(endpoint, parameters("query", me)),
			} {
				refused := r.status == 403 && len(r.json.Errors) == 1 && r.json.Errors[0].Extensions.Code == "FORBIDDEN" && r.json.Data == nil
				if refused != test.foreign || len(r.cookies) > 0 {
					t.Errorf("%s: %d %s %v", kind, r.status, r.body, r.cookies)
				}
			}
			// A token in a header is the page's or the program's own.
			with(s.bearer(token)).get(endpoint, parameters("query", me)).ok()
			with(s.bearer("")).get(endpoint, parameters("query", `{ status { signupOpen } }`)).ok()
		})
	}
}

func TestAMutationByGetChangesNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	endpoint := s.byGet()
	logIn := `mutation { login(input: {identifier: "ada", password: "` + password + `"}) { ... on LoginSuccess { token } } }`
	signUp := `mutation { createUser(input: {username: "ada", password: "` + password + `"}) { user { id } } }`
	for _, mutation := range []string{signUp, logIn} {
		r := s.browser().get(endpoint, parameters("query", mutation))
		if r.status != 405 || len(r.cookies) > 0 || strings.Contains(r.body, password) {
			t.Errorf("%d %s %v", r.status, r.body, r.cookies)
		}
	}
	if n := s.count(`SELECT count(*) FROM users`); n != 0 {
		t.Errorf("there are %d users", n)
	}
	if strings.Contains(s.log.String(), password) {
		t.Error("the log holds the password of the URL")
	}
}
