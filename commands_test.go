package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// operator runs commands on one database.
type operator struct {
	t        *testing.T
	database string
}

func newOperator(t *testing.T) operator {
	return operator{t, storetest.Address(t)}
}

// command runs a command and returns what it printed.
func (o operator) command(input string, args ...string) (string, error) {
	var out, log bytes.Buffer
	err := run(o.t.Context(), args, append(database(o.database), "AUTHGRAPH_BCRYPT_COST=10"),
		console{in: strings.NewReader(input), out: &out, err: &log})
	return out.String(), err
}

// object runs a command that must succeed, with --json, and returns the object that it printed.
func (o operator) object(input string, args ...string) map[string]any {
	o.t.Helper()
	out, err := o.command(input, append(args, "--json")...)
	if err != nil {
		o.t.Fatalf("%q: %v", args, err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(out), &object); err != nil {
		o.t.Fatalf("%q prints %s: %v", args, out, err)
	}
	return object
}

func TestCommandsBindARunningServer(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.object("", "rotate-keys")
	o.object("", "rotate-keys")
	i := start(t, database(o.database)...)
	if _, keys := i.get("/.well-known/jwks.json"); strings.Count(keys, `"kid"`) != 2 {
		t.Errorf("after two rotations the published keys are %s; want the new one and the one before", keys)
	}
	if _, err := o.command("correct horse battery\n", "create-admin", "boss@example.test"); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	answers := func(query, want string) {
		t.Helper()
		if _, body := i.post(browser, query); !strings.Contains(body, want) {
			t.Errorf("%s answers %s, want %s", query, body, want)
		}
	}
	logIn := func(password, want string) {
		t.Helper()
		answers(`mutation { login(input: {identifier: "ada", password: "`+password+`"}) { ... on LoginSuccess { user { username } } } }`, want)
	}
	const me, signedIn, signedOut, refused = `{ me { username } }`, `"username":"ada"`, `UNAUTHENTICATED`, `INVALID_CREDENTIALS`

	answers(`mutation { createUser(input: {email: "ada@example.test", username: "ada", password: "violet harbour lantern"}) { user { username } } }`, signedIn)
	logIn("violet harbour lantern", signedIn)

	account := o.object("", "users", "show", "ada")
	for _, name := range []string{account["id"].(string), "ADA@example.test", "Ada"} {
		if got := o.object("", "users", "show", name)["id"]; got != account["id"] {
			t.Errorf("%q stands for %v, want %v", name, got, account["id"])
		}
	}
	if account["sessionCount"] != 1.0 || account["loginCount"] != 1.0 || account["currentLoginAt"] == nil || account["lastLoginAt"] != nil {
		t.Errorf("after one log-in the account is %v", account)
	}

	_, body := i.post(browser, `{ session { id } }`)
	_, rest, _ := strings.Cut(body, `"id":"`)
	session, _, _ := strings.Cut(rest, `"`)
	if got := o.object("", "sessions", "revoke", session); got["id"] != session || got["userId"] != account["id"] || got["count"] != 1.0 {
		t.Errorf("revoking %s prints %v", session, got)
	}
	answers(me, signedOut)

	logIn("violet harbour lantern", signedIn)
	if got := o.object("", "sessions", "revoke", "--user", "ada"); got["count"] != 1.0 {
		t.Errorf("revoking the one session prints %v", got)
	}
	answers(me, signedOut)

	logIn("violet harbour lantern", signedIn)
	o.object("copper window orchard\n", "users", "set-password", "ada")
	answers(me, signedOut)
	logIn("violet harbour lantern", refused)
	logIn("copper window orchard", signedIn)

	o.object("", "users", "disable", "ada")
	answers(me, signedOut)
	logIn("copper window orchard", refused)
	o.object("", "users", "enable", "ada")
	logIn("copper window orchard", signedIn)

	answers(`{ users { totalCount } }`, `FORBIDDEN`)
	o.object("", "users", "grant", "ada", "admin")
	answers(`{ users { totalCount } }`, `"totalCount":2`)
	o.object("", "users", "revoke", "ada", "admin")
	answers(`{ users { totalCount } }`, `FORBIDDEN`)

	db, err := store.Open(t.Context(), o.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for kind, want := range map[model.AuditKind]int{
		model.AuditKeysRotated: 2, model.AuditSessionRevoked: 2, model.AuditPasswordChanged: 2,
		model.AuditUserDisabled: 1, model.AuditUserEnabled: 1, model.AuditRoleGranted: 2, model.AuditRoleRevoked: 1,
	} {
		if got, err := db.CountAuditEvents(t.Context(), kind, 0, 10); err != nil || got != want {
			t.Errorf("%s is recorded %d times, want %d: %v", kind, got, want, err)
		}
	}
}

func TestNobodyIsTakenForTheirUserName(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	i := start(t, database(o.database)...)
	const name = "usr_00000000000000000000000000" // looks like an id
	if _, body := i.post(http.DefaultClient, `mutation { createUser(input: {username: "`+name+`", password: "violet harbour lantern"}) { user { id } } }`); !strings.Contains(body, "usr_") {
		t.Fatal(body)
	}
	if out, err := o.command("", "users", "disable", name); err == nil || err.Error() != `there is no user "`+name+`"` {
		t.Errorf("disabling the id %s does %s, %v", name, out, err)
	}
}

func TestTheListOfUsersHasEveryPage(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	if _, err := o.command("", "migrate"); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), o.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const count = 2*usersPage + 1
	for n := range count {
		name := fmt.Sprintf("user%03d", n)
		user := &model.User{ID: "usr_" + name, Username: model.OptionalString(name), UsernameFolded: name, CreatedAt: 1, UpdatedAt: 1}
		if err := db.InsertUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		args []string
		head int
	}{{[]string{"users", "list"}, 1}, {[]string{"users", "list", "--json"}, 0}} {
		out, err := o.command("", test.args...)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")[test.head:]
		if len(lines) != count {
			t.Fatalf("%q prints %d users, want %d", test.args, len(lines), count)
		}
		for n, line := range lines {
			if want := fmt.Sprintf("usr_user%03d", n); !strings.Contains(line, want) {
				t.Fatalf("%q prints %s in the place of %s", test.args, line, want)
			}
		}
	}
}

func TestMistakesInTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	for _, test := range []struct {
		args  string
		usage bool // ends with status 2
	}{
		{"users", true},
		{"users show", true},
		{"users show a b", true},
		{"users list --all", true},
		{"users grant ada", true},
		{"sessions revoke", true},
		{"sessions revoke ses_0 --user ada", true},
		{"rotate-keys now", true},
		{"users show nobody", false},
		{"sessions revoke ses_0", false},
	} {
		_, err := o.command("", strings.Fields(test.args)...)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want one line, not %v", test.args, err)
		}
		if _, usage := errors.AsType[usageError](err); usage != test.usage {
			t.Errorf("%s: %v is a mistake in usage: %v", test.args, err, usage)
		}
	}
}
