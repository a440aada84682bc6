package graph_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

const (
	updateMe       = `mutation($input: UpdateMeInput!) { updateMe(input: $input) { user { id email username firstName lastName locale confirmedAt } } }`
	updateUser     = `mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id email username firstName lastName locale confirmedAt } } }`
	changePassword = `mutation($current: String!, $new: String!) { changePassword(input: {currentPassword: $current, newPassword: $new}) { user { id } } }`
	setPassword    = `mutation($code: String!, $password: String!) { setPassword(input: {code: $code, password: $password}) { passwordSet } }`
	addUser        = `mutation($input: AddUserInput!) { addUser(input: $input) { code expiresAt user { id email confirmedAt roles { name } } } }`
	passwordCode   = `mutation($id: ID!) { createPasswordCode(input: {userId: $id}) { code expiresAt } }`
	disableUser    = `mutation($id: ID!) { disableUser(input: {id: $id}) { user { id active } } }`
	enableUser     = `mutation($id: ID!) { enableUser(input: {id: $id}) { user { id active } } }`
	deleteUser     = `mutation($id: ID!) { deleteUser(input: {id: $id}) { deletedUserId } }`
	createRole     = `mutation($name: String!, $permissions: [String!]!) { createRole(input: {name: $name, permissions: $permissions}) { role { id name permissions } } }`
	anotherGood    = "another good password"
)

func TestUpdateMe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	s.signUp("eve@example.test")
	c := s.browser()
	c.logIn("ada")
	r := c.run(updateMe, "input", map[string]any{"email": "Ada@Example.test", "firstName": "Ada", "lastName": "Lovelace", "locale": "en-GB"}).ok()
	if r.get("updateMe.user.email") != "Ada@Example.test" || r.get("updateMe.user.username") != "ada" || r.get("updateMe.user.locale") != "en-GB" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	s.browser().logIn("ada@example.test")
	r = c.run(updateMe, "input", map[string]any{"username": nil, "lastName": nil}).ok() // null removes, absent stays
	if r.get("updateMe.user.username") != "null" || r.get("updateMe.user.lastName") != "null" || r.get("updateMe.user.firstName") != "Ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.InvalidCredentials, "")
	for _, test := range []struct {
		code  auth.Code
		field string
		input map[string]any
	}{
		{auth.BadUserInput, "email", map[string]any{"email": nil}},
		{auth.BadUserInput, "email", map[string]any{"email": "nonsense"}},
		{auth.AlreadyExists, "email", map[string]any{"email": "EVE@example.test"}},
		{auth.BadUserInput, "username", map[string]any{"username": "a b"}},
		{auth.BadUserInput, "firstName", map[string]any{"firstName": "a\x00"}},
		{auth.BadUserInput, "locale", map[string]any{"locale": "klingonish!"}},
		{auth.BadUserInput, "confirmed", map[string]any{"confirmed": true}},
		{auth.BadUserInput, "roles", map[string]any{"roles": []string{"admin"}}},
	} {
		c.run(updateMe, "input", test.input).refused(test.code, test.field)
	}
	if got := c.run(`{ me { email firstName } }`).ok(); got.get("me.email") != "Ada@Example.test" {
		t.Errorf("a refused change is kept: %s", got.body)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	own, other := s.bearer(s.bearer("").logIn("ada")), s.bearer(s.bearer("").logIn("ada"))
	api := s.bearer(own.run(createAPIToken, "name", "x").ok().get("createApiToken.token"))
	own.run(changePassword, "current", "a wrong password", "new", anotherGood).refused(auth.InvalidCredentials, "currentPassword")
	own.run(changePassword, "current", password, "new", "short").refused(auth.BadUserInput, "newPassword")
	own.run(changePassword, "current", password, "new", "ada-ada-ada").refused(auth.BadUserInput, "newPassword")
	other.run(me).ok()
	own.run(changePassword, "current", password, "new", anotherGood).ok()
	own.run(me).ok()
	other.run(me).refused(auth.Unauthenticated, "")
	api.run(me).refused(auth.Unauthenticated, "")
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.InvalidCredentials, "")
	s.browser().run(loginMutation, "identifier", "ada", "password", anotherGood).ok()
}

func TestDeleteMe(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	c := s.browser()
	token := c.logIn("ada")
	r := c.run(`mutation { deleteMe { deletedUserId } }`).ok()
	if cookie := r.cookie("authgraph_session"); r.get("deleteMe.deletedUserId") != id || cookie == nil || cookie.MaxAge >= 0 {
		t.Errorf("want the account gone and the cookie deleted: %s %v", r.body, r.cookies)
	}
	s.bearer(token).run(me).refused(auth.Unauthenticated, "")
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.InvalidCredentials, "")
	s.signUp("ada") // the name is free again
}

func TestAnAddedUserSetsTheirOwnPassword(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SignupOpen = false })
	admin := s.admin()
	r := admin.run(addUser, "input", map[string]any{"email": "ada@example.test", "confirmed": true, "roles": []string{"admin"}}).ok()
	code := r.get("addUser.code")
	if r.get("addUser.user.roles.0.name") != "admin" || r.get("addUser.user.confirmedAt") == "null" || !strings.HasPrefix(code, "agp_") {
		t.Errorf("unexpected answer: %s", r.body)
	}
	s.browser().run(loginMutation, "identifier", "ada@example.test", "password", password).refused(auth.InvalidCredentials, "")
	s.bearer(code).run(me).refused(auth.Unauthenticated, "") // a code opens no other door
	s.browser().run(setPassword, "code", code, "password", "password1").refused(auth.BadUserInput, "password")
	s.browser().run(setPassword, "code", code, "password", "ada@example.test").refused(auth.BadUserInput, "password")
	if r := s.browser().run(setPassword, "code", code, "password", password).ok(); len(r.cookies) > 0 {
		t.Error("setting a password must not sign in")
	}
	s.browser().logIn("ada@example.test")
	s.browser().run(setPassword, "code", code, "password", anotherGood).refused(auth.InvalidCredentials, "code")
	for _, bad := range []string{"", "x", code + "x", strings.ToUpper(code), "agp_" + strings.Repeat("A", 43)} {
		s.browser().run(setPassword, "code", bad, "password", anotherGood).refused(auth.InvalidCredentials, "code")
	}
}

func TestAPasswordCodeWorksOnceAndForADay(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.HashWorkers = 8 })
	admin := s.admin()
	id := s.signUp("ada")
	session := s.bearer(s.bearer("").logIn("ada"))
	void := admin.run(passwordCode, "id", id).ok().get("createPasswordCode.code")
	code := admin.run(passwordCode, "id", id).ok().get("createPasswordCode.code")
	session.run(me).ok() // nothing changes until the code is used
	s.browser().run(setPassword, "code", void, "password", anotherGood).refused(auth.InvalidCredentials, "code")

	outcomes := make([]string, 50)
	var wg sync.WaitGroup
	for i := range outcomes {
		wg.Go(func() {
			r := s.browser().run(setPassword, "code", code, "password", anotherGood)
			if outcomes[i] = "ok"; len(r.json.Errors) > 0 {
				outcomes[i] = r.json.Errors[0].Extensions.Code
			}
		})
	}
	wg.Wait()
	counts := map[string]int{}
	for _, outcome := range outcomes {
		counts[outcome]++
	}
	if counts["ok"] != 1 || counts["INVALID_CREDENTIALS"] != 49 {
		t.Errorf("fifty uses of one code: %v", counts)
	}
	session.run(me).refused(auth.Unauthenticated, "")

	late := admin.run(passwordCode, "id", id).ok().get("createPasswordCode.code")
	s.wait(24 * time.Hour)
	s.browser().run(setPassword, "code", late, "password", password).refused(auth.InvalidCredentials, "code")
}

func TestAdministratorsManageUsers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	c := s.browser()
	c.logIn("ada")
	r := admin.run(updateUser, "input", map[string]any{"id": id, "email": "ada@example.test", "confirmed": true}).ok()
	if r.get("updateUser.user.confirmedAt") == "null" || r.get("updateUser.user.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	// A user who changes their own address is not confirmed any more.
	if r := c.run(updateMe, "input", map[string]any{"email": "other@example.test"}).ok(); r.get("updateMe.user.confirmedAt") != "null" {
		t.Errorf("a changed address is confirmed: %s", r.body)
	}
	if r := admin.run(disableUser, "id", id).ok(); r.get("disableUser.user.active") != "false" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	c.run(me).refused(auth.Unauthenticated, "")
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.InvalidCredentials, "")
	admin.run(enableUser, "id", id).ok()
	c.run(me).refused(auth.Unauthenticated, "") // the session is gone for good
	c.logIn("ada")
	admin.run(deleteUser, "id", id).ok()
	c.run(me).refused(auth.Unauthenticated, "")
	admin.run(deleteUser, "id", id).refused(auth.NotFound, "")

	eve := s.browser()
	other := s.signUp("other")
	s.signUp("eve")
	eve.logIn("eve")
	for _, mutation := range []string{disableUser, enableUser, deleteUser, passwordCode} {
		eve.run(mutation, "id", other).refused(auth.Forbidden, "")
	}
	eve.run(updateUser, "input", map[string]any{"id": other, "firstName": "X"}).refused(auth.Forbidden, "")
	eve.run(addUser, "input", map[string]any{"username": "x"}).refused(auth.Forbidden, "")
	eve.run(grantRole, "id", other, "role", "admin").refused(auth.Forbidden, "")
	eve.run(createRole, "name", "x", "permissions", []string{}).refused(auth.Forbidden, "")
}

func TestNobodyManagesWhoeverHoldsMore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	adminID := admin.run(me).ok().get("me.id")
	admin.run(createRole, "name", "helpdesk", "permissions", []string{"users:read", "users:write", "roles:write"}).ok()
	helper := s.signUp("helper")
	admin.run(grantRole, "id", helper, "role", "helpdesk").ok()
	c := s.browser()
	c.logIn("helper")
	plain := s.signUp("plain")

	for _, mutation := range []string{disableUser, deleteUser, passwordCode} {
		c.run(mutation, "id", adminID).refused(auth.Forbidden, "")
	}
	c.run(updateUser, "input", map[string]any{"id": adminID, "email": "mine@example.test"}).refused(auth.Forbidden, "")
	session := admin.run(`{ session { id } }`).ok().get("session.id")
	c.run(revokeSession, "id", session).refused(auth.Forbidden, "")
	token := admin.run(createAPIToken, "name", "x").ok().get("createApiToken.apiToken.id")
	c.run(revokeAPIToken, "id", token).refused(auth.Forbidden, "")
	c.run(grantRole, "id", plain, "role", "admin").refused(auth.Forbidden, "")
	c.run(grantRole, "id", helper, "role", "admin").refused(auth.Forbidden, "")
	c.run(revokeRole, "id", adminID, "role", "helpdesk").refused(auth.Forbidden, "")
	c.run(addUser, "input", map[string]any{"username": "puppet", "roles": []string{"admin"}}).refused(auth.Forbidden, "")
	c.run(createRole, "name", "more", "permissions", []string{"roles:read"}).refused(auth.Forbidden, "permissions")

	c.run(grantRole, "id", plain, "role", "helpdesk").ok()
	c.run(disableUser, "id", plain).ok()
	c.run(addUser, "input", map[string]any{"username": "colleague", "roles": []string{"helpdesk"}}).ok()
	if got := s.count("SELECT count(*) FROM users WHERE username = 'puppet'"); got != 0 {
		t.Error("a refused account is left behind")
	}
}

func TestTheLastAdministratorCannotBeLost(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := admin.run(me).ok().get("me.id")
	for _, mutation := range []string{disableUser, deleteUser} {
		admin.run(mutation, "id", id).refused(auth.Forbidden, "")
	}
	admin.run(revokeRole, "id", id, "role", "admin").refused(auth.Forbidden, "")
	admin.run(`mutation { deleteMe { deletedUserId } }`).refused(auth.Forbidden, "")
	admin.run(`{ users { totalCount } }`).ok()

	// Of two administrators who remove each other, or themselves, at once, one stays.
	for _, mutation := range []string{disableUser, deleteUser, revokeRole} {
		second := s.signUp("second")
		admin.run(grantRole, "id", second, "role", "admin").ok()
		other := s.browser()
		other.logIn("second")
		var wg sync.WaitGroup
		for range 25 {
			wg.Go(func() { admin.run(mutation, "id", second, "role", "admin") })
			wg.Go(func() { other.run(mutation, "id", id, "role", "admin") })
		}
		wg.Wait()
		if got := s.count(`SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id WHERE u.disabled_at IS NULL`); got != 1 {
			t.Errorf("%s: %d administrators are left", mutation, got)
		}
		s.exec(`DELETE FROM users`) // and start anew
		admin = s.admin()
		id = admin.run(me).ok().get("me.id")
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	r := admin.run(createRole, "name", "support", "permissions", []string{"users:read"}).ok()
	role := r.get("createRole.role.id")
	if r.get("createRole.role.permissions") != "[users:read]" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	id := s.signUp("ada")
	admin.run(grantRole, "id", id, "role", "support").ok()
	admin.run(grantRole, "id", id, "role", "support").ok() // twice is once
	c := s.browser()
	c.logIn("ada")
	can := c.run(`{ me { roles { name description permissions } permissions can(permission: "users:read") no: can(permission: "users:write") } }`).ok()
	for path, want := range map[string]string{"me.roles.0.name": "support", "me.permissions": "[users:read]", "me.can": "true", "me.no": "false"} {
		if got := can.get(path); got != want {
			t.Errorf("%s is %s", path, got)
		}
	}
	c.run(`{ users { totalCount } }`).ok()
	c.run(`{ roles { name } }`).refused(auth.Forbidden, "")
	if got := admin.run(`{ roles { name } }`).ok().list("roles", "name"); got != "admin support" {
		t.Errorf("the roles are %s", got)
	}
	update := `mutation($input: UpdateRoleInput!) { updateRole(input: $input) { role { name description permissions } } }`
	changed := admin.run(update, "input", map[string]any{"id": role, "description": "Helps", "permissions": []string{"roles:read"}}).ok()
	if changed.get("updateRole.role.name") != "support" || changed.get("updateRole.role.description") != "Helps" {
		t.Errorf("unexpected answer: %s", changed.body)
	}
	c.run(`{ users { totalCount } }`).refused(auth.Forbidden, "")
	c.run(`{ roles { name } }`).ok()

	builtIn := admin.run(`{ roles { id } }`).ok().get("roles.0.id")
	admin.run(update, "input", map[string]any{"id": builtIn, "permissions": []string{}}).refused(auth.Forbidden, "")
	admin.run(`mutation($id: ID!) { deleteRole(input: {id: $id}) { deletedRoleId } }`, "id", builtIn).refused(auth.Forbidden, "")
	admin.run(createRole, "name", "support", "permissions", []string{}).refused(auth.AlreadyExists, "name")
	for _, name := range []string{"", "Support", "a b", "a,b", strings.Repeat("x", 51), "1st"} {
		admin.run(createRole, "name", name, "permissions", []string{}).refused(auth.BadUserInput, "name")
	}
	admin.run(createRole, "name", "x", "permissions", []string{"no:such"}).refused(auth.BadUserInput, "permissions")
	admin.run(grantRole, "id", id, "role", "nothing").refused(auth.BadUserInput, "role")

	admin.run(`mutation($id: ID!) { deleteRole(input: {id: $id}) { deletedRoleId } }`, "id", role).ok()
	c.run(`{ roles { name } }`).refused(auth.Forbidden, "")
}

func TestAManagersMutationsWantAFreshSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	s.wait(6 * time.Minute)
	for _, r := range []*reply{
		admin.run(deleteUser, "id", id),
		admin.run(passwordCode, "id", id),
		admin.run(updateUser, "input", map[string]any{"id": id, "email": "x@example.test"}),
		admin.run(addUser, "input", map[string]any{"username": "x"}),
		admin.run(grantRole, "id", id, "role", "admin"),
		admin.run(revokeRole, "id", id, "role", "admin"),
		admin.run(createRole, "name", "x", "permissions", []string{}),
	} {
		r.refused(auth.ReauthenticationRequired, "")
	}
	admin.run(disableUser, "id", id).ok() // an emergency does not wait
	s.basic("admin@example.test", password).run(deleteUser, "id", id).ok()
}
