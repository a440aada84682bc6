package graph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authgraph/authgraph/auth"
)

const issueAccessToken = `mutation($audience: String, $seconds: Int) {
	issueAccessToken(input: {audience: $audience, lifetimeSeconds: $seconds}) { token expiresIn }
}`

// accessToken gets an access token for this server.
func (c *client) accessToken() string {
	c.t.Helper()
	return c.run(issueAccessToken).ok().get("issueAccessToken.token")
}

// fetch returns the answer to a GET beside the GraphQL endpoint.
func (s *server) fetch(url string, headers ...string) (*http.Response, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response, string(body)
}

// publicKeys returns what other services verify our tokens by.
func (s *server) publicKeys() jose.JSONWebKeySet {
	s.t.Helper()
	_, body := s.fetch(s.keys())
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		s.t.Fatal(err)
	}
	return set
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(o *auth.Options) {
				o.SigningAlgorithm = algorithm
				o.Audiences = []string{"https://notes.example.test"}
			})
			id := s.signUp("ada")
			browser := s.browser()
			browser.logIn("ada")
			r := browser.run(issueAccessToken, "audience", "https://notes.example.test", "seconds", 60).ok()
			if r.get("issueAccessToken.expiresIn") != "60" {
				t.Errorf("unexpected answer: %s", r.body)
			}
			parsed, err := jwt.ParseSigned(r.get("issueAccessToken.token"), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			if header := parsed.Headers[0]; header.ExtraHeaders[jose.HeaderType] != "at+jwt" || header.KeyID == "" {
				t.Errorf("unexpected header: %+v", header)
			}
			var claims struct {
				jwt.Claims
				SessionID   string   `json:"sid"`
				Roles       []string `json:"roles"`
				Permissions []string `json:"permissions"`
			}
			if err := parsed.Claims(s.publicKeys(), &claims); err != nil {
				t.Fatalf("the published keys do not verify it: %v", err)
			}
			session := browser.run(`{ session { id } }`).ok().get("session.id")
			if claims.Subject != id || claims.Issuer != "http://localhost:8080" || claims.SessionID != session || claims.ID == "" ||
				claims.Expiry.Time().Sub(claims.IssuedAt.Time()) != time.Minute || claims.Roles == nil || claims.Permissions == nil {
				t.Errorf("unexpected claims: %+v", claims)
			}
			if err := claims.Validate(jwt.Expected{AnyAudience: jwt.Audience{"https://notes.example.test"}, Time: s.clock()}); err != nil {
				t.Error(err)
			}
			s.bearer(r.get("issueAccessToken.token")).run(me).refused(auth.Unauthenticated, "") // meant for another service

			own := browser.run(issueAccessToken).ok()
			if own.get("issueAccessToken.expiresIn") != "600" {
				t.Errorf("unexpected answer: %s", own.body)
			}
			token := own.get("issueAccessToken.token")
			if got := s.bearer(token).run(me).ok().get("me.id"); got != id {
				t.Errorf("me is %s", got)
			}
			s.wait(9 * time.Minute)
			renewed := s.bearer(token).accessToken()
			s.wait(time.Minute + time.Second)
			s.bearer(token).run(me).refused(auth.Unauthenticated, "")
			s.bearer(renewed).run(me).ok()
			s.bearer(token).run(issueAccessToken).refused(auth.Unauthenticated, "")
		})
	}
}

func TestAccessTokensNeverOutlastTheSession(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SessionDuration = 5 * time.Minute })
	s.signUp("ada")
	session := s.bearer("").logIn("ada")
	r := s.bearer(session).run(issueAccessToken).ok()
	if seconds := r.get("issueAccessToken.expiresIn"); seconds != "299" && seconds != "300" {
		t.Errorf("expiresIn is %s", seconds)
	}
	s.wait(4 * time.Minute)
	renewed := s.bearer(r.get("issueAccessToken.token")).accessToken()
	s.wait(time.Minute)
	s.bearer(renewed).run(me).refused(auth.Unauthenticated, "")
}

func TestIssueAccessTokenRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	c.run(issueAccessToken, "audience", "https://evil.test").refused(auth.BadUserInput, "audience")
	for _, seconds := range []int{0, -1, 3601} {
		c.run(issueAccessToken, "seconds", seconds).refused(auth.BadUserInput, "lifetimeSeconds")
	}
	c.run(issueAccessToken, "seconds", 3600).ok()
	s.bearer("").run(issueAccessToken).refused(auth.Unauthenticated, "")
	api := c.run(`mutation { createApiToken(input: {name: "ci"}) { token } }`).ok().get("createApiToken.token")
	s.bearer(api).run(issueAccessToken).refused(auth.Forbidden, "")
}

func TestATokenForBasicHasASessionThatCanBeRevoked(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	r := s.basic("ada", password).run(issueAccessToken).ok()
	if len(r.cookies) > 0 || r.get("issueAccessToken.expiresIn") != "600" {
		t.Errorf("want a token and no cookie: %s %v", r.body, r.cookies)
	}
	token := s.basic(r.get("issueAccessToken.token"), "x")
	sessions := token.run(`{ me { id loginCount sessions { id current } } }`).ok()
	if sessions.get("me.id") != id || sessions.get("me.sessions.0.current") != "true" || sessions.get("me.loginCount") != "1" {
		t.Errorf("want one session behind the token: %s", sessions.body)
	}
	s.basic("ada", password).run(revokeSession, "id", sessions.get("me.sessions.0.id")).ok()
	token.run(me).refused(auth.Unauthenticated, "")
}

// forge returns a token made of a header and claims, with any signature.
func forge(header, claims map[string]any, sign func(signed string) []byte) string {
	encode := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := encode(header) + "." + encode(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

func TestAForgedAccessTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	good := s.bearer(s.bearer("").logIn("ada")).accessToken()
	s.bearer(good).run(me).ok()
	parts := strings.Split(good, ".")
	decode := func(part string) map[string]any {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	header := func(changes map[string]any) map[string]any {
		h := decode(parts[0])
		for name, value := range changes {
			if h[name] = value; value == nil {
				delete(h, name)
			}
		}
		return h
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	keep := func(string) []byte { return signature }
	none := func(string) []byte { return nil }
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	byForeign := func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		r, ss, err := ecdsa.Sign(rand.Reader, foreign, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), ss.FillBytes(make([]byte, 32))...)
	}
	published, err := json.Marshal(s.publicKeys().Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	byPublished := func(signed string) []byte {
		mac := hmac.New(sha256.New, published)
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
	claims := decode(parts[1])
	foreignJWK := jose.JSONWebKey{Key: foreign.Public(), KeyID: "x"}
	for name, token := range map[string]string{
		"alg none":                   forge(header(map[string]any{"alg": "none"}), claims, none),
		"alg None":                   forge(header(map[string]any{"alg": "None"}), claims, none),
		"alg nOnE with a signature":  forge(header(map[string]any{"alg": "nOnE"}), claims, keep),
		"no alg":                     forge(header(map[string]any{"alg": nil}), claims, keep),
		"a MAC by the public key":    forge(header(map[string]any{"alg": "HS256"}), claims, byPublished),
		"another curve":              forge(header(map[string]any{"alg": "ES384"}), claims, keep),
		"another algorithm of ours":  forge(header(map[string]any{"alg": "RS256"}), claims, keep),
		"a foreign key":              forge(header(nil), claims, byForeign),
		"an embedded key":            forge(header(map[string]any{"jwk": foreignJWK}), claims, byForeign),
		"an embedded key, no kid":    forge(header(map[string]any{"jwk": foreignJWK, "kid": nil}), claims, byForeign),
		"a key by URL":               forge(header(map[string]any{"jku": "https://evil.test/keys"}), claims, byForeign),
		"a certificate by URL":       forge(header(map[string]any{"x5u": "https://evil.test/cert"}), claims, byForeign),
		"no kid":                     forge(header(map[string]any{"kid": nil}), claims, keep),
		"a path for a kid":           forge(header(map[string]any{"kid": "../../dev/null"}), claims, byForeign),
		"SQL for a kid":              forge(header(map[string]any{"kid": "x' OR '1'='1"}), claims, byForeign),
		"a number for a kid":         forge(header(map[string]any{"kid": 1}), claims, keep),
		"another typ":                forge(header(map[string]any{"typ": "JWT"}), claims, keep),
		"no typ":                     forge(header(map[string]any{"typ": nil}), claims, keep),
		"a critical extension":       forge(header(map[string]any{"crit": []string{"x"}, "x": 1}), claims, keep),
		"an unencoded payload":       forge(header(map[string]any{"b64": false, "crit": []string{"b64"}}), claims, keep),
		"no signature":               parts[0] + "." + parts[1] + ".",
		"half a signature":           parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature[:32]),
		"a longer signature":         parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(append(signature[:64:64], 0)),
		"a signature of zeros":       parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"a signature in DER":         parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(append([]byte{0x30, 0x44, 2, 32}, signature...)),
		"a padded signature":         good + "=",
		"a broken last character":    good[:len(good)-1] + "_",
		"changed claims":             forge(header(nil), map[string]any{"sub": "usr_x"}, keep),
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + "." + parts[2],
		"the JSON form":              `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"a line break in the middle": parts[0] + "." + parts[1][:10] + "%0A" + parts[1][10:] + "." + parts[2],
		"a standard base64 alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+",
	} {
		if r := s.bearer(token).run(me); len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "UNAUTHENTICATED" {
			t.Errorf("%s is taken: %s", name, r.body)
		}
	}
	s.bearer(good).run(me).ok()
}

func TestClaimsAreChecked(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.Audiences = []string{"other"} })
	s.signUp("ada")
	session := s.bearer("").logIn("ada")
	good := s.bearer(session).accessToken()
	// Another server with the same keys and another name signs what this one must refuse.
	for name, change := range map[string]func(*auth.Options){
		"another issuer": func(o *auth.Options) { o.PublicURL = "https://evil.test" },
		"the future":     func(o *auth.Options) { o.Now = func() time.Time { return s.clock().Add(time.Hour) } },
	} {
		other := newServerAt(t, s.address, change)
		token := other.bearer(session).accessToken()
		if r := s.bearer(token).run(me); len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "UNAUTHENTICATED" {
			t.Errorf("%s is taken: %s", name, r.body)
		}
	}
	replica := newServerAt(t, s.address)
	replica.bearer(good).run(me).ok()
	s.bearer(replica.bearer(session).accessToken()).run(me).ok()
}

func TestSigningKeysRotate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	session := s.bearer("").logIn("ada")
	old := s.bearer(session).run(issueAccessToken, "seconds", 3600).ok().get("issueAccessToken.token")
	first := s.publicKeys()
	if err := s.auth.RotateKeys(t.Context(), s.auth.Operator()); err != nil {
		t.Fatal(err)
	}
	if err := s.auth.RotateKeys(t.Context(), auth.ViewerFrom(t.Context())); err == nil {
		t.Error("a stranger rotates the keys")
	}
	young := s.bearer(session).accessToken()
	both := s.publicKeys()
	if len(first.Keys) != 1 || len(both.Keys) != 2 || kid(t, old) == kid(t, young) || kid(t, young) != both.Keys[0].KeyID {
		t.Errorf("want the new key to sign and both to be published: %d, %d", len(first.Keys), len(both.Keys))
	}
	s.bearer(old).run(me).ok()
	s.bearer(young).run(me).ok()
	restarted := newServerAt(t, s.address)
	restarted.bearer(old).run(me).ok()

	s.wait(59 * time.Minute)
	s.bearer(old).run(me).ok()
	s.wait(5 * time.Minute)
	if left := s.publicKeys(); len(left.Keys) != 1 || left.Keys[0].KeyID != both.Keys[0].KeyID {
		t.Errorf("an old key must go when its last token has expired: %+v", left)
	}
	s.wait(91 * 24 * time.Hour)
	later := s.bearer(s.bearer("").logIn("ada")).accessToken()
	if kid(t, later) == kid(t, young) {
		t.Error("a key must be replaced when it is old")
	}
}

func kid(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Headers[0].KeyID
}

func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	response, body := s.fetch(s.keys())
	if response.StatusCode != 200 || response.Header.Get("Cache-Control") != "public, max-age=300" || response.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("status %d, headers %v", response.StatusCode, response.Header)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal([]byte(body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	if key := set.Keys[0]; key["d"] != "" || key["alg"] != "ES256" || key["use"] != "sig" || key["crv"] != "P-256" || key["kid"] == "" {
		t.Errorf("unexpected key: %v", key)
	}
	if again, _ := s.fetch(s.keys(), "If-None-Match", response.Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("the same keys again: %d", again.StatusCode)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	s.wait(2 * time.Minute)
	if response, _ := s.fetch(s.keys()); response.StatusCode != 503 {
		t.Errorf("during an outage: %d", response.StatusCode)
	}
}
