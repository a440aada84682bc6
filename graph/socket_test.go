package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

func TestWhoOpensASocket(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	browser := s.browser()
	browser.logIn("ada")
	stranger := s.bearer("")
	foreign := "https://evil.example"
	for _, test := range []struct {
		name       string
		client     *client
		origin     string // "" for none
		parameters any
		want       int // the code that ends it; 0 for none
	}{
		{"a cookie from a page of ours", browser, s.origin, nil, 0},
		{"a header, as programs send it", s.bearer(token), "", nil, 0},
		{"a header from a page of ours", s.bearer(token), s.origin, nil, 0},
		{"a password from a page of ours", s.basic("ada", password), s.origin, nil, 0},
		{"parameters", stranger, "", map[string]any{"Authorization": "Bearer " + token}, 0},
		{"parameters in lower case", stranger, "", map[string]any{"authorization": "Bearer " + token}, 0},
		{"a token in parameters", stranger, "", map[string]any{"Authentication-Token": token}, 0},
		{"parameters with more in them", stranger, "", map[string]any{"Authorization": "Bearer " + token, "app": map[string]any{"version": 3}}, 0},
		{"parameters instead of a bad cookie", s.withCookie("garbage"), s.origin, map[string]any{"Authorization": "Bearer " + token}, 0},
		{"bad parameters instead of a good cookie", browser, s.origin, map[string]any{"Authorization": "Bearer garbage"}, 4401},
		{"nobody", stranger, "", nil, 4401},
		{"nobody with empty parameters", stranger, "", map[string]any{}, 4401},
		{"nobody with an empty token", stranger, "", map[string]any{"Authorization": "Bearer "}, 4401},
		{"a bad cookie", s.withCookie("garbage"), s.origin, nil, 4401},
		{"a bad token", stranger, "", map[string]any{"Authorization": "Bearer garbage"}, 4401},
		{"a password in parameters from who knows where", stranger, "", map[string]any{"Authorization": s.basic("ada", password).headers["Authorization"]}, 4403},
		{"a password in parameters from a page of ours", stranger, s.origin, map[string]any{"Authorization": s.basic("ada", password).headers["Authorization"]}, 0},
		{"two spellings", stranger, "", map[string]any{"Authorization": "Bearer " + token, "authorization": "Bearer garbage"}, 4400},
		{"a number for a token", stranger, "", map[string]any{"Authorization": 3}, 4400},
		{"parameters that are a list", stranger, "", []any{"Bearer " + token}, 4400},
		{"parameters that are a text", stranger, "", "Bearer " + token, 4400},
		{"a cookie from a foreign page", browser, foreign, nil, 403},
		{"a cookie from an opaque page", browser, "null", nil, 403},
		{"a cookie from who knows where", browser, "", nil, 403},
		{"a bad cookie from who knows where", s.withCookie("garbage"), "", nil, 403},
		{"a password from who knows where", s.basic("ada", password), "", nil, 403},
		{"a header from a foreign page", s.bearer(token), foreign, nil, 403},
		{"parameters from a foreign page", stranger, foreign, map[string]any{"Authorization": "Bearer " + token}, 403},
	} {
		var headers []string
		if test.origin != "" {
			headers = []string{"Origin", test.origin}
		}
		socket, response := test.client.dial(headers...)
		switch {
		case test.want == 403:
			if socket != nil || response.StatusCode != 403 {
				t.Errorf("%s: the handshake is answered by %d", test.name, response.StatusCode)
			}
		case socket == nil:
			t.Errorf("%s: the handshake is refused: %d", test.name, response.StatusCode)
		default:
			socket.send("connection_init", "", test.parameters)
			if m, code := socket.next(); code != test.want || code == 0 && m.Type != "connection_ack" {
				t.Errorf("%s: %d %s, want %d", test.name, code, m.Type, test.want)
			}
		}
	}
}

// TestPagesOfListedOriginsMayOpenSockets holds handshakes to the list, with * for pages without cookies.
func TestPagesOfListedOriginsMayOpenSockets(t *testing.T) {
	t.Parallel()
	app := "https://app.example"
	s := newServer(t, func(o *auth.Options) { o.Origins = []string{app} })
	s.signUp("ada")
	browser := s.browser()
	browser.logIn("ada")
	if socket, _ := browser.dial("Origin", app); socket == nil {
		t.Error("a page of a listed origin may not open a socket")
	} else {
		socket.hello(nil)
	}
	everyone := newServer(t, func(o *auth.Options) { o.Origins = []string{"*"} })
	everyone.signUp("ada")
	browser = everyone.browser()
	browser.logIn("ada")
	if socket, _ := browser.dial("Origin", app); socket != nil {
		t.Error("any page may open a socket by a cookie")
	}
	socket, _ := everyone.bearer("").dial("Origin", app)
	if socket == nil {
		t.Fatal("no page may open a socket, where every one may call")
	}
	socket.hello(map[string]any{"Authorization": "Bearer " + everyone.bearer("").logIn("ada")})
}

func TestTheProtocolOfSockets(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	valid := `{"query": "{ me { username } }"}`
	for _, test := range []struct {
		name     string
		messages []string // the first is binary where it begins with a NUL
		want     string   // the types of the answers, then the code that ends it
	}{
		{"a query", []string{`{"type": "subscribe", "id": "1", "payload": ` + valid + `}`}, "next complete"},
		{"an id used again", []string{`{"type": "subscribe", "id": "1", "payload": ` + valid + `}`, `{"type": "subscribe", "id": "1", "payload": ` + valid + `}`},
			"next complete next complete"},
		{"pings", []string{`{"type": "ping"}`, `{"type": "ping", "payload": {"a": 1}}`, `{"type": "pong"}`}, "pong pong"},
		{"the end of nothing", []string{`{"type": "complete", "id": "7"}`}, ""},
		{"a document that does not parse", []string{`{"type": "subscribe", "id": "1", "payload": {"query": "{"}}`}, "error"},
		{"two hellos", []string{`{"type": "connection_init"}`}, "4429"},
		{"an id that is taken", []string{`{"type": "subscribe", "id": "1", "payload": {"query": "subscription { authEvents { kind } }"}}`,
			`{"type": "subscribe", "id": "1", "payload": ` + valid + `}`}, "4409"},
		{"an id that was given back", []string{`{"type": "subscribe", "id": "1", "payload": {"query": "subscription { authEvents { kind } }"}}`,
			`{"type": "complete", "id": "1"}`, `{"type": "subscribe", "id": "1", "payload": ` + valid + `}`}, "next complete"},
		{"no JSON", []string{`hello`}, "4400"},
		{"a list", []string{`[]`}, "4400"},
		{"a text", []string{`"ping"`}, "4400"},
		{"null", []string{`null`}, "4400"},
		{"two values", []string{`{"type": "ping"}{"type": "ping"}`}, "4400"},
		{"a key twice", []string{`{"type": "ping", "type": "pong"}`}, "4400"},
		{"a key in capitals", []string{`{"TYPE": "ping"}`}, "4400"},
		{"no type", []string{`{}`}, "4400"},
		{"a number for a type", []string{`{"type": 1}`}, "4400"},
		{"an unknown type", []string{`{"type": "start", "id": "1", "payload": ` + valid + `}`}, "4400"},
		{"bytes", []string{"\x00" + `{"type": "ping"}`}, "4400"},
		{"no id", []string{`{"type": "subscribe", "payload": ` + valid + `}`}, "4400"},
		{"a number for an id", []string{`{"type": "subscribe", "id": 1, "payload": ` + valid + `}`}, "4400"},
		{"a long id", []string{`{"type": "subscribe", "id": "` + strings.Repeat("x", 129) + `", "payload": ` + valid + `}`}, "4400"},
		{"no payload", []string{`{"type": "subscribe", "id": "1"}`}, "4400"},
		{"no query", []string{`{"type": "subscribe", "id": "1", "payload": {}}`}, "4400"},
		{"a number for a query", []string{`{"type": "subscribe", "id": "1", "payload": {"query": 1}}`}, "4400"},
		{"a list of variables", []string{`{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }", "variables": []}}`}, "4400"},
		{"text that is not UTF-8", []string{"{\"type\": \"ping\xff\"}"}, "4400"},
		{"more than a request may have", []string{`{"type": "ping", "payload": {"a": "` + strings.Repeat("x", 100<<10) + `"}}`}, "1009"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			socket := c.on(t).connect()
			for _, text := range test.messages {
				if binary, ok := strings.CutPrefix(text, "\x00"); ok {
					socket.raw(websocket.BinaryMessage, binary)
				} else {
					socket.raw(websocket.TextMessage, text)
				}
			}
			ends := strings.ContainsAny(test.want, "0123456789")
			if !ends {
				socket.raw(websocket.TextMessage, `{"type": "ping"}`)
			}
			var got []string
			for {
				m, code := socket.next()
				if code != 0 {
					got = append(got, fmt.Sprint(code))
					break
				}
				got = append(got, m.Type)
				if !ends && m.Type == "pong" && len(got) > strings.Count(test.want, " ")+min(1, len(test.want)) {
					got = got[:len(got)-1]
					break
				}
			}
			if is := strings.Join(got, " "); is != test.want {
				t.Errorf("got %q, want %q", is, test.want)
			}
		})
	}
}

func TestASocketWithoutTheProtocolIsSentAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	for _, protocol := range []string{"graphql-ws", "graphql-transport-ws2"} {
		socket, _ := c.dial("Sec-WebSocket-Protocol", protocol)
		socket.wantClosed(4406)
	}
	first, _ := c.dial()
	first.send("subscribe", "1", map[string]any{"query": "{ me { id } }"})
	first.wantClosed(4401)
	if response, err := http.Get(s.URL); err != nil || response.StatusCode != 405 {
		t.Errorf("a GET that is no handshake: %v", err)
	}
}

func TestASocketAnswersQueriesAndNoMutations(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	socket := s.bearer(token).connect()
	ask := func(id, query string) (kind, payload string) {
		t.Helper()
		socket.send("subscribe", id, map[string]any{"query": query})
		m, code := socket.next()
		if code != 0 || m.ID != id {
			t.Fatalf("%s: %d %s", query, code, m.Payload)
		}
		if m.Type == "next" {
			socket.want("complete", id)
		}
		return m.Type, string(m.Payload)
	}
	if kind, payload := ask("a", "{ me { username } session { current } }"); kind != "next" || payload != `{"data":{"me":{"username":"ada"},"session":{"current":true}}}` {
		t.Errorf("%s %s", kind, payload)
	}
	if kind, payload := ask("b", "{ stats { users } }"); kind != "next" || errorCode(payload) != "FORBIDDEN" {
		t.Errorf("%s %s", kind, payload)
	}
	for _, test := range []struct{ query, code string }{
		{`mutation { logout { loggedOut } }`, "BAD_REQUEST"},
		{`mutation { login(input: {identifier: "ada", password: "x"}) { __typename } }`, "BAD_REQUEST"},
		{`{ nothing }`, "GRAPHQL_VALIDATION_FAILED"},
		{`subscription { authEvents(all: true) { kind } }`, "FORBIDDEN"},
		{`subscription { a: authEvents { kind } b: authEvents { kind } }`, "GRAPHQL_VALIDATION_FAILED"},
		{`subscription { __typename }`, "GRAPHQL_VALIDATION_FAILED"},
		{`subscription { authEvents @skip(if: true) { kind } }`, "GRAPHQL_VALIDATION_FAILED"},
		{`subscription { ...F } fragment F on Subscription { a: authEvents { kind } b: authEvents { kind } }`, "GRAPHQL_VALIDATION_FAILED"},
		{`{ me ` + strings.Repeat("{ sessions { user ", 9) + "{ id }" + strings.Repeat(" } }", 9) + ` }`, "QUERY_TOO_COMPLEX"},
		{`subscription { authEvents { user { a: sessions { id createdAt lastSeenAt } b: sessions { id createdAt lastSeenAt } securityEvents(first: 100) { nodes { kind at } } } } }`, "QUERY_TOO_COMPLEX"},
		{`{` + strings.Repeat(" me { id }", 300) + ` }`, "GRAPHQL_PARSE_FAILED"},
	} {
		kind, payload := ask("c", test.query)
		var errors []replyError
		if err := json.Unmarshal([]byte(payload), &errors); kind != "error" || err != nil || len(errors) != 1 || errors[0].Extensions.Code != test.code {
			t.Errorf("%.100s: %s %s, want %s", test.query, kind, payload, test.code)
		}
	}
	s.bearer(token).run(me).ok()
	if n := s.count("SELECT count(*) FROM audit_events WHERE kind = 'LOGIN_FAILED'"); n != 0 {
		t.Error("a password was guessed over a socket")
	}
}

func TestGuessesOverSocketsWait(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	try := func(secret string) int {
		t.Helper()
		socket, _ := s.bearer("").dial("Origin", s.origin)
		socket.send("connection_init", "", map[string]any{"Authorization": s.basic("ada", secret).headers["Authorization"]})
		_, code := socket.next()
		return code
	}
	for range 5 {
		if code := try("a wrong password"); code != 4401 {
			t.Errorf("a wrong password is answered by %d", code)
		}
	}
	if code := try(password); code != 1013 {
		t.Errorf("the sixth attempt is answered by %d", code)
	}
	s.wait(time.Hour)
	if code := try(password); code != 0 {
		t.Errorf("after a while the right one is answered by %d", code)
	}
}

// TestNothingIsAnsweredByTheAuthorityOfAMomentAgo asks over a socket right after a change, before
// anything could end it.
func TestNothingIsAnsweredByTheAuthorityOfAMomentAgo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.prepare()
	s.adminClient.run(grantRole, "id", ada, "role", "admin").ok()
	socket := s.session.connect()
	ask := func() string {
		socket.send("subscribe", "1", map[string]any{"query": "{ stats { users } }"})
		m, code := socket.next()
		if code != 0 {
			return fmt.Sprint(code)
		}
		socket.want("complete", "1")
		return string(m.Payload)
	}
	if answer := ask(); !strings.Contains(answer, `"users":`) || strings.Contains(answer, "errors") {
		t.Errorf("an administrator gets %s", answer)
	}
	s.exec("DELETE FROM user_roles WHERE user_id = '" + ada + "'") // of which no event tells
	if answer := ask(); errorCode(answer) != "FORBIDDEN" {
		t.Errorf("after a demotion the socket answers %s", answer)
	}
	s.exec("DELETE FROM sessions WHERE user_id = '" + ada + "'")
	if answer := ask(); answer != "4401" {
		t.Errorf("after its session the socket answers %s", answer)
	}
}

func TestTheNumberOfSubscriptionsIsBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	socket := c.connect()
	for i := range 16 {
		socket.subscribe(fmt.Sprint(i), authEvents)
	}
	socket.send("subscribe", "more", map[string]any{"query": authEvents})
	if code := errorCode(socket.want("error", "more")); code != "RATE_LIMITED" {
		t.Errorf("the seventeenth is answered by %s", code)
	}
	socket.send("complete", "3", nil)
	socket.subscribe("more", authEvents)
	c.run(updateMe, "input", map[string]any{"firstName": "Ada"}).ok()
	told := map[string]bool{}
	for range 16 {
		m, _ := socket.next()
		told[m.ID] = m.Type == "next"
	}
	if len(told) != 16 || !told["more"] || told["3"] {
		t.Errorf("these were told: %v", told)
	}
	socket.quiet()
}

func TestTheNumberOfConnectionsIsBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	s.signUp("eve")
	c, other := s.bearer(s.bearer("").logIn("ada")), s.bearer(s.bearer("").logIn("eve"))
	var sockets []*socket
	for range 49 {
		sockets = append(sockets, c.connect())
	}
	stream := c.listen(authEvents)
	refused, _ := c.dial()
	refused.send("connection_init", "", nil)
	refused.wantClosed(1013)
	if more := c.listen(authEvents); more.response.StatusCode != 429 {
		t.Errorf("the fifty-first stream is answered by %s", more.response.Status)
	}
	other.connect()
	_ = stream.response.Body.Close()
	_ = sockets[0].conn.Close()
	s.eventually("the places are free again", func() bool {
		again := c.listen(authEvents)
		defer again.response.Body.Close()
		return again.response.StatusCode == 200
	})

	off := newServer(t, func(o *auth.Options) { o.RateLimits = false })
	off.signUp("ada")
	c = off.bearer(off.bearer("").logIn("ada"))
	for range 60 {
		c.connect()
	}
}

func TestWhoDoesNotSayHelloIsSentAway(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	silent, _ := s.bearer("").dial()
	talker, _ := s.bearer("").dial()
	for range time.Tick(200 * time.Millisecond) { // whatever else it says
		talker.send("ping", "", nil)
		if m, code := talker.next(); code == 4408 {
			break
		} else if m.Type != "pong" {
			t.Fatalf("the socket says %s and ends by %d", m.Type, code)
		}
	}
	silent.wantClosed(4408)
}

func TestSocketsAndStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	handler, origin := s.serveOn(graph.Options{Introspection: true})
	c.url = origin + "/graphql"
	socket, silent := c.connect(), c.connect()
	socket.subscribe("1", authEvents)
	stream := c.listen(authEvents)
	ended := make(chan error)
	go func() { ended <- handler.Shutdown(t.Context()) }()
	socket.wantClosed(1001)
	silent.wantClosed(1001)
	stream.want("end") // without `complete`, so that clients come back
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if again := c.listen(authEvents); again.response.StatusCode != 503 {
		t.Errorf("a stream of a server that ends is answered by %s", again.response.Status)
	}
	late, _ := c.dial()
	late.wantClosed(1001)
	c.run(me).ok() // what is no stream is http.Server's to end
}
