package graph_test

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/authgraph/authgraph/store/storetest"
)

// someone returns the number of a user whom no request was about yet: one like most, with an email
// address, active, with one session, one API token and three events or so.
func (s *scaled) someone() int {
	for s.next++; s.next%5 == 0 || s.next%200 == 107 || s.next%100 == 15; s.next++ {
	}
	if s.next >= s.size-10 {
		s.t.Fatal("every user was used")
	}
	return s.next
}

// email is the email address of the n-th user.
func (s *scaled) email(n int) string { return fmt.Sprintf("mail%d@example.test", n*7919%s.size) }

// elsewhere is a client without credentials at an address that nobody else has.
func (s *scaled) elsewhere() *client {
	s.addresses++
	return s.bearer("").at(fmt.Sprintf("10.0.%d.%d", s.addresses/250, s.addresses%250))
}

// as signs a user in.
func (s *scaled) as(n int) *client {
	c := s.elsewhere()
	c.headers["Authorization"] = "Bearer " + c.logIn(s.email(n))
	return c
}

// known returns a client whose token the session with this id has from now on.
func (s *scaled) known(session string) *client {
	token := fmt.Sprintf("ags_%043d", s.runs)
	sum := sha256.Sum256([]byte(token))
	s.exec("UPDATE sessions SET token_hash = " + storetest.Bytes(sum[:]) + ", unconfirmed = FALSE WHERE id = '" + session + "'")
	return s.bearer(token)
}

// changes returns every request that changes something.
func changes() map[string]request {
	// Each takes what it is about from what it prepares, which nobody else is about.
	asSomeone := func(query string, variables ...any) request {
		return func(s *scaled) func() *reply {
			c := s.as(s.someone())
			return func() *reply { return c.run(query, variables...) }
		}
	}
	asAdmin := func(query string, variables func(s *scaled, id string) []any) request {
		return func(s *scaled) func() *reply {
			given := variables(s, scaledID("usr_", s.someone()))
			return func() *reply { return s.admin.run(query, given...) }
		}
	}
	id := func(_ *scaled, id string) []any { return []any{"id", id} }
	name := func(s *scaled) string { return fmt.Sprintf("name%d", s.runs) }
	newRole := func(s *scaled, permissions ...string) string {
		return s.admin.run(createRole, "name", name(s), "permissions", append([]string{}, permissions...)).ok().get("createRole.role.id")
	}
	changeRole := `mutation($id: ID!, $permissions: [String!]) { updateRole(input: {id: $id, permissions: $permissions}) { role { id } } }`
	long := scaledID("ses_", 2) // whose session has very many old tokens
	return map[string]request{
		"createUser": func(s *scaled) func() *reply {
			c, input := s.elsewhere(), map[string]any{"username": name(s), "email": name(s) + "@new.example", "password": password}
			return func() *reply { return c.run(createUserMutation, "input", input) }
		},
		"login by email": func(s *scaled) func() *reply {
			c, n := s.elsewhere(), s.someone()
			return func() *reply { return c.run(loginMutation, "identifier", s.email(n), "password", password) }
		},
		"login by user name": func(s *scaled) func() *reply {
			c, n := s.elsewhere(), s.someone()
			for ; n%5 == 1 || n%1000 == 12 || n%400 == 13 || n%100 == 14; n = s.someone() {
			}
			return func() *reply {
				return c.run(loginMutation, "identifier", fmt.Sprintf("user%d", n*104729%s.size), "password", password)
			}
		},
		"login of someone with many sessions": func(s *scaled) func() *reply {
			c := s.elsewhere()
			return func() *reply { return c.run(loginMutation, "identifier", s.email(1), "password", password) }
		},
		"logout":       asSomeone(`mutation { logout { loggedOut } }`),
		"renewSession": asSomeone(renewSession),
		"renewSession after very many": func(s *scaled) func() *reply {
			c := s.known(long)
			return func() *reply { return c.run(renewSession) }
		},
		"me by a token renewed after very many": func(s *scaled) func() *reply {
			c := s.bearer(s.known(long).run(renewSession).ok().get("renewSession.token"))
			return func() *reply { return c.run(me) }
		},
		"reauthenticate": asSomeone(reauthenticate, "password", password),
		"reauthenticate after very many renewals": func(s *scaled) func() *reply {
			c := s.known(long).at(fmt.Sprintf("10.1.%d.%d", s.runs/250%250, s.runs%250))
			return func() *reply { return c.run(reauthenticate, "password", password) }
		},
		"issueAccessToken": asSomeone(issueAccessToken),
		"createApiToken":   asSomeone(createAPIToken, "name", "x"),
		"revokeApiToken": asAdmin(revokeAPIToken, func(s *scaled, id string) []any {
			return []any{"id", "tok_" + strings.TrimPrefix(id, "usr_")}
		}),
		"revokeSession": asAdmin(revokeSession, func(s *scaled, id string) []any {
			return []any{"id", "ses_" + strings.TrimPrefix(id, "usr_")}
		}),
		"revokeOtherSessions": asSomeone(`mutation { revokeOtherSessions { count } }`),
		"revokeSessions":      asAdmin(`mutation($id: ID!) { revokeSessions(input: {userId: $id}) { count } }`, id),
		"updateMe":            asSomeone(updateMe, "input", map[string]any{"firstName": "Ada"}),
		"changePassword":      asSomeone(changePassword, "current", password, "new", anotherGood),
		"deleteMe":            asSomeone(`mutation { deleteMe { deletedUserId } }`),
		"setPassword": func(s *scaled) func() *reply {
			code := s.admin.run(passwordCode, "id", scaledID("usr_", s.someone())).ok().get("createPasswordCode.code")
			c := s.elsewhere()
			return func() *reply { return c.run(setPassword, "code", code, "password", anotherGood) }
		},
		"addUser": asAdmin(addUser, func(s *scaled, _ string) []any {
			return []any{"input", map[string]any{"username": name(s), "roles": []string{"common"}}}
		}),
		"createPasswordCode": asAdmin(passwordCode, id),
		"updateUser": asAdmin(updateUser, func(s *scaled, id string) []any {
			return []any{"input", map[string]any{"id": id, "email": name(s) + "@changed.example", "lastName": "Last"}}
		}),
		"disableUser": asAdmin(disableUser, id),
		"enableUser": asAdmin(enableUser, func(s *scaled, id string) []any {
			s.admin.run(disableUser, "id", id).ok()
			return []any{"id", id}
		}),
		"unlockUser": asAdmin(`mutation($id: ID!) { unlockUser(input: {id: $id}) { user { id } } }`, id),
		"deleteUser": asAdmin(deleteUser, id),
		"createRole": asAdmin(createRole, func(s *scaled, _ string) []any { return []any{"name", name(s), "permissions", []string{}} }),
		"updateRole that someone holds": asAdmin(changeRole, func(s *scaled, id string) []any {
			role := newRole(s, "users:read", "roles:read")
			s.admin.run(grantRole, "id", id, "role", name(s)).ok()
			return []any{"id", role, "permissions", []string{"users:read", "audit:read"}}
		}),
		"updateRole that half of all hold": asAdmin(`mutation($id: ID!) { updateRole(input: {id: $id, description: "many"}) { role { id } } }`,
			func(*scaled, string) []any { return []any{"id", scaledID("rol_", 1)} }),
		"deleteRole": asAdmin(`mutation($id: ID!) { deleteRole(input: {id: $id}) { deletedRoleId } }`, func(s *scaled, id string) []any {
			role := newRole(s, "users:read")
			s.admin.run(grantRole, "id", id, "role", name(s)).ok()
			return []any{"id", role}
		}),
		"grantRole": asAdmin(grantRole, func(_ *scaled, id string) []any { return []any{"id", id, "role", "rare"} }),
		"revokeRole": asAdmin(revokeRole, func(s *scaled, id string) []any {
			s.admin.run(grantRole, "id", id, "role", "rare").ok()
			return []any{"id", id, "role", "rare"}
		}),
	}
}
