package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/store/storetest"
)

// TestEveryMutationIsWholeOrNothing lets each statement that a mutation writes with fail in the
// database, one after the other, and compares all that is kept before and after.
func TestEveryMutationIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		mutate func(s *server, ada string) *reply
	}{
		{"createUser", func(s *server, _ string) *reply {
			return s.browser().run(createUserMutation, "input", map[string]any{"username": "eve", "password": password})
		}},
		{"login", func(s *server, _ string) *reply {
			return s.browser().run(loginMutation, "identifier", "ada", "password", password)
		}},
		{"logout", func(s *server, _ string) *reply { return s.session.run(`mutation { logout { loggedOut } }`) }},
		{"renewSession", func(s *server, _ string) *reply { return s.session.run(renewSession) }},
		{"reauthenticate", func(s *server, _ string) *reply { return s.session.run(reauthenticate, "password", password) }},
		{"issueAccessToken", func(s *server, _ string) *reply { return s.basic("ada", password).run(issueAccessToken) }},
		{"createApiToken", func(s *server, _ string) *reply { return s.session.run(createAPIToken, "name", "x") }},
		{"revokeOtherSessions", func(s *server, _ string) *reply {
			return s.basic("ada", password).run(`mutation { revokeOtherSessions { count } }`)
		}},
		{"updateMe", func(s *server, _ string) *reply {
			return s.session.run(updateMe, "input", map[string]any{"email": "ada@example.test"})
		}},
		{"changePassword", func(s *server, _ string) *reply {
			return s.session.run(changePassword, "current", password, "new", anotherGood)
		}},
		{"deleteMe", func(s *server, _ string) *reply { return s.session.run(`mutation { deleteMe { deletedUserId } }`) }},
		{"addUser", func(s *server, _ string) *reply {
			return s.adminClient.run(addUser, "input", map[string]any{"username": "eve", "roles": []string{"admin"}})
		}},
		{"updateUser", func(s *server, ada string) *reply {
			return s.adminClient.run(updateUser, "input", map[string]any{"id": ada, "username": "ada2"})
		}},
		{"disableUser", func(s *server, ada string) *reply { return s.adminClient.run(disableUser, "id", ada) }},
		{"deleteUser", func(s *server, ada string) *reply { return s.adminClient.run(deleteUser, "id", ada) }},
		{"grantRole", func(s *server, ada string) *reply { return s.adminClient.run(grantRole, "id", ada, "role", "admin") }},
		{"createRole", func(s *server, _ string) *reply {
			return s.adminClient.run(createRole, "name", "x", "permissions", []string{"users:read"})
		}},
		{"setPassword", func(s *server, _ string) *reply {
			return s.browser().run(setPassword, "code", s.code, "password", anotherGood)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			ada := s.prepare()
			writes := s.writesOf(func() { test.mutate(s, ada).ok() })
			if len(writes) < 2 {
				t.Errorf("only %v is written", writes)
			}
			s = newServer(t)
			ada = s.prepare()
			before := s.dump()
			for _, write := range writes {
				drop := s.trigger("fault", "BEFORE "+write, "SELECT RAISE(ABORT, 'fault');", "RAISE EXCEPTION 'fault';")
				r := test.mutate(s, ada)
				if len(r.json.Errors) != 1 || r.json.Errors[0].Extensions.Code != "INTERNAL_SERVER_ERROR" || strings.Contains(r.body, "fault") {
					t.Errorf("%s failed and the answer is %s", write, r.body)
				}
				if after := s.dump(); after != before {
					t.Errorf("%s failed and left something behind:\n%s", write, difference(before, after))
				}
				drop()
			}
			test.mutate(s, ada).ok() // and nothing stands in the way afterwards
		})
	}
}

// prepare fills the server's database: an administrator, and ada with two sessions, an API token
// and a code to set a password.
func (s *server) prepare() (ada string) {
	s.t.Helper()
	s.adminClient = s.admin()
	ada = s.signUp("ada")
	s.session = s.bearer(s.bearer("").logIn("ada"))
	s.bearer("").logIn("ada")
	s.session.run(createAPIToken, "name", "old").ok()
	s.code = s.adminClient.run(passwordCode, "id", ada).ok().get("createPasswordCode.code")
	s.publicKeys()                        // which makes the first key
	s.basic("ada", password).run(me).ok() // so that the password is remembered
	return ada
}

// keptTables are those that hold what must be whole.
var keptTables = []string{"users", "credentials", "sessions", "superseded_tokens", "api_tokens", "password_codes", "user_roles", "roles", "audit_events"}

// writesOf returns what an act writes, such as "INSERT ON users".
func (s *server) writesOf(act func()) (writes []string) {
	s.t.Helper()
	s.exec("CREATE TABLE seen (what TEXT PRIMARY KEY)")
	for _, table := range keptTables {
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
			insert := fmt.Sprintf("INSERT INTO seen VALUES ('%s ON %s') ON CONFLICT DO NOTHING;", verb, table)
			s.trigger("seen_"+table+"_"+verb, "AFTER "+verb+" ON "+table, insert, insert+" RETURN NULL;")
		}
	}
	act()
	for _, table := range keptTables {
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
			what := verb + " ON " + table
			if s.count("SELECT count(*) FROM seen WHERE what = '"+what+"'") > 0 {
				writes = append(writes, what)
			}
		}
	}
	return writes
}

// trigger lets the database do something for each row of an event, such as "BEFORE INSERT ON users",
// until drop.
func (s *server) trigger(name, event, sqlite, postgres string) (drop func()) {
	s.t.Helper()
	if !storetest.OnPostgres() {
		s.exec("CREATE TRIGGER " + name + " " + event + " BEGIN " + sqlite + " END")
		return func() { s.exec("DROP TRIGGER " + name) }
	}
	s.exec("CREATE FUNCTION " + name + "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " + postgres + " END $$")
	s.exec("CREATE TRIGGER " + name + " " + event + " FOR EACH ROW EXECUTE FUNCTION " + name + "()")
	return func() { s.exec("DROP FUNCTION " + name + " CASCADE") }
}

// dump returns all rows of the server's database.
func (s *server) dump() string {
	s.t.Helper()
	db := storetest.SQL(s.t, s.address)
	defer db.Close()
	var text strings.Builder
	for _, table := range keptTables {
		rows, err := db.QueryContext(s.t.Context(), "SELECT * FROM "+table+" ORDER BY 1, 2")
		if err != nil {
			s.t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			s.t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintln(&text, table, columns, values)
		}
		if err := rows.Err(); err != nil {
			s.t.Fatal(err)
		}
	}
	return text.String()
}

// difference returns the lines that only one of two texts has.
func difference(before, after string) string {
	var lines string
	for line := range strings.Lines(before) {
		if !strings.Contains(after, line) {
			lines += "- " + line
		}
	}
	for line := range strings.Lines(after) {
		if !strings.Contains(before, line) {
			lines += "+ " + line
		}
	}
	return lines
}
