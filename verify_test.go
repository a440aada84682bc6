package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/format"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// These tests run docs/verify.md: its commands, and its Go program against the real server.
// The ones for Node and nginx are in e2e/verify.

const notesAudience = "https://notes.example"

// pageBlocks returns the code blocks of docs/verify.md behind a marker.
func pageBlocks(t *testing.T, marker string) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("docs", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(page), "<!-- "+marker+" -->\n```")[1:] {
		_, rest, _ = strings.Cut(rest, "\n") // the language
		block, _, ended := strings.Cut(rest, "\n```\n")
		if !ended {
			t.Fatalf("docs/verify.md: the block %s does not end", marker)
		}
		blocks = append(blocks, block+"\n")
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/verify.md has no block %s", marker)
	}
	return blocks
}

// front stands before a server, under an address that stays when the server is replaced, as
// a load balancer does.
type front struct {
	URL    string
	behind atomic.Pointer[http.Handler]
}

func startFront(t *testing.T) *front {
	t.Helper()
	f := new(front)
	f.turnTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "nobody is behind", http.StatusBadGateway)
	}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*f.behind.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.URL = server.URL
	return f
}

func (f *front) turnTo(handler http.Handler) { f.behind.Store(&handler) }

// startAuthgraph starts the program behind the front, with the tokens' issuer as its address.
func (f *front) startAuthgraph(t *testing.T, environ ...string) *instance {
	t.Helper()
	i := start(t, append([]string{"AUTHGRAPH_PUBLIC_URL=" + f.URL, "AUTHGRAPH_AUDIENCES=" + notesAudience + ",https://other.example"}, environ...)...)
	target, err := url.Parse(i.listening())
	if err != nil {
		t.Fatal(err)
	}
	f.turnTo(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	return i
}

// notes is the page's Go program, running.
type notes struct {
	t   *testing.T
	URL string
}

// startNotes builds and starts the page's Go program.
func startNotes(t *testing.T, issuer string) *notes {
	t.Helper()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "notes.go"), filepath.Join(dir, "notes")
	if err := os.WriteFile(source, []byte(pageBlocks(t, "notes.go")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("the page's Go program does not build: %v\n%s", err, output)
	}
	program := exec.Command(binary, issuer, notesAudience, "127.0.0.1:0")
	output, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return &notes{t, "http://" + address}
		}
	}
	t.Fatal("the page's Go program did not start")
	return nil
}

// ask calls the program with an Authorization header and returns the answer's status,
// WWW-Authenticate and body.
func (n *notes) ask(authorization string) (status int, challenge, body string) {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.URL+"/notes", nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("WWW-Authenticate"), string(text)
}

// wantStatus holds the program to how it answers a token.
func (n *notes) wantStatus(what, token string, want int) {
	n.t.Helper()
	if status, challenge, body := n.ask("Bearer " + token); status != want {
		n.t.Errorf("%s: %d, want %d: %s", what, status, want, body)
	} else if want == 401 && challenge != `Bearer error="invalid_token"` {
		n.t.Errorf("%s: WWW-Authenticate is %q", what, challenge)
	}
}

// signUp makes a user and returns the token of a session.
func (i *instance) signUp() (session string) {
	i.t.Helper()
	const password = `password: "violet harbour lantern 47"`
	i.post(http.DefaultClient, `mutation { createUser(input: {email: "ada@example.com", `+password+`}) { user { id } } }`)
	_, body := i.post(http.DefaultClient, `mutation { login(input: {identifier: "ada@example.com", `+password+`}) { ... on LoginSuccess { token } } }`)
	var answer struct {
		Data struct{ Login struct{ Token string } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Data.Login.Token == "" {
		i.t.Fatalf("no session: %s", body)
	}
	return answer.Data.Login.Token
}

// accessToken returns an access token for an audience.
func (i *instance) accessToken(session, audience string, lifetimeSeconds int) string {
	i.t.Helper()
	_, body := i.post(http.DefaultClient, fmt.Sprintf(`mutation { issueAccessToken(input: {audience: %q, lifetimeSeconds: %d}) { token expiresIn } }`, audience, lifetimeSeconds),
		"Authorization", "Bearer "+session)
	var answer struct {
		Data struct {
			IssueAccessToken struct {
				Token     string
				ExpiresIn int
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Data.IssueAccessToken.ExpiresIn != lifetimeSeconds {
		i.t.Fatalf("no access token: %s", body)
	}
	return answer.Data.IssueAccessToken.Token
}

func TestThePageOnVerificationIsTrue(t *testing.T) {
	t.Parallel()
	needCurl(t)
	front := startFront(t)
	front.startAuthgraph(t)
	notes := startNotes(t, front.URL)
	addresses := strings.NewReplacer("localhost:8080", strings.TrimPrefix(front.URL, "http://"), "localhost:8090", strings.TrimPrefix(notes.URL, "http://"))
	answers := runTour(t, t.TempDir(), strings.Join(pageBlocks(t, "tour"), "\n"), addresses)
	if answers < 4 {
		t.Errorf("the page has only %d answers", answers)
	}
}

func TestTheTokenOnThePageIsLikeARealOne(t *testing.T) {
	t.Parallel()
	authgraph := start(t, "AUTHGRAPH_AUDIENCES="+notesAudience)
	parts := strings.Split(authgraph.accessToken(authgraph.signUp(), notesAudience, 300), ".")
	for n, marker := range []string{"header", "claims"} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err != nil {
			t.Fatal(err)
		}
		if got, want := memberTypes(t, []byte(pageBlocks(t, marker)[0])), memberTypes(t, raw); !maps.Equal(got, want) {
			t.Errorf("the page shows the %s %v and a token has %v", marker, got, want)
		}
	}
}

// memberTypes returns the names of a JSON object's members and of which type they are.
func memberTypes(t *testing.T, object []byte) map[string]string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for name, value := range members {
		types[name] = fmt.Sprintf("%T", value)
	}
	return types
}

func TestThePagesGoProgramIsFormatted(t *testing.T) {
	t.Parallel()
	source := []byte(pageBlocks(t, "notes.go")[0])
	if formatted, err := format.Source(source); err != nil || !bytes.Equal(source, formatted) {
		t.Errorf("run gofmt on the Go program of docs/verify.md (%v)", err)
	}
}

func TestThePagesGoProgramTakesTokensForItself(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			front := startFront(t)
			authgraph := front.startAuthgraph(t, "AUTHGRAPH_SIGNING_ALGORITHM="+algorithm)
			notes := startNotes(t, front.URL)
			session := authgraph.signUp()
			good := authgraph.accessToken(session, notesAudience, 600)

			status, _, body := notes.ask("Bearer " + good)
			if status != 200 || !strings.Contains(body, `"user":"usr_`) || !strings.Contains(body, `"permissions":[]`) {
				t.Errorf("a good token: %d: %s", status, body)
			}
			if status, challenge, _ := notes.ask(""); status != 401 || challenge != "Bearer" {
				t.Errorf("no token: %d, WWW-Authenticate is %q", status, challenge)
			}
			notes.wantStatus("one for another service", authgraph.accessToken(session, "https://other.example", 600), 401)
			notes.wantStatus("one for authgraph", authgraph.accessToken(session, front.URL, 600), 401)
			notes.wantStatus("the token of the session", session, 401)

			header, claims, signature := splitToken(t, good)
			notes.wantStatus("other claims", header+"."+encode(strings.Replace(decode(t, claims), `"permissions":[]`, `"permissions":["users:write"]`, 1))+"."+signature, 401)
			notes.wantStatus("another signature", header+"."+claims+"."+strings.Map(rot13, signature), 401)
			notes.wantStatus("no signature", header+"."+claims+".", 401)
			notes.wantStatus("algorithm none", encode(strings.Replace(decode(t, header), algorithm, "none", 1))+"."+claims+".", 401)

			// Who logs out is known elsewhere until the token expires, and refused here.
			own := authgraph.accessToken(session, "", 600)
			if _, body := authgraph.post(http.DefaultClient, `mutation { logout { loggedOut } }`, "Authorization", "Bearer "+session); !strings.Contains(body, "true") {
				t.Fatalf("no log-out: %s", body)
			}
			notes.wantStatus("the token of a session that has ended", good, 200)
			if _, body := authgraph.post(http.DefaultClient, `{ me { id } }`, "Authorization", "Bearer "+own); !strings.Contains(body, "UNAUTHENTICATED") {
				t.Errorf("authgraph takes the token of a session that has ended: %s", body)
			}
		})
	}
}

func splitToken(t *testing.T, token string) (header, claims, signature string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no token", token)
	}
	return parts[0], parts[1], parts[2]
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func decode(t *testing.T, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rot13 turns every letter into another one.
func rot13(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return 'a' + (r-'a'+13)%26
	case 'A' <= r && r <= 'Z':
		return 'A' + (r-'A'+13)%26
	}
	return r
}

func TestThePagesGoProgramRefusesATokenThatExpired(t *testing.T) {
	t.Parallel()
	front := startFront(t)
	authgraph := front.startAuthgraph(t)
	notes := startNotes(t, front.URL)
	token := authgraph.accessToken(authgraph.signUp(), notesAudience, 1)
	notes.wantStatus("a token of this second", token, 200)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if status, _, _ := notes.ask("Bearer " + token); status == 401 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a token of one second is taken after 30")
		}
	}
}

func TestThePagesGoProgramFindsNewKeys(t *testing.T) {
	t.Parallel()
	front := startFront(t)
	environ := newDatabase(t)
	before := front.startAuthgraph(t, environ...)
	notes := startNotes(t, front.URL)
	session := before.signUp()
	old := before.accessToken(session, notesAudience, 600)
	notes.wantStatus("a token by the first key", old, 200)
	if err := before.shutDown(); err != nil {
		t.Fatal(err)
	}
	after := front.startAuthgraph(t, append(environ, "AUTHGRAPH_SIGNING_ALGORITHM=EdDSA")...)
	recent := after.accessToken(session, notesAudience, 600)
	// It may have asked for the keys within this second.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if status, _, _ := notes.ask("Bearer " + recent); status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a token by a new key is refused after 30 seconds")
		}
	}
	notes.wantStatus("a token by the retired key", old, 200)
}

// TestThePagesGoProgramChecksEachClaim tries what the real authgraph never signs, by one of
// the test's own.
func TestThePagesGoProgramChecksEachClaim(t *testing.T) {
	t.Parallel()
	key, stranger := newTestKey(t), newTestKey(t)
	front := startFront(t)
	notes := startNotes(t, front.URL)

	now := time.Now()
	good := func() map[string]any {
		return map[string]any{
			"iss": front.URL, "sub": "usr_1", "aud": notesAudience,
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
			"jti": "jti_1", "sid": "ses_1", "roles": []string{}, "permissions": []string{},
		}
	}
	with := func(name string, value any) map[string]any {
		claims := good()
		claims[name] = value
		return claims
	}
	without := func(name string) map[string]any {
		claims := good()
		delete(claims, name)
		return claims
	}
	sign := func(key any, algorithm jose.SignatureAlgorithm, tokenType string, claims any) string {
		signer, err := jose.NewSigner(
			jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: "key_1"}},
			(&jose.SignerOptions{}).WithType(jose.ContentType(tokenType)))
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}

	notes.wantStatus("while the keys cannot be had", sign(key, jose.ES256, "at+jwt", good()), 503)
	published, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "key_1", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int32
	front.turnTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		_, _ = w.Write(published)
	}))
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		status, _, body := notes.ask("Bearer " + sign(key, jose.ES256, "at+jwt", good()))
		if status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a good token: %d: %s", status, body)
		}
	}

	for _, test := range []struct {
		name, token string
		want        int
	}{
		{"a list of audiences with this one", sign(key, jose.ES256, "at+jwt", with("aud", []string{"https://other.example", notesAudience})), 200},
		{"a clock that is ahead by seconds", sign(key, jose.ES256, "at+jwt", with("nbf", now.Add(2*time.Second).Unix())), 200},
		{"another issuer", sign(key, jose.ES256, "at+jwt", with("iss", "https://evil.test")), 401},
		{"no issuer", sign(key, jose.ES256, "at+jwt", without("iss")), 401},
		{"another audience", sign(key, jose.ES256, "at+jwt", with("aud", "https://other.example")), 401},
		{"no audience", sign(key, jose.ES256, "at+jwt", without("aud")), 401},
		{"expired", sign(key, jose.ES256, "at+jwt", with("exp", now.Add(-time.Minute).Unix())), 401},
		{"no end", sign(key, jose.ES256, "at+jwt", without("exp")), 401},
		{"not yet", sign(key, jose.ES256, "at+jwt", with("nbf", now.Add(time.Hour).Unix())), 401},
		{"another type", sign(key, jose.ES256, "JWT", good()), 401},
		{"another's key by the same id", sign(stranger, jose.ES256, "at+jwt", good()), 401},
		{"the public key as a shared secret", sign(published, jose.HS256, "at+jwt", good()), 401},
		{"nonsense", "nonsense", 401},
		{"nothing", "", 401},
	} {
		notes.wantStatus(test.name, test.token, test.want)
	}

	// Made-up key ids do not make it fetch the keys each time.
	before, begun := fetches.Load(), time.Now()
	header, claims, signature := splitToken(t, sign(key, jose.ES256, "at+jwt", good()))
	for n := range 50 {
		notes.wantStatus("an unknown key", encode(strings.Replace(decode(t, header), "key_1", fmt.Sprintf("key_x%d", n), 1))+"."+claims+"."+signature, 401)
	}
	if got, most := fetches.Load()-before, int32(time.Since(begun)/time.Second)+1; got > most {
		t.Errorf("50 tokens of unknown keys made it fetch the keys %d times, want %d at most", got, most)
	}
	front.turnTo(http.NotFoundHandler())
	notes.wantStatus("while authgraph is away, by a key that is known", sign(key, jose.ES256, "at+jwt", good()), 200)
}

func newTestKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
