package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store/storetest"
)

// This file replays REST-auth, the companion of an article on Flask-HTTPAuth: someone registers
// by user name, asks with HTTP Basic, and trades the password for a signed token. The calls:
//
//	POST /api/users              →  mutation createUser
//	GET /api/users/<id>          →  query node(id:), for oneself and for administrators
//	GET /api/token               →  mutation issueAccessToken, which answers {token expiresIn}
//	GET /api/resource            →  query me { username }; the client builds the greeting
//	-u miguel:python             →  the same with a password that the policy takes
//	-u <token>:x                 →  the same
//	401 and WWW-Authenticate     →  UNAUTHENTICATED and WWW-Authenticate; 401 over GET /auth

// miguelsPassword takes the place of "python", which is too short.
const miguelsPassword = "python swallowed the 12 lamps"

const (
	asksToken  = `mutation { issueAccessToken { token expiresIn } }`
	tokenIs    = `{"data":{"issueAccessToken":{"token":"eyJ…","expiresIn":600}}}`
	asksMiguel = `{ me { username } }`
	miguelIs   = `{"data":{"me":{"username":"miguel"}}}`
)

// startRESTAuth starts the program, and someone registers as miguel.
func startRESTAuth(t *testing.T, environ ...string) (i *instance, miguel *newcomer) {
	t.Helper()
	i = start(t, environ...)
	i.script().ask(`mutation { createUser(input: {username: "miguel", password: %q}) { user { id username } } }`, miguelsPassword).
		is(`{"data":{"createUser":{"user":{"id":"usr_…","username":"miguel"}}}}`).setsNoCookie()
	return i, i.script().basic("miguel", miguelsPassword)
}

// byToken returns who presents a token as the user name of HTTP Basic, as curl -u $TOKEN:x does.
func byToken(i *instance, token string) *newcomer { return i.script().basic(token, "x") }

func TestComingFromRESTAuth(t *testing.T) {
	t.Parallel()
	i, miguel := startRESTAuth(t)
	miguel.ask(asksMiguel).is(miguelIs).setsNoCookie()
	miguel.send("GET", "/auth").is("").setsNoCookie()
	ruby := i.script().basic("miguel", "ruby")
	ruby.ask(asksMiguel).refused(auth.Unauthenticated, "").challenges(bearerChallenge, basicChallenge)
	ruby.ask(asksToken).refused(auth.Unauthenticated, "").challenges(bearerChallenge, basicChallenge)
	ruby.send("GET", "/auth").unauthorized(bearerChallenge, basicChallenge)

	token := miguel.ask(asksToken).is(tokenIs).setsNoCookie().find(anAccessToken)
	byToken(i, token).ask(asksMiguel).is(miguelIs).setsNoCookie()
	byToken(i, token).send("GET", "/auth").is("")
	for _, password := range []string{"", "x", "python", "a:b"} {
		i.script().basic(token, password).ask(asksMiguel).is(miguelIs)
	}
	i.script("Authorization", "Bearer "+token).ask(asksMiguel).is(miguelIs)

	// From one token to the next, without the password, in the one session.
	for range 3 {
		next := byToken(i, token).ask(asksToken).is(tokenIs).setsNoCookie().find(anAccessToken)
		if next == token {
			t.Fatal("the renewed token is the old one")
		}
		token = next
		byToken(i, token).ask(asksMiguel).is(miguelIs)
	}
	miguel.ask(`{ me { sessions { address persistent } } }`).is(`{"data":{"me":{"sessions":[{"address":"127.0.0.1","persistent":false}]}}}`)
}

func TestComingFromRESTAuthRegistration(t *testing.T) {
	t.Parallel()
	i, miguel := startRESTAuth(t)
	const register = `mutation { createUser(input: {username: %q, password: %q}) { user { id } } }`
	i.script().ask(register, "susan", "python").refused(auth.BadUserInput, "password") // the walk-through's own
	i.script().ask(register, "susan", "miguel123").is(`{"data":{"createUser":{"user":{"id":"usr_…"}}}}`)
	i.script().ask(register, "miguel", miguelsPassword).refused(auth.AlreadyExists, "username")
	i.script().ask(register, "MIGUEL", miguelsPassword).refused(auth.AlreadyExists, "username")
	i.script().ask(register, "john", "").refused(auth.BadUserInput, "password")
	i.script().ask(`mutation { createUser(input: {password: %q}) { user { id } } }`, miguelsPassword).refused(auth.BadUserInput, "email")

	id := miguel.ask(`{ me { id } }`).find(aUserID)
	miguel.ask(`{ node(id: %q) { ... on User { username } } }`, id).is(`{"data":{"node":{"username":"miguel"}}}`)
	i.script().basic("susan", "miguel123").ask(`{ node(id: %q) { ... on User { username } } }`, id).refused(auth.NotFound, "")
}

func TestComingFromRESTAuthPasswordsAreHashed(t *testing.T) {
	t.Parallel()
	storetest.SQLite(t) // whose files can be read
	dir := t.TempDir()
	i, miguel := startRESTAuth(t, "AUTHGRAPH_DATABASE=sqlite:"+filepath.Join(dir, "db.sqlite"))
	token := miguel.ask(asksToken).is(tokenIs).find(anAccessToken)
	session := i.script().ask(`mutation { login(input: {identifier: "miguel", password: %q}) { ... on LoginSuccess { token } } }`, miguelsPassword).find(aSessionToken)
	files, err := filepath.Glob(filepath.Join(dir, "db.sqlite*"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, []byte("miguel"))
		for _, secret := range []string{miguelsPassword, token, session} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(file), secret)
			}
		}
	}
	if !found {
		t.Errorf("none of %v holds the user", files)
	}
}

func TestComingFromRESTAuthALifetimeOfOnesOwn(t *testing.T) {
	t.Parallel()
	_, miguel := startRESTAuth(t, "AUTHGRAPH_SESSION_DURATION=300")
	const lasting = `mutation { issueAccessToken(input: {lifetimeSeconds: %d}) { expiresIn } }`
	miguel.ask(lasting, 60).is(`{"data":{"issueAccessToken":{"expiresIn":60}}}`)
	miguel.ask(lasting, 0).refused(auth.BadUserInput, "lifetimeSeconds")
	miguel.ask(lasting, 3601).refused(auth.BadUserInput, "lifetimeSeconds")
	// No token outlasts its session, by however little the clock moved since that began.
	if lasts := miguel.ask(lasting, 600).body; !strings.Contains(lasts, `"expiresIn":300`) && !strings.Contains(lasts, `"expiresIn":299`) {
		t.Errorf("a token of a session of 300 seconds: %s", lasts)
	}
}

func TestComingFromRESTAuthTokensThatWereMadeUp(t *testing.T) {
	t.Parallel()
	i, miguel := startRESTAuth(t)
	token := miguel.ask(asksToken).is(tokenIs).find(anAccessToken)
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	swapped := "A"
	if strings.HasPrefix(signature, swapped) {
		swapped = "B"
	}
	for name, forged := range map[string]string{
		"the walk-through's":        "eyJhbGciOiJIUzI1NiIsImV4cCI6MTM4NTY2OTY1NSwiaWF0IjoxMzg1NjY5MDU1fQ.eyJpZCI6MX0.XbOEFJkhjHJ5uRINh2JA1BPzXjSohKYDRT472wGOvjc",
		"another signature":         header + "." + payload + "." + swapped + signature[1:],
		"no signature":              header + "." + payload + ".",
		"a cut signature":           token[:len(token)-1],
		"an hour more":              header + "." + encode(extended(t, string(decoded))) + "." + signature,
		"the algorithm none":        encode(`{"alg":"none","typ":"at+jwt"}`) + "." + payload + ".",
		"a key that it carries":     encode(`{"alg":"ES256","typ":"at+jwt","jwk":{"kty":"EC"}}`) + "." + payload + "." + signature,
		"garbage in the right form": "eyJ.eyJ.eyJ",
		"garbage":                   "not a token",
	} {
		t.Log(name)
		byToken(i, forged).ask(asksMiguel).refused(auth.Unauthenticated, "")
		byToken(i, forged).ask(asksToken).refused(auth.Unauthenticated, "")
		if status := byToken(i, forged).send("GET", "/auth").StatusCode; status != 401 {
			t.Errorf("GET /auth with %s is %d", name, status)
		}
		i.script("Authorization", "Bearer "+forged).ask(asksMiguel).refused(auth.Unauthenticated, "")
	}
	byToken(i, token).ask(asksMiguel).is(miguelIs)
}

// extended returns the claims of a token with an hour more.
func extended(t *testing.T, claims string) string {
	before, after, found := strings.Cut(claims, `"exp":`)
	var expires int64
	if _, err := fmt.Sscan(strings.SplitN(after, ",", 2)[0], &expires); err != nil || !found {
		t.Fatalf("no expiry in %s", claims)
	}
	return before + strings.Replace(`"exp":`+after, fmt.Sprint(expires), fmt.Sprint(expires+3600), 1)
}

func TestComingFromRESTAuthTokensEndWithTheirSession(t *testing.T) {
	t.Parallel()
	i, miguel := startRESTAuth(t)
	for name, end := range map[string]func(token string, session *outcome){
		"revokeSession": func(_ string, session *outcome) {
			miguel.ask(`mutation { revokeSession(input: {id: %q}) { session { id } } }`, session.find(aSessionID)).
				is(`{"data":{"revokeSession":{"session":{"id":"` + session.find(aSessionID) + `"}}}}`)
		},
		"revokeOtherSessions": func(string, *outcome) {
			miguel.ask(`mutation { revokeOtherSessions { count } }`).is(`{"data":{"revokeOtherSessions":{"count":1}}}`)
		},
		"logout": func(token string, _ *outcome) {
			byToken(i, token).ask(`mutation { logout { loggedOut } }`).is(`{"data":{"logout":{"loggedOut":true}}}`)
		},
	} {
		t.Log(name)
		token := miguel.ask(asksToken).is(tokenIs).find(anAccessToken)
		byToken(i, token).ask(asksMiguel).is(miguelIs)
		end(token, miguel.ask(`{ me { sessions { id current } } }`).is(`{"data":{"me":{"sessions":[{"id":"ses_…","current":false}]}}}`))
		byToken(i, token).ask(asksMiguel).refused(auth.Unauthenticated, "")
		byToken(i, token).ask(asksToken).refused(auth.Unauthenticated, "")
		if status := byToken(i, token).send("GET", "/auth").StatusCode; status != 401 {
			t.Errorf("GET /auth after %s is %d", name, status)
		}
	}

	// And with the password that they stand for.
	token := miguel.ask(asksToken).is(tokenIs).find(anAccessToken)
	miguel.ask(`mutation { changePassword(input: {currentPassword: %q, newPassword: %q}) { user { username } } }`, miguelsPassword, goodPassword).
		is(`{"data":{"changePassword":{"user":{"username":"miguel"}}}}`)
	byToken(i, token).ask(asksMiguel).refused(auth.Unauthenticated, "")
	miguel.ask(asksMiguel).refused(auth.Unauthenticated, "")
	i.script().basic("miguel", goodPassword).ask(asksMiguel).is(miguelIs)
}

func TestComingFromRESTAuthATokenIsNoProofOfThePassword(t *testing.T) {
	t.Parallel()
	i, miguel := startRESTAuth(t)
	token := miguel.ask(asksToken).is(tokenIs).find(anAccessToken)
	byToken(i, token).ask(`mutation { deleteMe { deletedUserId } }`).refused(auth.Forbidden, "")
	miguel.ask(`mutation { deleteMe { deletedUserId } }`).is(`{"data":{"deleteMe":{"deletedUserId":"usr_…"}}}`)
}
