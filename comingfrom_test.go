package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

// The files comingfrom_*_test.go replay the walk-throughs of five other log-in services against
// the whole program, call by call, as curl would. docs/coming-from.md tells readers the same.

// goodPassword takes the place of the walk-throughs' passwords that are too short or too common.
const goodPassword = "violet harbour lantern 47"

// adminEntry is the entry of a users file for the one who manages the others.
const adminEntry = `{"email": "admin@example.test", "password": "` + goodPassword + `", "roles": ["admin"]}`

// userEntry is the entry of a users file for someone without roles, known by a field of that name.
func userEntry(field, identifier string) string {
	return fmt.Sprintf(`{%q: %q, "password": %q}`, field, identifier, goodPassword)
}

// startWith starts the program with users made at the start.
func startWith(t *testing.T, users []string, environ ...string) *instance {
	t.Helper()
	return start(t, append([]string{usersFile(t, users...)}, environ...)...)
}

// usersFile writes a users file and returns the setting that names it.
func usersFile(t *testing.T, users ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(path, []byte("["+strings.Join(users, ", ")+"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	return "AUTHGRAPH_USERS_FILE=" + path
}

// newcomer is who replays a walk-through: curl with these headers and, for a browser, with a
// file of cookies.
type newcomer struct {
	*instance
	client  *http.Client
	headers []string // names and values in turn
}

// script returns a newcomer without cookies.
func (i *instance) script(headers ...string) *newcomer {
	return &newcomer{instance: i, client: http.DefaultClient, headers: headers}
}

// browser returns a newcomer that keeps cookies.
func (i *instance) browser() *newcomer {
	i.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	return &newcomer{instance: i, client: &http.Client{Jar: jar}}
}

// with returns the newcomer with more headers.
func (n *newcomer) with(headers ...string) *newcomer {
	return &newcomer{instance: n.instance, client: n.client, headers: append(slices.Clone(n.headers), headers...)}
}

// basic returns the newcomer with a user name and a password, as curl -u sends them.
func (n *newcomer) basic(name, password string) *newcomer {
	return n.with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
}

// admin returns the administrator by HTTP Basic.
func (i *instance) admin() *newcomer { return i.script().basic("admin@example.test", goodPassword) }

// ask sends an operation, made by fmt.Sprintf.
func (n *newcomer) ask(operation string, arguments ...any) *outcome {
	n.t.Helper()
	response, body := n.post(n.client, fmt.Sprintf(operation, arguments...), n.headers...)
	return &outcome{Response: response, t: n.t, body: body}
}

// logIn signs in with goodPassword and returns what came of it.
func (n *newcomer) logIn(identifier string) *outcome {
	n.t.Helper()
	return n.ask(`mutation { login(input: {identifier: %q, password: %q}) { ... on LoginSuccess { token user { id } session { id } } } }`,
		identifier, goodPassword).is(`{"data":{"login":{"token":"ags_…","user":{"id":"usr_…"},"session":{"id":"ses_…"}}}}`)
}

// send asks for another path than that of the API.
func (n *newcomer) send(method, path string) *outcome {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), method, n.URL+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i < len(n.headers); i += 2 {
		request.Header.Set(n.headers[i], n.headers[i+1])
	}
	response, err := n.client.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return &outcome{Response: response, t: n.t, body: string(body)}
}

// outcome is what the program answered.
type outcome struct {
	*http.Response
	t    *testing.T
	body string
}

// is fails the test unless the answer is a 200 with this body, where … stands for anything.
func (o *outcome) is(want string) *outcome {
	o.t.Helper()
	if o.StatusCode != http.StatusOK || !matches(o.body, want) {
		o.t.Fatalf("the answer is %s: %s\nand not 200: %s", o.Status, o.body, want)
	}
	return o
}

// refused fails the test unless the answer's one error has this code and names this field, "" for
// none.
func (o *outcome) refused(code auth.Code, field string) *outcome {
	o.t.Helper()
	named := ""
	if field != "" {
		named = fmt.Sprintf(`"field":%q,`, field)
	}
	if errors := strings.Count(o.body, `"message":`); errors != 1 {
		o.t.Fatalf("want one error, got %d: %s", errors, o.body)
	}
	return o.is(fmt.Sprintf(`{"errors":[{"message":"…,"extensions":{"code":%q,%s"requestId":%q}}]…}`, code, named, o.Header.Get("X-Request-Id")))
}

// unauthorized fails the test unless the answer of GET /auth has this status and these challenges.
func (o *outcome) unauthorized(challenges ...string) *outcome {
	o.t.Helper()
	if o.StatusCode != http.StatusUnauthorized {
		o.t.Errorf("the status is %s, want 401: %s", o.Status, o.body)
	}
	return o.challenges(challenges...)
}

// challenges fails the test unless the answer tells these ways to present a credential.
func (o *outcome) challenges(want ...string) *outcome {
	o.t.Helper()
	if got := o.Header.Values("WWW-Authenticate"); !slices.Equal(got, want) {
		o.t.Errorf("WWW-Authenticate is %q, want %q", got, want)
	}
	return o
}

// The challenges of the program.
const (
	bearerChallenge        = `Bearer realm="authgraph"`
	refusedBearerChallenge = `Bearer realm="authgraph", error="invalid_token"`
	basicChallenge         = `Basic realm="authgraph", charset="UTF-8"`
)

// find returns the first part of the body that a regular expression matches, such as an id.
func (o *outcome) find(pattern string) string {
	o.t.Helper()
	found := regexp.MustCompile(pattern).FindString(o.body)
	if found == "" {
		o.t.Fatalf("no %s in %s", pattern, o.body)
	}
	return found
}

// The parts of an answer that later steps need.
const (
	aUserID       = `usr_\w+`
	aSessionID    = `ses_\w+`
	aSessionToken = `ags_[\w-]+`
	anAccessToken = `eyJ[\w.-]+`
	aPasswordCode = `agp_[\w-]+`
)

// cookie returns the cookie that the answer sets, and nil where it sets none of this name.
func (o *outcome) cookie(name string) *http.Cookie {
	for _, cookie := range o.Cookies() {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// setsNoCookie fails the test if the answer sets any.
func (o *outcome) setsNoCookie() *outcome {
	o.t.Helper()
	if cookies := o.Header.Values("Set-Cookie"); len(cookies) > 0 {
		o.t.Errorf("the answer sets %q", cookies)
	}
	return o
}

// matches reports whether a text is what is wanted, where … stands for anything.
func matches(got, want string) bool {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
	return regexp.MustCompile(pattern).MatchString(got)
}
