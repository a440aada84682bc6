package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// late sends an operation whose body comes after the server has read the headers, and so knows
// who asks, and after meanwhile has happened.
func (c *client) late(meanwhile func(), query string, variables ...any) *reply {
	c.t.Helper()
	values := map[string]any{}
	for i := 0; i < len(variables); i += 2 {
		values[variables[i].(string)] = variables[i+1]
	}
	text, err := json.Marshal(map[string]any{"query": query, "variables": values})
	if err != nil {
		c.t.Fatal(err)
	}
	body, rest := io.Pipe()
	ctx := httptrace.WithClientTrace(c.t.Context(), &httptrace.ClientTrace{Got100Continue: func() {
		go func() {
			meanwhile()
			_, _ = rest.Write(text)
			_ = rest.Close()
		}()
	}})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, body)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Expect", "100-continue")
	for name, value := range c.headers {
		request.Header.Set(name, value)
	}
	slow := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}, Jar: c.http.Jar}
	response, err := slow.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := &reply{t: c.t, status: response.StatusCode, header: response.Header, cookies: response.Cookies(), body: string(answer)}
	if err := json.Unmarshal(answer, &r.json); err != nil {
		c.t.Fatalf("the answer is not JSON: %s", answer)
	}
	return r
}

// TestWhatEndsWhileABodyComesInBinds holds every change to the authority that its maker has when
// it is made, not when the request began.
func TestWhatEndsWhileABodyComesInBinds(t *testing.T) {
	t.Parallel()
	logOut := func(s *server) { s.session.run(`mutation { logout { loggedOut } }`).ok() }
	newPassword := func(s *server) {
		s.basic("ada", password).run(changePassword, "current", password, "new", anotherGood).ok()
	}
	for _, test := range []struct {
		name      string
		meanwhile func(s *server)
		act       func(s *server, meanwhile func()) *reply
	}{
		{"an API token after log-out", logOut, func(s *server, m func()) *reply { return s.session.late(m, createAPIToken, "name", "x") }},
		{"an API token after a changed password", newPassword, func(s *server, m func()) *reply {
			return s.basic("ada", password).late(m, createAPIToken, "name", "x")
		}},
		{"an access token after log-out", logOut, func(s *server, m func()) *reply { return s.session.late(m, issueAccessToken) }},
		{"an access token after a changed password", newPassword, func(s *server, m func()) *reply {
			return s.basic("ada", password).late(m, issueAccessToken)
		}},
		{"a renewal after log-out", logOut, func(s *server, m func()) *reply { return s.session.late(m, renewSession) }},
		{"a changed profile after log-out", logOut, func(s *server, m func()) *reply {
			return s.session.late(m, updateMe, "input", map[string]any{"firstName": "X"})
		}},
		{"a changed password after log-out", logOut, func(s *server, m func()) *reply {
			return s.session.late(m, changePassword, "current", password, "new", anotherGood)
		}},
		{"a grant after a demotion", func(s *server) {
			s.adminClient.run(revokeRole, "id", s.adaID, "role", "admin").ok()
		}, func(s *server, m func()) *reply { return s.session.late(m, grantRole, "id", s.adaID, "role", "admin") }},
		{"a deletion after being disabled", func(s *server) { s.adminClient.run(disableUser, "id", s.adaID).ok() },
			func(s *server, m func()) *reply {
				return s.session.late(m, deleteUser, "id", s.adminClient.run(me).ok().get("me.id"))
			}},
		{"an access token after deletion", func(s *server) { s.adminClient.run(deleteUser, "id", s.adaID).ok() },
			func(s *server, m func()) *reply { return s.session.late(m, issueAccessToken) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.adaID = s.prepare()
			s.adminClient.run(grantRole, "id", s.adaID, "role", "admin").ok()
			var before string
			r := test.act(s, func() { test.meanwhile(s); before = s.dump() })
			if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "UNAUTHENTICATED" && r.json.Errors[0].Extensions.Code != "FORBIDDEN" {
				t.Errorf("the answer is %s", r.body)
			}
			if after := s.dump(); after != before {
				t.Errorf("something was changed:\n%s", difference(before, after))
			}
		})
	}
}

func TestAThiefDoesNotBecomeFreshByTheOwnersProof(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	stolen := s.bearer("").logIn("ada")
	s.wait(6 * time.Minute)
	fresh := s.bearer(stolen).run(reauthenticate, "password", password).ok().get("reauthenticate.token")
	thief := s.bearer(stolen)
	thief.run(me).ok() // for a while, so that other tabs are not logged out
	thief.run(renewSession).refused(auth.ReauthenticationRequired, "")
	thief.run(createAPIToken, "name", "x").refused(auth.ReauthenticationRequired, "")
	s.bearer(fresh).run(me).ok()
	thief.run(renewSession).refused(auth.ReauthenticationRequired, "")
	s.bearer(fresh).run(createAPIToken, "name", "x").ok()

	// Nor by an older one, and whoever lost the answer proves the password again.
	again := s.bearer(fresh).run(reauthenticate, "password", password).ok().get("reauthenticate.token")
	lost := s.bearer(fresh).run(reauthenticate, "password", password).ok().get("reauthenticate.token")
	s.bearer(again).run(me).refused(auth.Unauthenticated, "") // nobody had used it: it is forgotten, and no theft
	s.bearer(lost).run(createAPIToken, "name", "y").ok()
	next := s.bearer(lost).run(renewSession).ok().get("renewSession.token")
	s.bearer(next).run(me).ok()
}

func TestFiftyChangesOfAPasswordAreOne(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.HashWorkers, o.RateLimits = 8, false })
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	var wg sync.WaitGroup
	done := make([]bool, 50)
	for i := range done {
		wg.Go(func() {
			r := c.run(changePassword, "current", password, "new", fmt.Sprintf("%s %d", anotherGood, i))
			done[i] = len(r.json.Errors) == 0
		})
	}
	wg.Wait()
	winners := 0
	for i, won := range done {
		if won {
			winners++
			s.browser().run(loginMutation, "identifier", "ada", "password", fmt.Sprintf("%s %d", anotherGood, i)).ok()
		}
	}
	if winners != 1 {
		t.Errorf("%d of fifty changes of one password succeeded", winners)
	}
}

func TestForwardAuthFailsClosed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := "Bearer " + s.bearer("").logIn("ada")
	for _, query := range []string{"roles=admin", "Role=admin", "role=admin;", "role=%zz", "role=admin&x=1", "permissions=users:read", "role"} {
		if response, body := s.fetch(s.forwardAuth()+"?"+query, "Authorization", token); response.StatusCode < 400 {
			t.Errorf("?%s: %d %s", query, response.StatusCode, body)
		}
	}
	admin := s.admin()
	scopeless := admin.run(createAPIToken, "name", "x").ok().get("createApiToken.token")
	scoped := admin.run(createAPIToken, "name", "x", "scopes", []string{"users:read"}).ok().get("createApiToken.token")
	for _, test := range []struct {
		token, query string
		want         int
	}{{scopeless, "", 403}, {scoped, "", 403}, {scoped, "?permission=users:read", 200}, {scoped, "?role=admin", 403}, {scopeless, "?permission=users:read", 403}} {
		if response, _ := s.fetch(s.forwardAuth()+test.query, "Authorization", "Bearer "+test.token); response.StatusCode != test.want {
			t.Errorf("an API token at %s: %d, want %d", test.query, response.StatusCode, test.want)
		}
	}
}

func TestAnAdministratorWithoutAPasswordIsNone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	admin.run(addUser, "input", map[string]any{"username": "successor", "roles": []string{"admin"}}).ok()
	admin.run(`mutation { deleteMe { deletedUserId } }`).refused(auth.Forbidden, "")
}

func TestAPermissionThatIsGoneStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	more := func(o *auth.Options) { o.Permissions = append(o.Permissions, "notes:write") }
	before := newServer(t, more)
	admin := before.admin()
	id := before.signUp("ada")
	role := admin.run(createRole, "name", "writer", "permissions", []string{"notes:write"}).ok().get("createRole.role.id")
	admin.run(grantRole, "id", id, "role", "writer").ok()

	after := newServerAt(t, before.address)
	admin = after.admin2()
	admin.run(disableUser, "id", id).ok()
	admin.run(revokeRole, "id", id, "role", "writer").ok()
	admin.run(`mutation($id: ID!) { deleteRole(input: {id: $id}) { deletedRoleId } }`, "id", role).ok()
}

func TestAPasswordCodeEndsWithAPromotion(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("bob")
	code := admin.run(passwordCode, "id", id).ok().get("createPasswordCode.code")
	admin.run(grantRole, "id", id, "role", "admin").ok()
	s.browser().run(setPassword, "code", code, "password", anotherGood).refused(auth.InvalidCredentials, "code")
}

func TestTheLeastUsedSessionGoes(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.MaxSessions = 3 })
	s.signUp("ada")
	used := s.bearer(s.bearer("").logIn("ada"))
	for range 5 {
		s.wait(2 * time.Minute)
		used.run(me).ok()
		s.basic("ada", password).run(issueAccessToken).ok()
	}
	used.run(me).ok()
}

func TestALateFirstUseConfirmsNothingNewer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	first := s.bearer("").logIn("ada")
	id := s.bearer(first).run(`{ session { id } }`).ok().get("session.id")
	second := s.bearer(first).run(renewSession).ok().get("renewSession.token")
	s.bearer(second).run(renewSession).ok() // whose answer is lost, before second's first use was noted
	s.exec("UPDATE superseded_tokens SET successor_used_at = NULL")
	if err := s.store.ConfirmSuccessor(t.Context(), id, []byte("the hash of second"), 1); err != nil {
		t.Fatal(err)
	}
	s.wait(time.Minute)
	s.bearer(second).run(me).ok()
}

func TestDevicesAreNamed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.with("User-Agent", "")
	c.headers["Authorization"] = "Bearer " + c.logIn("ada")
	if got := c.run(sessions).ok().get("me.sessions.0.device.name"); got != "Unknown device" && !strings.Contains(got, "Go") {
		t.Errorf("a client that does not say is %q", got)
	}
}

// TestAServerGoesOnWithANewerSchema adds a column to every table, as a later version may while this
// one still serves.
func TestAServerGoesOnWithANewerSchema(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.prepare()
	for _, table := range append([]string{"throttles", "signing_keys", "facts", "migrations"}, keptTables...) {
		s.exec("ALTER TABLE " + table + " ADD COLUMN later TEXT")
	}
	s.exec("INSERT INTO migrations (number, name, applied_at) VALUES (9999, 'later', 1)")
	const everything = `{ id roles { name } permissions sessions { id } apiTokens { id } securityEvents(first: 5) { nodes { id } totalCount } }`
	s.session.run(`{ me ` + everything + ` }`).ok()
	s.session.run(renewSession).ok()
	s.adminClient.run(`{ users(first: 5) { nodes ` + everything + ` totalCount } roles { name } stats { users } auditLog(first: 5) { nodes { id } } }`).ok()
	s.adminClient.run(grantRole, "id", ada, "role", "admin").ok()
	s.browser().run(setPassword, "code", s.adminClient.run(passwordCode, "id", ada).ok().get("createPasswordCode.code"), "password", anotherGood).ok()
	s.signUp("eve")
	s.basic("eve", password).run(issueAccessToken).ok()
	s.bearer(s.bearer("").logIn("eve")).run(`mutation { logout { loggedOut } }`).ok()
	if err := s.auth.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
