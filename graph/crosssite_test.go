package graph_test

import (
	"testing"

	"github.com/authgraph/authgraph/auth"
)

func TestForeignPagesDoNothingByWhatBrowsersSend(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.Origins = []string{"https://app.example.test"} })
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	login := `mutation { login(input: {identifier: "ada", password: "` + password + `"}) { __typename } }`
	signUp := `mutation { createUser(input: {username: "eve", password: "short"}) { user { id } } }`
	public := `{ status { signupOpen } }`
	for _, test := range []struct {
		name    string
		headers map[string]string
		foreign bool
	}{
		{"no page at all", map[string]string{}, false},
		{"this server's own page", map[string]string{"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}, false},
		{"this server's page by another name", map[string]string{"Origin": s.origin}, false},
		{"a listed origin", map[string]string{"Origin": "https://app.example.test", "Sec-Fetch-Site": "cross-site"}, false},
		{"the address bar", map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"another site", map[string]string{"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, true},
		{"another site, in an old browser", map[string]string{"Origin": "https://evil.test"}, true},
		{"another site without an origin", map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		{"a sibling domain", map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		{"a sandboxed frame", map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}, true},
		{"an origin that begins like a listed one", map[string]string{"Origin": "https://app.example.test.evil.test"}, true},
		{"a listed origin by http", map[string]string{"Origin": "http://app.example.test"}, true},
		{"nonsense", map[string]string{"Origin": "://"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := func(c *client) *client {
				for name, value := range test.headers {
					c.headers[name] = value
				}
				return c
			}
			for kind, r := range map[string]*reply{
				"a cookie":       with(s.withCookie(token)).run(me),
				"a bad cookie":   with(s.withCookie("garbage")).run(public),
				"Basic":          with(s.basic("ada", password)).run(me),
				"a log-in":       with(s.bearer("")).run(login),
				"a sign-up":      with(s.bearer("")).run(signUp),
				"a hidden login": with(s.bearer("")).run(`mutation { ...F } fragment F on Mutation { a: login(input: {identifier: "ada", password: "x"}) { __typename } }`),
			} {
				refused := r.status == 403 && len(r.json.Errors) == 1 && r.json.Errors[0].Extensions.Code == "FORBIDDEN" && r.json.Data == nil
				if refused != test.foreign || refused && len(r.cookies) > 0 {
					t.Errorf("%s: %d %s", kind, r.status, r.body)
				}
			}
			// What no browser sends by itself is the page's own.
			with(s.bearer(token)).run(me).ok()
			with(s.bearer("")).run(public).ok()
		})
	}
}

func TestWhereEveryPageMayCallItGetsNoCookie(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.Origins = []string{"*"} })
	s.signUp("ada")
	page := s.with("Origin", "https://anywhere.test")
	r := page.run(loginMutation, "identifier", "ada", "password", password).ok()
	if len(r.cookies) > 0 {
		t.Errorf("cookies: %v", r.cookies)
	}
	page.headers["Authorization"] = "Bearer " + r.get("login.token")
	page.run(me).ok()
	cookie := s.withCookie(r.get("login.token"))
	cookie.headers["Origin"] = "https://anywhere.test"
	if r := cookie.run(me); r.status != 403 {
		t.Errorf("a page of any origin acts by the cookie: %s", r.body)
	}
}
