package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// instance is the whole program, serving on a port of its own.
type instance struct {
	t      *testing.T
	URL    string // without a path
	banner string
	log    *os.File
	stop   context.CancelFunc
	done   chan error
}

// newDatabase returns the settings of a new database.
func newDatabase(t *testing.T) []string { return database(storetest.Address(t)) }

// database returns the settings of the database at an address.
func database(address string) []string {
	settings := []string{"AUTHGRAPH_DATABASE=" + address}
	if store.File(address) == "" && !store.Temporary(address) {
		settings = append(settings, "AUTHGRAPH_SECRET=a secret of thirty-two characters",
			fmt.Sprint("AUTHGRAPH_DATABASE_CONNECTIONS=", storetest.Connections))
	}
	return settings
}

// start runs the program with a new database, unless the environment names another, and waits
// until it serves.
func start(t *testing.T, environ ...string) *instance {
	t.Helper()
	dir := t.TempDir()
	environ = slices.Concat([]string{"AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_BCRYPT_COST=10"}, newDatabase(t), environ)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	i := &instance{t: t, log: log, stop: stop, done: make(chan error, 1)}
	go func() {
		err := run(ctx, nil, environ, console{in: strings.NewReader(""), out: in, err: log})
		in.CloseWithError(errors.Join(io.EOF, err))
		i.done <- err
	}()
	t.Cleanup(func() { i.shutDown() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		i.banner += lines.Text() + "\n"
		if name, url, _ := strings.Cut(lines.Text(), " "); name == "endpoint" {
			i.URL = strings.TrimSuffix(strings.TrimSpace(url), "/graphql")
		}
		if strings.HasPrefix(lines.Text(), "ready") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return i
		}
	}
	t.Fatalf("the server did not start: %v\n%s", <-i.done, i.banner)
	return nil
}

// shutDown stops the program and returns what it ended with.
func (i *instance) shutDown() error {
	i.stop()
	err := <-i.done
	i.done <- err
	return err
}

func (i *instance) get(path string) (*http.Response, string) {
	i.t.Helper()
	response, err := http.Get(i.URL + path)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return response, string(body)
}

// post sends an operation.
func (i *instance) post(client *http.Client, query string, headers ...string) (*http.Response, string) {
	i.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		i.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		i.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(headers); n += 2 {
		request.Header.Set(headers[n], headers[n+1])
	}
	response, err := client.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return response, string(text)
}

func TestOneCommandServes(t *testing.T) {
	t.Parallel()
	i := start(t)
	for _, want := range []string{"playground http://localhost:", "endpoint ", "database ", "There is no administrator yet", "create-admin EMAIL"} {
		if !strings.Contains(i.banner, want) {
			t.Errorf("the banner lacks %q:\n%s", want, i.banner)
		}
	}
	if response, body := i.get("/"); response.StatusCode != 200 || !strings.Contains(body, "authgraph playground") {
		t.Errorf("/ is %d: %s", response.StatusCode, body)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/nothing": 404, "/graphql": 405} {
		if response, _ := i.get(path); response.StatusCode != want {
			t.Errorf("%s is %d, want %d", path, response.StatusCode, want)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	for _, step := range []struct{ query, want string }{
		{`mutation { createUser(input: {email: "ada@example.test", password: "correct horse battery"}) { user { email } } }`, `"email":"ada@example.test"`},
		{`mutation { login(input: {identifier: "ada@example.test", password: "correct horse battery"}) { ... on LoginSuccess { user { email } } } }`, `"email":"ada@example.test"`},
		{`{ me { email } }`, `"email":"ada@example.test"`},
		{`{ users { totalCount } }`, `FORBIDDEN`},
		{`mutation { logout { loggedOut } }`, `true`},
		{`{ me { email } }`, `UNAUTHENTICATED`},
	} {
		if _, body := i.post(browser, step.query); !strings.Contains(body, step.want) {
			t.Errorf("%s answers %s", step.query, body)
		}
	}
	if err := i.shutDown(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestARunningRequestIsFinishedAtTheEnd(t *testing.T) {
	t.Parallel()
	i := start(t)
	// The body comes in two halves, the second after the server was told to stop.
	body, rest := io.Pipe()
	begun, answered := make(chan struct{}), make(chan string, 1)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(begun) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.URL+"/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	go func() {
		response, err := client.Do(request)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-begun
	i.stop()
	for { // until nobody is let in any more
		connection, err := net.Dial("tcp", strings.TrimPrefix(i.listening(), "http://"))
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	if _, err := io.WriteString(rest, `{"query": "{ status { signupOpen } }"}`); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if text := <-answered; !strings.Contains(text, `"signupOpen":true`) {
		t.Errorf("the request was cut off: %s", text)
	}
	if err := i.shutDown(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestTheAdministratorOfTheSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := start(t, "AUTHGRAPH_ADMIN_EMAIL=boss@example.test", "AUTHGRAPH_ADMIN_PASSWORD_FILE="+file)
	if strings.Contains(i.banner, "no administrator") {
		t.Errorf("the banner asks for an administrator:\n%s", i.banner)
	}
	_, body := i.post(http.DefaultClient, `mutation { login(input: {identifier: "boss@example.test", password: "correct horse battery"}) { ... on LoginSuccess { user { roles { name } } } } }`)
	if !strings.Contains(body, `"name":"admin"`) {
		t.Errorf("want an administrator: %s", body)
	}
}

// TestServersThatStartAtOnceAgree starts several on one new database, each of which would make the
// tables, the administrator and the users.
func TestServersThatStartAtOnceAgree(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := storetest.Address(t)
	settings := append(database(address), "AUTHGRAPH_ADMIN_EMAIL=boss@example.test", "AUTHGRAPH_ADMIN_PASSWORD_FILE="+file,
		usersFile(t, userEntry("username", "ada"), userEntry("username", "bob")))
	servers := make([]*instance, 4)
	var started sync.WaitGroup
	for n := range servers {
		started.Go(func() { servers[n] = start(t, settings...) })
	}
	started.Wait()
	for _, i := range servers {
		if i == nil {
			t.FailNow() // start has said why
		}
		_, body := i.post(http.DefaultClient, `mutation { login(input: {identifier: "boss@example.test", password: "correct horse battery"}) { ... on LoginSuccess { token } } }`)
		_, rest, _ := strings.Cut(body, `"token":"`)
		token, _, _ := strings.Cut(rest, `"`)
		for _, other := range servers {
			if _, body := other.post(http.DefaultClient, `{ users { totalCount } }`, "Authorization", "Bearer "+token); body != `{"data":{"users":{"totalCount":3}}}` {
				t.Errorf("another server answers %s", body)
			}
		}
	}
	if got := storetest.Number(t, address, "SELECT count(*) FROM audit_events WHERE kind = 'PASSWORD_CHANGED'"); got != 1 {
		t.Errorf("the administrator's password is set %d times, which ended sessions", got)
	}
}

// TestAHangingReadOfTheKeysIsOne has many ask for the published keys while these cannot be read. Each
// waits as long as a statement may take, and not for those before.
func TestAHangingReadOfTheKeysIsOne(t *testing.T) {
	t.Parallel()
	if !storetest.OnPostgres() {
		t.Skip("SQLite's readers wait for nobody")
	}
	address := storetest.Address(t)
	const timeout, askers = 500 * time.Millisecond, 20
	i := start(t, append(database(address), "AUTHGRAPH_DATABASE_TIMEOUT="+timeout.String())...)
	unlock := storetest.Lock(t, address, "signing_keys")
	begun := time.Now()
	var asked sync.WaitGroup
	for range askers {
		asked.Go(func() {
			if response, body := i.get("/.well-known/jwks.json"); response.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("the answer is %d: %s", response.StatusCode, body)
			}
		})
	}
	asked.Wait()
	if took := time.Since(begun); took > askers*timeout/2 {
		t.Errorf("%d waited %v, as if one after the other", askers, took)
	}
	unlock()
	if response, body := i.get("/.well-known/jwks.json"); response.StatusCode != http.StatusOK {
		t.Errorf("afterwards the answer is %d: %s", response.StatusCode, body)
	}
}

func TestReadyTellsOfAnOutage(t *testing.T) {
	t.Parallel()
	storetest.SQLite(t)
	file := filepath.Join(t.TempDir(), "data.db")
	i := start(t, "AUTHGRAPH_DATABASE=sqlite:"+file)
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file+"-wal", 0); err != nil {
		t.Fatal(err)
	}
	if response, body := i.get("/readyz"); response.StatusCode != 503 || strings.Contains(body, "malformed") {
		t.Errorf("/readyz is %d: %s", response.StatusCode, body)
	}
	if response, _ := i.get("/healthz"); response.StatusCode != 200 {
		t.Errorf("/healthz is %d", response.StatusCode)
	}
}

func TestPagesOfListedOriginsMayCall(t *testing.T) {
	t.Parallel()
	listed := start(t, "AUTHGRAPH_ORIGINS=https://app.example.test,https://www.example.test")
	everyone := start(t, "AUTHGRAPH_ORIGINS=*")
	nobody := start(t)
	for _, test := range []struct {
		name, origin, wantOrigin, wantCredentials string
		at                                        *instance
	}{
		{"a listed origin", "https://app.example.test", "https://app.example.test", "true", listed},
		{"another", "https://evil.test", "", "", listed},
		{"one that looks like it", "https://app.example.test.evil.test", "", "", listed},
		{"none", "null", "", "", listed},
		{"everyone, without cookies", "https://evil.test", "*", "", everyone},
		{"nobody", "https://app.example.test", "", "", nobody},
	} {
		response, _ := test.at.post(http.DefaultClient, `{ status { signupOpen } }`, "Origin", test.origin)
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != test.wantOrigin {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", test.name, got)
		}
		if got := response.Header.Get("Access-Control-Allow-Credentials"); got != test.wantCredentials {
			t.Errorf("%s: Access-Control-Allow-Credentials is %q", test.name, got)
		}
	}
}

// TestPreflightsSayWhoIsListed holds what browsers ask before they let a page send JSON.
func TestPreflightsSayWhoIsListed(t *testing.T) {
	t.Parallel()
	listed, nobody := start(t, "AUTHGRAPH_ORIGINS=https://app.example.test"), start(t)
	for _, test := range []struct {
		name, origin string
		at           *instance
		wantStatus   int
		allowed      bool
	}{
		{"a listed origin", "https://app.example.test", listed, 204, true},
		{"another", "https://evil.test", listed, 204, false},
		{"where none is listed", "https://app.example.test", nobody, 405, false},
	} {
		response := test.at.script("Origin", test.origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,content-type").send(http.MethodOptions, "/graphql")
		allows := func(name string) string { return response.Header.Get("Access-Control-Allow-" + name) }
		if response.StatusCode != test.wantStatus || (allows("Origin") != "") != test.allowed {
			t.Errorf("%s: %s, Access-Control-Allow-Origin %q", test.name, response.Status, allows("Origin"))
		}
		if test.allowed && (allows("Methods") != "POST" || allows("Headers") != "authorization,content-type" || allows("Credentials") != "true") {
			t.Errorf("%s: %v", test.name, response.Header)
		}
	}
}

func TestQueriesByGetAreForThoseWhoWantThem(t *testing.T) {
	t.Parallel()
	const query = "/graphql?query=%7Bstatus%7BsignupOpen%7D%7D"
	off := start(t, "AUTHGRAPH_ORIGINS=https://app.example.test")
	on := start(t, "AUTHGRAPH_ORIGINS=https://app.example.test", "AUTHGRAPH_GET_QUERIES=on")
	if response, body := off.get(query); response.StatusCode != 405 || response.Header.Get("Allow") != "POST" {
		t.Errorf("without the setting: %d %s", response.StatusCode, body)
	}
	if response, body := on.get(query); response.StatusCode != 200 || body != `{"data":{"status":{"signupOpen":true}}}` {
		t.Errorf("with it: %d %s", response.StatusCode, body)
	}
	for _, test := range []struct {
		at   *instance
		want string
	}{{off, ""}, {on, "https://app.example.test"}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, test.at.URL+"/graphql", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", "https://app.example.test")
		request.Header.Set("Access-Control-Request-Method", "GET")
		request.Header.Set("Access-Control-Request-Headers", "authorization")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Access-Control-Allow-Origin"); got != test.want {
			t.Errorf("pages of a listed origin may send a GET: %q, want %q", got, test.want)
		}
	}
	if response, _ := on.get(query + strings.Repeat("+", 40<<10)); response.StatusCode != 431 {
		t.Errorf("a URL of 40 KiB is %d", response.StatusCode)
	}
}

func TestThePlaygroundIsForDevelopment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environ []string
		want    int
	}{
		{nil, 200},
		{[]string{"AUTHGRAPH_PLAYGROUND=off"}, 404},
		{[]string{"AUTHGRAPH_PUBLIC_URL=https://login.example.test"}, 404},
		{[]string{"AUTHGRAPH_PUBLIC_URL=https://login.example.test", "AUTHGRAPH_PLAYGROUND=on"}, 200},
	} {
		i := start(t, append(test.environ, "AUTHGRAPH_ADDR=127.0.0.1:0")...)
		i.URL = i.listening()
		if response, _ := i.get("/"); response.StatusCode != test.want {
			t.Errorf("with %v / is %d, want %d", test.environ, response.StatusCode, test.want)
		}
	}
}

// listening returns the URL of the port that the program listens on, wherever clients are
// told to go.
func (i *instance) listening() string {
	for line := range strings.Lines(i.banner) {
		if address, ok := strings.CutPrefix(line, "ready on "); ok {
			return "http://" + strings.TrimSpace(address)
		}
	}
	i.t.Fatalf("no address in:\n%s", i.banner)
	return ""
}

func TestEveryAnswerConfinesTheBrowser(t *testing.T) {
	t.Parallel()
	plain, https := start(t), start(t, "AUTHGRAPH_PUBLIC_URL=https://login.example.test")
	https.URL = https.listening()
	for _, i := range []*instance{plain, https} {
		for _, path := range []string{"/", "/graphql", "/healthz", "/readyz", "/auth", "/.well-known/jwks.json", "/nothing", "/assets/nothing"} {
			response, _ := i.get(path)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			policy := response.Header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("%s: the policy is %q", path, policy)
			}
			if got := response.Header.Get("Strict-Transport-Security"); (got != "") != (i == https) {
				t.Errorf("%s: Strict-Transport-Security is %q", path, got)
			}
			if strings.Contains(response.Header.Get("Content-Type"), "html") && path != "/" {
				t.Errorf("%s is a page", path)
			}
		}
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	t.Parallel()
	i := start(t)
	response, _ := i.post(http.DefaultClient, `{ status { signupOpen } }`, "X-Large", strings.Repeat("x", 100<<10))
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
}
