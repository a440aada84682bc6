package authgraph_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"

	"github.com/authgraph/authgraph/examples/go/authgraph"
)

func TestASession(t *testing.T) {
	t.Parallel()
	endpoint := signUp(t)
	session := authgraph.NewSession(endpoint, nil)
	if _, err := authgraph.Me(t.Context(), session); !authgraph.Is(err, authgraph.ErrorCodeUnauthenticated) {
		t.Errorf("before the log-in: %v", err)
	}
	account, err := session.LogIn(t.Context(), "ada", password)
	if err != nil || account.Username == nil || *account.Username != "ada" {
		t.Fatalf("logged in as %v: %v", account, err)
	}
	isAda(t, session)

	before := session.Token()
	if err := session.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if session.Token() == before {
		t.Error("the renewal brought the same token")
	}
	isAda(t, session)

	service := authgraph.NewClient(endpoint, session.AccessTokens(""))
	isAda(t, service)
	if err := session.LogOut(t.Context()); err != nil || session.Token() != "" {
		t.Errorf("after the log-out the token is %q: %v", session.Token(), err)
	}
	for _, client := range []*authgraph.Client{session.Client, service} {
		if _, err := authgraph.Me(t.Context(), client); !authgraph.Is(err, authgraph.ErrorCodeUnauthenticated) {
			t.Errorf("after the log-out: %v", err)
		}
	}
}

func TestRequestsShareOneRenewal(t *testing.T) {
	t.Parallel()
	wire := new(wire)
	session := logIn(t, wire)
	before := session.Token()
	isAda(t, session)
	if wire.asked("RenewSession") != 0 {
		t.Error("a token is renewed that is not due")
	}
	later(session)
	atOnce(func() { isAda(t, session) })
	if n := wire.asked("RenewSession"); n != 1 || session.Token() == before {
		t.Errorf("a token that is due is renewed %d times", n)
	}
	session.SetClock(time.Now)
	isAda(t, session)
	if n := wire.asked("RenewSession"); n != 1 {
		t.Errorf("the new token is renewed too: %d", n)
	}
}

func TestRequestsShareOneAccessToken(t *testing.T) {
	t.Parallel()
	wire := new(wire)
	endpoint := signUp(t)
	session := authgraph.NewSession(endpoint, wire)
	if _, err := session.LogIn(t.Context(), "ada", password); err != nil {
		t.Fatal(err)
	}
	tokens := session.AccessTokens("")
	service := authgraph.NewClient(endpoint, tokens)
	atOnce(func() { isAda(t, service) })
	if n := wire.asked("IssueAccessToken"); n != 1 {
		t.Errorf("the first token is asked for %d times", n)
	}
	tokens.Set(authgraph.Token{Text: "refused"})
	atOnce(func() { isAda(t, service) })
	if n := wire.asked("IssueAccessToken"); n != 2 {
		t.Errorf("after a refused token %d were asked for, with the first one", n)
	}
}

// TestWhatWasDoneInPartIsNotSentAgain logs out, which anyone may, and renews the session, which the
// token is refused for.
func TestWhatWasDoneInPartIsNotSentAgain(t *testing.T) {
	t.Parallel()
	wire := new(wire)
	tokens := &authgraph.Tokens{Base: wire, Renew: func(context.Context, string) (authgraph.Token, error) {
		t.Error("another token is asked for, with which to do it again")
		return authgraph.Token{}, errors.New("none")
	}}
	tokens.Set(authgraph.Token{Text: "refused"})
	err := authgraph.NewClient(signUp(t), tokens).MakeRequest(t.Context(), &graphql.Request{
		OpName: "Both", Query: "mutation Both { logout { loggedOut } renewSession { token } }",
	}, new(graphql.Response))
	if n := wire.asked("Both"); n != 1 || !authgraph.Is(err, authgraph.ErrorCodeUnauthenticated) {
		t.Errorf("it was sent %d times: %v", n, err)
	}
}

func TestARenewalThatFailsCostsNoAnswer(t *testing.T) {
	t.Parallel()
	wire := &wire{after: func(operation string) error {
		if operation == "RenewSession" {
			return errors.New("the answer is lost")
		}
		return nil
	}}
	session := logIn(t, wire)
	before := session.Token()
	later(session)
	isAda(t, session)
	isAda(t, session)
	if n := wire.asked("RenewSession"); n != 1 || session.Token() != before {
		t.Errorf("it is tried %d times at once", n)
	}
	// The server has renewed the session, which the client does not know. It asks again.
	wire.after = nil
	if err := session.Renew(t.Context()); err != nil || session.Token() == before {
		t.Errorf("the lost answer is lost for good: %v", err)
	}
	isAda(t, session)
}

func TestAGivenUpRequestGivesUpNoOther(t *testing.T) {
	t.Parallel()
	renewing, goOn := make(chan struct{}), make(chan struct{})
	session := logIn(t, &wire{after: func(operation string) error {
		if operation == "RenewSession" {
			close(renewing)
			<-goOn
		}
		return nil
	}})
	before := session.Token()
	later(session)
	ctx, giveUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := authgraph.Me(ctx, session); !errors.Is(err, context.Canceled) {
			t.Errorf("the request that was given up: %v", err)
		}
	})
	<-renewing
	all.Go(func() { isAda(t, session) })
	giveUp()
	close(goOn)
	all.Wait()
	if session.Token() == before {
		t.Error("the renewal was given up too")
	}
}

func TestWhatComesAfterTheLogOutIsNotKept(t *testing.T) {
	t.Parallel()
	renewing, goOn := make(chan struct{}), make(chan struct{})
	session := logIn(t, &wire{after: func(operation string) error {
		if operation == "RenewSession" {
			close(renewing)
			<-goOn
		}
		return nil
	}})
	var all sync.WaitGroup
	all.Go(func() {
		if err := session.Renew(t.Context()); err == nil {
			t.Error("a renewal is good that a log-out came before")
		}
	})
	<-renewing
	if err := session.LogOut(t.Context()); err != nil {
		t.Error(err)
	}
	close(goOn)
	all.Wait()
	if session.Token() != "" {
		t.Error("a token is left after the log-out")
	}
}

func TestTheTokenFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("redirected with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	redirect := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer redirect.Close()
	tokens := new(authgraph.Tokens)
	tokens.Set(authgraph.Token{Text: "x"})
	if _, err := authgraph.Me(t.Context(), authgraph.NewClient(redirect.URL, tokens)); err == nil {
		t.Error("a redirect is an answer")
	}
}
