package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// The tests of this package are the specification of the API. They ask over HTTP, as any
// client does, and each has a server with a database of its own.

// TestMain runs the tests on each kind of database.
func TestMain(m *testing.M) { os.Exit(storetest.Rounds(m).Run()) }

// password is one that the policy takes for everyone in these tests.
const password = "correct horse battery staple"

// server is authgraph's GraphQL endpoint with a clock that the test moves.
type server struct {
	t       *testing.T
	URL     string // of the GraphQL endpoint
	origin  string
	auth    *auth.Service
	store   *store.Store
	address string
	log     *syncBuffer

	session, adminClient *client // made by prepare
	code, adaID          string

	requestTime time.Duration // of ports opened from now on; 0 for any

	mu  sync.Mutex
	now time.Time
}

// newServer starts a server. A change adjusts its options before that.
func newServer(t *testing.T, changes ...func(*auth.Options)) *server {
	t.Helper()
	return newServerAt(t, storetest.Address(t), changes...)
}

// newServerAt starts a server on a database that may exist.
func newServerAt(t *testing.T, address string, changes ...func(*auth.Options)) *server {
	t.Helper()
	s := &server{t: t, address: address, log: new(syncBuffer), now: time.Now()}
	s.store = storetest.OpenAt(t, address)
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	secret, err := auth.NewSecret("a secret of thirty-two characters")
	if err != nil {
		t.Fatal(err)
	}
	options := auth.DefaultOptions()
	options.BcryptCost = bcrypt.MinCost
	options.Secret = secret
	options.Permissions = graph.Permissions()
	options.Log = log
	options.Now = s.clock
	for _, change := range changes {
		change(&options)
	}
	if s.auth, err = auth.New(t.Context(), s.store, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.auth.Close)
	s.origin = s.serve(graph.Options{Introspection: true, Log: log})
	s.URL = s.origin + "/graphql"
	return s
}

// serve listens on a port of its own and returns the origin.
func (s *server) serve(options graph.Options) string {
	s.t.Helper()
	_, origin := s.serveOn(options)
	return origin
}

// serveOn is serve that returns the endpoint as well.
func (s *server) serveOn(options graph.Options) (endpoint *graph.Handler, origin string) {
	s.t.Helper()
	if options.Log == nil {
		options.Log = s.auth.Log
	}
	handler, err := graph.NewHandler(s.auth, options)
	if err != nil {
		s.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", handler)
	mux.Handle("/auth", s.auth.Middleware(http.HandlerFunc(s.auth.ServeForwardAuth)))
	mux.HandleFunc("/.well-known/jwks.json", s.auth.ServeKeys)
	listener := httptest.NewUnstartedServer(mux)
	listener.Config.ReadTimeout, listener.Config.WriteTimeout = s.requestTime, s.requestTime
	listener.Start()
	s.t.Cleanup(listener.Close)
	s.t.Cleanup(func() { _ = handler.Shutdown(context.Background()) })
	return handler, listener.URL
}

// browserAt returns a client of another port of the server.
func (s *server) browserAt(origin string) *client {
	c := s.browser()
	c.url = origin + "/graphql"
	return c
}

func (s *server) forwardAuth() string { return s.origin + "/auth" }

func (s *server) keys() string { return s.origin + "/.well-known/jwks.json" }

// exec runs SQL on the server's database behind its back.
func (s *server) exec(statement string) {
	s.t.Helper()
	storetest.Exec(s.t, s.address, statement)
}

// clock tells the server's time. It moves by a microsecond each time, so that what happens
// later is later.
func (s *server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Microsecond)
	return s.now
}

// wait moves the server's clock.
func (s *server) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// eventually waits until something is so.
func (s *server) eventually(what string, is func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			s.t.Fatalf("it never came to be: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// on returns the client as one of another test's.
func (c *client) on(t *testing.T) *client {
	other := *c
	other.t = t
	return &other
}

// client is someone who asks: a browser, which keeps cookies, or a program with headers.
type client struct {
	t       *testing.T
	url     string
	http    *http.Client
	headers map[string]string
}

// browser returns a client that keeps cookies.
func (s *server) browser() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &client{t: s.t, url: s.URL, http: &http.Client{Jar: jar}}
}

// bearer returns a client without cookies that sends a token, unless it is "".
func (s *server) bearer(token string) *client {
	c := &client{t: s.t, url: s.URL, http: http.DefaultClient, headers: map[string]string{}}
	if token != "" {
		c.headers["Authorization"] = "Bearer " + token
	}
	return c
}

// withCookie returns a client that sends this value as the session cookie, whatever it is.
func (s *server) withCookie(value string) *client {
	return &client{t: s.t, url: s.URL, http: http.DefaultClient,
		headers: map[string]string{"Cookie": s.auth.Cookie.Name + "=" + value}}
}

// reply is what the server answered.
type reply struct {
	t       *testing.T
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
	json    struct {
		Data   map[string]any
		Errors []replyError
	}
}

type replyError struct {
	Message    string
	Path       []any
	Extensions struct {
		Code, Field, RequestID string
		RetryAfter             int
	}
}

// run executes an operation. Variables come in pairs of name and value.
func (c *client) run(query string, variables ...any) *reply {
	c.t.Helper()
	values := map[string]any{}
	for i := 0; i < len(variables); i += 2 {
		values[variables[i].(string)] = variables[i+1]
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": values})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.post(string(body))
}

// post sends a body as it is.
func (c *client) post(body string) *reply {
	c.t.Helper()
	return c.send(http.MethodPost, body)
}

func (c *client) send(method, body string) *reply {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := &reply{t: c.t, status: response.StatusCode, header: response.Header, cookies: response.Cookies(), body: string(text)}
	if err := json.Unmarshal(text, &r.json); err != nil {
		c.t.Fatalf("the answer is not JSON: %s", text)
	}
	return r
}

// get returns what stands at a path such as "users.nodes.0.email" of the data, as text:
// "null" for null and what null holds.
func (r *reply) get(path string) string {
	r.t.Helper()
	var value any = r.json.Data
	for step := range strings.SplitSeq(path, ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				r.t.Fatalf("no %s in %s", path, r.body)
			}
			value = at[i]
		default:
			return "null"
		}
	}
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

// list returns what stands at "path" of each element of the list at "at", joined by spaces.
func (r *reply) list(at, path string) string {
	r.t.Helper()
	var value any = r.json.Data
	for step := range strings.SplitSeq(at, ".") {
		value = value.(map[string]any)[step]
	}
	elements, _ := value.([]any)
	var texts []string
	for _, element := range elements {
		for step := range strings.SplitSeq(path, ".") {
			element = element.(map[string]any)[step]
		}
		texts = append(texts, fmt.Sprint(element))
	}
	return strings.Join(texts, " ")
}

// ok fails the test if the answer holds an error.
func (r *reply) ok() *reply {
	r.t.Helper()
	if len(r.json.Errors) > 0 {
		r.t.Fatalf("unexpected error: %s", r.body)
	}
	return r
}

// refused fails the test unless the one error of the answer has this code and names this
// field, "" for none.
func (r *reply) refused(code auth.Code, field string) *reply {
	r.t.Helper()
	if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != string(code) || r.json.Errors[0].Extensions.Field != field {
		r.t.Fatalf("want one error %s on field %q, got: %s", code, field, r.body)
	}
	if r.json.Errors[0].Extensions.RequestID == "" {
		r.t.Fatalf("the error holds no request id: %s", r.body)
	}
	return r
}

// cookie returns the session cookie that the answer sets, or nil.
func (r *reply) cookie(name string) *http.Cookie {
	for _, cookie := range r.cookies {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

const createUserMutation = `mutation CreateUser($input: CreateUserInput!) {
	createUser(input: $input) { user { id email username firstName lastName active createdAt } }
}`

const loginMutation = `mutation LogIn($identifier: String!, $password: String!, $rememberMe: Boolean! = false) {
	login(input: {identifier: $identifier, password: $password, rememberMe: $rememberMe}) {
		... on LoginSuccess { token user { id roles { name } } session { id expiresAt persistent fresh } }
	}
}`

// signUp creates a user with an email address or a user name and returns the id.
func (s *server) signUp(identifier string) string {
	s.t.Helper()
	field := "username"
	if strings.Contains(identifier, "@") {
		field = "email"
	}
	input := map[string]any{field: identifier, "password": password}
	return s.browser().run(createUserMutation, "input", input).ok().get("createUser.user.id")
}

// logIn signs the client in and returns the token.
func (c *client) logIn(identifier string) string {
	c.t.Helper()
	return c.run(loginMutation, "identifier", identifier, "password", password).ok().get("login.token")
}

// admin makes an administrator and returns a client that acts as them.
func (s *server) admin() *client {
	s.t.Helper()
	if _, err := s.auth.CreateAdministrator(s.t.Context(), s.auth.Operator(), "admin@example.test", password); err != nil {
		s.t.Fatal(err)
	}
	c := s.browser()
	c.logIn("admin@example.test")
	return c
}

// syncBuffer is a log that a test reads while the server writes it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// count returns a number from the server's database.
func (s *server) count(query string) int {
	s.t.Helper()
	return storetest.Number(s.t, s.address, query)
}
