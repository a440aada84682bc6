package authgraph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"

	"github.com/authgraph/authgraph/examples/go/authgraph"
	"github.com/authgraph/authgraph/examples/go/servertest"
)

// The tests ask the real server. What stands between it and the client is a wire, on which a test
// sees what is asked, and loses answers or holds them up.

func TestMain(m *testing.M) { os.Exit(servertest.Run(m)) }

const password = "violet harbour lantern 47"

// wire is an http.RoundTripper that counts the operations that go through it.
type wire struct {
	after func(operation string) error // what happens when the server has answered; an error loses the answer

	mu    sync.Mutex
	count map[string]int
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	var asked struct{ OperationName string }
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	w.mu.Lock()
	if w.count == nil {
		w.count = map[string]int{}
	}
	w.count[asked.OperationName]++
	w.mu.Unlock()
	request = request.Clone(request.Context())
	request.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultTransport.RoundTrip(request)
	if err == nil && w.after != nil {
		if err = w.after(asked.OperationName); err != nil {
			_ = response.Body.Close()
			return nil, err
		}
	}
	return response, err
}

// asked returns how often an operation was sent.
func (w *wire) asked(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count[operation]
}

// signUp starts a server that knows ada, and returns its endpoint.
func signUp(t *testing.T, settings ...string) string {
	t.Helper()
	endpoint := servertest.Start(t, settings...) + "/graphql"
	_, err := authgraph.SignUp(t.Context(), authgraph.NewClient(endpoint, nil), &authgraph.CreateUserInput{Username: new("ada"), Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// logIn returns a session of ada's, with a server of its own.
func logIn(t *testing.T, wire *wire) *authgraph.Session {
	t.Helper()
	session := authgraph.NewSession(signUp(t), wire)
	if _, err := session.LogIn(t.Context(), "ada", password); err != nil {
		t.Fatal(err)
	}
	return session
}

// later moves a session's clock to when its token is due.
func later(session *authgraph.Session) {
	session.SetClock(func() time.Time { return time.Now().Add(2 * time.Hour) })
}

// isAda fails the test unless a client asks as ada.
func isAda(t *testing.T, client graphql.Client) {
	t.Helper()
	answer, err := authgraph.Me(t.Context(), client)
	if err != nil {
		t.Error(err)
	} else if name := answer.Me.Username; name == nil || *name != "ada" {
		t.Errorf("the answer is for %v", name)
	}
}

// atOnce calls something from 20 goroutines.
func atOnce(call func()) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(call)
	}
	all.Wait()
}
