package graph_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

// with returns a client without cookies that sends one more header.
func (s *server) with(header, value string) *client {
	c := s.bearer("")
	c.headers[header] = value
	return c
}

// basic returns a client that sends an identifier and a password with each request.
func (s *server) basic(identifier, secret string) *client {
	return s.with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(identifier+":"+secret)))
}

func TestHTTPBasic(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada@example.test")
	r := s.basic("Ada@example.test", password).run(`{ me { id } session { id } }`).ok()
	if r.get("me.id") != id || r.get("session") != "null" || len(r.cookies) > 0 {
		t.Errorf("want the user and neither session nor cookie: %s %v", r.body, r.cookies)
	}
	for name, c := range map[string]*client{
		"a wrong password":   s.basic("ada@example.test", "a wrong password"),
		"an unknown user":    s.basic("nobody", password),
		"no password":        s.basic("ada@example.test", ""),
		"nothing":            s.basic("", ""),
		"broken base64":      s.with("Authorization", "Basic !!!"),
		"a NUL":              s.basic("ada@example.test\x00", password),
		"an unknown token":   s.basic("ags_"+strings.Repeat("A", 43), "x"),
		"no colon":           s.with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ada"))),
		"a password in caps": s.basic("ada@example.test", strings.ToUpper(password)),
	} {
		r := c.run(`{ me { id } status { signupOpen } }`)
		if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "UNAUTHENTICATED" || r.get("status.signupOpen") != "true" {
			t.Errorf("%s: %s", name, r.body)
		}
		if !strings.Contains(strings.Join(r.header.Values("WWW-Authenticate"), "\n"), `Basic realm="authgraph"`) {
			t.Errorf("%s: WWW-Authenticate is %q", name, r.header.Values("WWW-Authenticate"))
		}
	}
}

func TestAnyTokenMayBeTheUserNameOfBasic(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	session := s.bearer("").logIn("ada")
	access := s.bearer(session).run(`mutation { issueAccessToken { token } }`).ok().get("issueAccessToken.token")
	api := s.bearer(session).run(`mutation { createApiToken(input: {name: "ci"}) { token } }`).ok().get("createApiToken.token")
	for kind, token := range map[string]string{"session": session, "access": access, "api": api} {
		for name, c := range map[string]*client{
			"bearer":               s.bearer(token),
			"basic":                s.basic(token, "x"),
			"authentication token": s.with("Authentication-Token", token),
		} {
			if got := c.run(me).ok().get("me.id"); got != id {
				t.Errorf("%s token by %s: me is %s", kind, name, got)
			}
		}
		r := s.withCookie(token).run(me)
		if refused := len(r.json.Errors) > 0; refused != (kind != "session") {
			t.Errorf("%s token as a cookie: %s", kind, r.body)
		}
	}
}

func TestARightPasswordIsRememberedAndAChangedOneBindsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	basic := s.basic("ada", password)
	basic.run(me).ok()
	s.breakHash(id)
	basic.run(me).refused("INTERNAL_SERVER_ERROR", "") // another hash: it is verified anew, and cannot be
	s.restoreHash(id)
	basic.run(me).ok()

	changed := "another good password"
	s.basic("ada", password).run(`mutation($new: String!) { changePassword(input: {currentPassword: "`+password+`", newPassword: $new}) { user { id } } }`, "new", changed).ok()
	basic.run(me).refused(auth.Unauthenticated, "")
	s.basic("ada", changed).run(me).ok()
	s.disable(id)
	s.basic("ada", changed).run(me).refused(auth.Unauthenticated, "")
}

// breakHash makes a user's stored password one that cannot be verified, and restoreHash undoes
// that: whoever answers meanwhile has remembered.
func (s *server) breakHash(id string) {
	s.exec("UPDATE credentials SET secret = 'x' || secret WHERE user_id = '" + id + "'")
}

func (s *server) restoreHash(id string) {
	s.exec("UPDATE credentials SET secret = substr(secret, 2) WHERE user_id = '" + id + "'")
}

func TestARememberedPasswordCostsNoHash(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	basic := s.basic("ada", password)
	basic.run(me).ok()
	s.auth.Close() // from here on nothing can be hashed
	basic.run(me).ok()
	s.wait(time.Minute)
	basic.run(me).refused("INTERNAL_SERVER_ERROR", "")
}

func TestManyRequestsWithOnePasswordAreOneAttempt(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.HashWorkers = 16 })
	s.signUp("ada")
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() { s.basic("ada", password).run(me).ok() })
	}
	wg.Wait()
}

func TestSchemesCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	all := map[auth.Scheme]func(s *server, token string) *client{
		auth.SchemeBearer:              func(s *server, token string) *client { return s.bearer(token) },
		auth.SchemeBasic:               func(s *server, _ string) *client { return s.basic("ada", password) },
		auth.SchemeAuthenticationToken: func(s *server, token string) *client { return s.with("Authentication-Token", token) },
		auth.SchemeCookie:              func(s *server, token string) *client { return s.withCookie(token) },
	}
	for only := range all {
		s := newServer(t, func(o *auth.Options) { o.Schemes = []auth.Scheme{only} })
		s.signUp("ada")
		token := s.bearer("").logIn("ada")
		for scheme, present := range all {
			r := present(s, token).run(me)
			if scheme == only {
				r.ok()
				continue
			}
			if r.refused(auth.Unauthenticated, ""); r.json.Errors[0].Message != "Sign in first." {
				t.Errorf("with %s alone, %s must count as absent: %s", only, scheme, r.body)
			}
		}
		challenges := strings.Join(s.bearer("").run(me).header.Values("WWW-Authenticate"), "\n")
		if strings.Contains(challenges, "Bearer") != (only == auth.SchemeBearer) || strings.Contains(challenges, "Basic") != (only == auth.SchemeBasic) {
			t.Errorf("with %s alone the challenges are %q", only, challenges)
		}
	}
}

func TestEveryCredentialDiesAtOnce(t *testing.T) {
	t.Parallel()
	changePassword := `mutation { changePassword(input: {currentPassword: "` + password + `", newPassword: "another good password"}) { user { id } } }`
	for _, test := range []struct {
		name   string
		end    func(s *server, id, token string)
		spared string // the one kind of credential that may live
	}{
		{"disabling", func(s *server, id, _ string) {
			s.admin().run(`mutation($id: ID!) { disableUser(input: {id: $id}) { user { active } } }`, "id", id).ok()
		}, ""},
		{"deletion", func(s *server, id, _ string) {
			s.admin().run(`mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }`, "id", id).ok()
		}, ""},
		{"a changed password", func(s *server, _, _ string) { s.basic("ada", password).run(changePassword).ok() }, ""},
		{"log-out", func(s *server, _, token string) { s.bearer(token).run(`mutation { logout { loggedOut } }`).ok() }, "api basic"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			id := s.signUp("ada")
			session := s.bearer("").logIn("ada")
			access := s.bearer(session).run(`mutation { issueAccessToken { token } }`).ok().get("issueAccessToken.token")
			api := s.bearer(session).run(`mutation { createApiToken(input: {name: "ci"}) { token } }`).ok().get("createApiToken.token")
			credentials := map[string]*client{
				"session": s.bearer(session), "cookie": s.withCookie(session), "access": s.bearer(access),
				"api": s.bearer(api), "basic": s.basic("ada", password),
			}
			for name, c := range credentials {
				if got := c.run(me).ok().get("me.id"); got != id {
					t.Fatalf("%s does not work: %s", name, got)
				}
			}
			test.end(s, id, session)
			for name, c := range credentials {
				if strings.Contains(test.spared, name) {
					c.run(me).ok()
					continue
				}
				if r := c.run(me); len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "UNAUTHENTICATED" {
					t.Errorf("%s still works after %s: %s", name, test.name, r.body)
				}
			}
		})
	}
}

func TestADemotionBindsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	admin.run(grantRole, "id", id, "role", "admin").ok()
	session := s.bearer("").logIn("ada")
	access := s.bearer(session).run(`mutation { issueAccessToken { token } }`).ok().get("issueAccessToken.token")
	api := s.bearer(session).run(`mutation { createApiToken(input: {name: "ci", scopes: ["users:read"]}) { token } }`).ok().get("createApiToken.token")
	credentials := []*client{s.bearer(session), s.withCookie(session), s.bearer(access), s.bearer(api), s.basic("ada", password)}
	for _, c := range credentials {
		c.run(`{ users { totalCount } }`).ok()
	}
	admin.run(revokeRole, "id", id, "role", "admin").ok()
	for _, c := range credentials {
		c.run(`{ users { totalCount } }`).refused(auth.Forbidden, "")
	}
	admin.run(grantRole, "id", id, "role", "admin").ok()
	s.bearer(api).run(`{ users { totalCount } }`).refused(auth.Forbidden, "") // what was cut does not grow back
	s.bearer(session).run(`{ users { totalCount } }`).ok()
}

const (
	grantRole  = `mutation($id: ID!, $role: String!) { grantRole(input: {userId: $id, role: $role}) { user { id roles { name } } } }`
	revokeRole = `mutation($id: ID!, $role: String!) { revokeRole(input: {userId: $id, role: $role}) { user { id roles { name } } } }`
)

func TestForwardAuth(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	token := s.bearer("").logIn("ada")
	ask := func(query, authorization string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.forwardAuth()+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", authorization)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response
	}
	if r := ask("", ""); r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") == "" || r.Header.Get("X-Auth-User") != "" {
		t.Errorf("a stranger: %d %v", r.StatusCode, r.Header)
	}
	if r := ask("", "Bearer garbage"); r.StatusCode != 401 {
		t.Errorf("a bad token: %d", r.StatusCode)
	}
	if r := ask("", "Bearer "+token); r.StatusCode != 200 || r.Header.Get("X-Auth-User") != id || !strings.HasPrefix(r.Header.Get("X-Auth-Session"), "ses_") || r.Header.Get("X-Auth-Roles") != "" {
		t.Errorf("a user: %d %v", r.StatusCode, r.Header)
	}
	for query, want := range map[string]int{"?role=admin": 403, "?permission=users:read": 403, "?role=": 403} {
		if r := ask(query, "Bearer "+token); r.StatusCode != want || r.Header.Get("X-Auth-User") != "" {
			t.Errorf("%s: %d, want %d", query, r.StatusCode, want)
		}
	}
	admin.run(grantRole, "id", id, "role", "admin").ok()
	if r := ask("?role=admin&role=x&permission=users:read&permission=roles:read", "Bearer "+token); r.StatusCode != 200 ||
		r.Header.Get("X-Auth-Roles") != "admin" || r.Header.Get("X-Auth-Permissions") != strings.Join(slices.Sorted(slices.Values(graph.Permissions())), " ") {
		t.Errorf("an administrator: %d %v", r.StatusCode, r.Header)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if r := ask("", "Bearer "+token); r.StatusCode != 500 || r.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("an outage: %d %v", r.StatusCode, r.Header)
	}
}
