package authgraph_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/authgraph/authgraph/examples/go/authgraph"
)

func TestRefusalsTellWhy(t *testing.T) {
	t.Parallel()
	endpoint := signUp(t)
	stranger := authgraph.NewClient(endpoint, nil)
	session := authgraph.NewSession(endpoint, nil)
	signUp := func(name, password string) error {
		_, err := authgraph.SignUp(t.Context(), stranger, &authgraph.CreateUserInput{Username: &name, Password: password})
		return err
	}
	logIn := func(password string) error {
		_, err := session.LogIn(t.Context(), "ada", password)
		return err
	}
	for _, test := range []struct {
		name      string
		ask       func() error
		wantCode  authgraph.ErrorCode
		wantField string
		wantPath  string
	}{
		{"a wrong password", func() error { return logIn("wrong") }, authgraph.ErrorCodeInvalidCredentials, "", "login"},
		{"a short password", func() error { return signUp("bob", "short") }, authgraph.ErrorCodeBadUserInput, "password", "createUser"},
		{"a name that is taken", func() error { return signUp("ADA", password) }, authgraph.ErrorCodeAlreadyExists, "username", "createUser"},
	} {
		err := test.ask()
		refusal, ok := errors.AsType[*authgraph.Error](err)
		if !ok || refusal.Code != test.wantCode || refusal.Field != test.wantField || refusal.Path != test.wantPath || refusal.RequestID == "" || refusal.Message == "" {
			t.Errorf("%s: %#v", test.name, err)
		}
	}
}

func TestRefusalsTellWhenToTryAgain(t *testing.T) {
	t.Parallel()
	session := authgraph.NewSession(signUp(t), nil)
	for range 50 {
		_, err := session.LogIn(t.Context(), "ada", "wrong")
		if refusal, ok := errors.AsType[*authgraph.Error](err); ok && refusal.Code == authgraph.ErrorCodeRateLimited {
			if refusal.RetryAfter <= 0 {
				t.Errorf("try again in %s", refusal.RetryAfter)
			}
			return
		}
	}
	t.Error("nothing keeps a client from guessing")
}

// TestAnOutageIsNoRefusal asks what is not authgraph, and what is not there.
func TestAnOutageIsNoRefusal(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.Handler{
		"a proxy": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<h1>Bad gateway</h1>", http.StatusBadGateway)
		}),
		"a wrong page": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<h1>Hello</h1>")) }),
	} {
		server := httptest.NewServer(handler)
		_, err := authgraph.Me(t.Context(), authgraph.NewClient(server.URL, nil))
		if _, refused := errors.AsType[*authgraph.Error](err); err == nil || refused {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
		_, err = authgraph.Me(t.Context(), authgraph.NewClient(server.URL, nil))
		if _, refused := errors.AsType[*authgraph.Error](err); err == nil || refused {
			t.Errorf("nobody: %v", err)
		}
	}
}
