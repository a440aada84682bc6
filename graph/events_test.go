package graph_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

func TestEventsAreServedWhereAcceptNamesNoJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	for _, test := range []struct{ accept, want string }{
		{"text/event-stream", "text/event-stream; charset=utf-8"},
		{"text/event-stream, */*;q=0.1", "text/event-stream; charset=utf-8"},
		{"TEXT/EVENT-STREAM; charset=utf-8", "text/event-stream; charset=utf-8"},
		{"text/event-stream, application/json", ""},
		{"application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", ""}, // urql's
		{"application/problem+json, text/event-stream", ""},
		{"*/*", ""},
		{"text/*", ""},
		{"", ""},
	} {
		query, subscription := c.listen(`{ me { username } }`, "Accept", test.accept), c.listen(authEvents, "Accept", test.accept)
		if test.want != "" {
			if got := query.response.Header.Get("Content-Type"); got != test.want {
				t.Errorf("%s: a query is answered by %s", test.accept, got)
			}
			if data := query.want("next"); data != `{"data":{"me":{"username":"ada"}}}` {
				t.Errorf("a query is answered by %s", data)
			}
			query.want("complete")
			query.want("end")
			if got := subscription.response.Header.Get("Content-Type"); subscription.response.StatusCode != 200 || got != test.want {
				t.Errorf("%s: a subscription is answered by %s", test.accept, got)
			}
			if subscription.response.Header.Get("Cache-Control") != "no-store" || subscription.response.Header.Get("X-Request-Id") == "" {
				t.Errorf("the headers are %v", subscription.response.Header)
			}
			continue
		}
		if got := query.response.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/") {
			t.Errorf("%s: a query is answered by %s", test.accept, got)
		}
		body, err := io.ReadAll(subscription.body)
		if err != nil || subscription.response.StatusCode != 406 || errorCode(string(body)) != "BAD_REQUEST" || !strings.Contains(string(body), "text/event-stream") {
			t.Errorf("%s: a subscription is answered by %s %s", test.accept, subscription.response.Status, body)
		}
	}
}

func TestStreamsRefuseWhatOtherRequestsRefuse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	browser.logIn("ada")
	for _, test := range []struct {
		name, query string
		headers     []string
		status      int
		code        string
	}{
		{"a document that does not parse", "{", nil, 400, "GRAPHQL_PARSE_FAILED"},
		{"an unknown field", "subscription { nothing }", nil, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"two fields", "subscription { a: authEvents { kind } b: authEvents { kind } }", nil, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"no field", "subscription { authEvents @skip(if: true) { kind } }", nil, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"a foreign page", authEvents, []string{"Origin", "https://evil.example"}, 403, "FORBIDDEN"},
		{"an opaque page", authEvents, []string{"Origin", "null"}, 403, "FORBIDDEN"},
		{"a foreign site", authEvents, []string{"Sec-Fetch-Site", "cross-site"}, 403, "FORBIDDEN"},
		{"plain text", authEvents, []string{"Content-Type", "text/plain"}, 415, "BAD_REQUEST"},
	} {
		stream := browser.listen(test.query, test.headers...)
		body, err := io.ReadAll(stream.body)
		if err != nil || stream.response.StatusCode != test.status || errorCode(string(body)) != test.code {
			t.Errorf("%s: %s %s", test.name, stream.response.Status, body)
		}
	}
	stranger := s.bearer("").listen(authEvents)
	if code := errorCode(stranger.want("next")); code != "UNAUTHENTICATED" || stranger.response.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a stranger gets %s", code)
	}
	stranger.want("complete")
	denied := browser.listen(`subscription { authEvents(all: true) { kind } }`)
	if code := errorCode(denied.want("next")); code != "FORBIDDEN" {
		t.Errorf("who may not listen to all gets %s", code)
	}
	denied.want("complete")
}

func TestALogInByEventsSetsTheCookie(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	stream := browser.listen(`mutation { login(input: {identifier: "ada", password: "` + password + `"}) { ... on LoginSuccess { user { username } } } }`)
	if data := stream.want("next"); data != `{"data":{"login":{"user":{"username":"ada"}}}}` {
		t.Errorf("the answer is %s", data)
	}
	stream.want("complete")
	browser.run(me).ok()
}

// TestAStreamOutlivesTheTimesOfARequest serves with time limits like the real server's, only shorter.
func TestAStreamOutlivesTheTimesOfARequest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	s.requestTime = 500 * time.Millisecond
	c.url = s.serve(graph.Options{}) + "/graphql"
	stream, socket := c.listen(authEvents), c.connect()
	socket.subscribe("1", authEvents)
	time.Sleep(time.Second) // twice the time that a request has
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	stream.wantEvent("PROFILE_CHANGED")
	socket.wantEvent("1", "PROFILE_CHANGED")
}

// TestAReaderWhoFallsBehindIsDropped opens streams whose client never reads, and makes more happen
// than fits between the two.
func TestAReaderWhoFallsBehindIsDropped(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.RateLimits = false })
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	c := s.bearer(token)
	reader := c.connect()
	reader.subscribe("1", authEvents)
	// An answer of much text, so that some of them fill what lies between server and client.
	big := `subscription { authEvents { kind user { ` + many(300) + ` } } }`
	body, err := json.Marshal(map[string]any{"query": big})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.origin, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.(*net.TCPConn).SetReadBuffer(1 << 10)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token)
	if err := request.Write(raw); err != nil {
		t.Fatal(err)
	}
	dropped := func() bool { return strings.Contains(s.log.String(), `"kind":"subscription"`) }
	for i := 0; !dropped(); i++ {
		if i > 5000 {
			t.Fatal("nobody is dropped")
		}
		begun := time.Now()
		c.run(updateMe, "input", map[string]any{"firstName": strings.Repeat("x", 100)}).ok()
		reader.wantEvent("1", "PROFILE_CHANGED") // whoever reads is told at once
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("another reader waited %v", took)
		}
	}
}

// many returns so many fields of a user under names of their own.
func many(n int) string {
	var fields []string
	for i := range n {
		fields = append(fields, strings.Repeat("a", 20)+string(rune('a'+i%26))+string(rune('a'+i/26))+": firstName")
	}
	return strings.Join(fields, " ")
}
