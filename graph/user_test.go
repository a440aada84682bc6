package graph_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

func TestCreateUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		input map[string]any
	}{
		{"by email", map[string]any{"email": "Ada@Example.test"}},
		{"by user name", map[string]any{"username": "ada.l"}},
		{"by both, with names", map[string]any{"email": "ada@example.test", "username": "ada", "firstName": "Ada <&>", "lastName": "Lovelace\u2028"}},
		{"in other scripts", map[string]any{"email": "δοκιμή@παράδειγμα.test", "username": "Zoë_Ünï"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			test.input["password"] = password
			r := s.browser().run(createUserMutation, "input", test.input).ok()
			for _, field := range []string{"email", "username", "firstName", "lastName"} {
				want, given := test.input[field].(string)
				if !given {
					want = "null"
				}
				if got := r.get("createUser.user." + field); got != want {
					t.Errorf("%s is %q, want it as typed: %q", field, got, want)
				}
			}
			if id := r.get("createUser.user.id"); !strings.HasPrefix(id, "usr_") || len(id) != 30 {
				t.Errorf("id is %q, want usr_ and 26 characters", id)
			}
			if r.cookie("authgraph_session") != nil {
				t.Error("signing up must not sign in")
			}
			for _, field := range []string{"email", "username"} {
				if identifier, ok := test.input[field].(string); ok {
					s.browser().logIn(identifier)
					s.browser().logIn(strings.ToUpper(identifier))
				}
			}
		})
	}
}

func TestCreateUserShowsAStrangerOnlyWhatTheyTyped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.browser().run(`mutation($input: CreateUserInput!) { createUser(input: $input) { user { id email roles { name } } } }`,
		"input", map[string]any{"email": "ada@example.test", "password": password})
	r.refused(auth.Unauthenticated, "")
	if r.get("createUser.user.email") != "ada@example.test" || r.get("createUser.user.roles") != "null" {
		t.Errorf("want the email and no roles: %s", r.body)
	}
}

func TestAnIdentifierBelongsToOneUser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.browser().run(createUserMutation, "input", map[string]any{
		"email": "Straße@bücher.test", "username": "Ada", "password": password}).ok()
	s.browser().run(createUserMutation, "input", map[string]any{"username": "ᎠᎡᎢ", "password": password}).ok()
	s.browser().run(createUserMutation, "input", map[string]any{"username": "ꭰꭱꭲ", "password": password}).refused(auth.AlreadyExists, "username")
	s.browser().run(createUserMutation, "input", map[string]any{"email": "ada@straße.test", "password": password}).ok()
	s.browser().run(createUserMutation, "input", map[string]any{"email": "ada@strasse.test", "password": password}).ok()
	s.browser().run(createUserMutation, "input", map[string]any{"email": "ada@xn--strae-oqa.test", "password": password}).refused(auth.AlreadyExists, "email")
	for _, test := range []struct{ name, field, value string }{
		{"the same email", "email", "Straße@bücher.test"},
		{"other letter case", "email", "STRASSE@BÜCHER.TEST"},
		{"full-width letters", "email", "Ｓtraße@bücher.test"},
		{"full-width at sign", "email", "straße＠bücher.test"},
		{"the domain in Punycode", "email", "straße@xn--bcher-kva.test"},
		{"the same user name", "username", "Ada"},
		{"a user name in other letter case", "username", "aDA"},
		{"a user name in full-width letters", "username", "Ａｄａ"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.browser().run(createUserMutation, "input", map[string]any{test.field: test.value, "password": password}).
				refused(auth.AlreadyExists, test.field)
		})
	}
	s.browser().run(createUserMutation, "input", map[string]any{"email": "a%40x@example.test", "password": password}).ok()
	s.browser().run(createUserMutation, "input", map[string]any{"email": "a@example.test", "password": password}).ok()
}

func TestFiftySignUpsOfOneEmailMakeOneUser(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.HashWorkers = 8 })
	var wg sync.WaitGroup
	codes := make([]string, 50)
	for i := range codes {
		wg.Go(func() {
			email := "ada@example.test"
			if i%2 == 0 {
				email = "ADA@example.test"
			}
			r := s.browser().run(createUserMutation, "input", map[string]any{"email": email, "password": password})
			if len(r.json.Errors) > 0 {
				codes[i] = r.json.Errors[0].Extensions.Code
			}
		})
	}
	wg.Wait()
	counts := map[string]int{}
	for _, code := range codes {
		counts[code]++
	}
	if counts[""] != 1 || counts["ALREADY_EXISTS"] != 49 {
		t.Errorf("want one user and 49 refusals, got %v", counts)
	}
	if got := s.admin().run(`{ users(filter: {search: "ada@"}) { totalCount } }`).ok().get("users.totalCount"); got != "1" {
		t.Errorf("there are %s users", got)
	}
}

func TestCreateUserRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	long := strings.Repeat("x", 300)
	for _, test := range []struct {
		name  string
		input map[string]any
		field string
		rule  string
	}{
		{"nobody", map[string]any{}, "email", "or username must be given"},
		{"an empty email", map[string]any{"email": "", "username": ""}, "email", "must be given"},
		{"no email", map[string]any{"email": "ada"}, "email", "must be an email address"},
		{"an email with a name", map[string]any{"email": "Ada <ada@example.test>"}, "email", "must be an email address"},
		{"two at signs", map[string]any{"email": "ada@b@example.test"}, "email", "must be an email address"},
		{"a quoted local part", map[string]any{"email": `"a@b"@example.test`}, "email", "must be an email address"},
		{"an address in place of a domain", map[string]any{"email": "ada@[127.0.0.1]"}, "email", "must be an email address"},
		{"a space in an email", map[string]any{"email": "ada @example.test"}, "email", "must be an email address"},
		{"a line break in an email", map[string]any{"email": "ada@example.test\r\nBcc: eve@example.test"}, "email", "control characters"},
		{"a NUL in an email", map[string]any{"email": "ada\x00@example.test"}, "email", "control characters"},
		{"a broken character in an email", map[string]any{"email": "ada\uFFFD@example.test"}, "email", "valid UTF-8"},
		{"an invisible character in an email", map[string]any{"email": "a\u200dda@example.test"}, "email", "must be an email address"},
		{"text that runs backwards in an email", map[string]any{"email": "a\u202eda@example.test"}, "email", "must be an email address"},
		{"text that runs backwards in a name", map[string]any{"username": "ada", "firstName": "a\u202eda"}, "firstName", "turn the text"},
		{"a long label in a domain", map[string]any{"email": "ada@" + long[:64] + ".test"}, "email", "must be an email address"},
		{"a long email", map[string]any{"email": long + "@example.test"}, "email", "at most 254"},
		{"a long local part", map[string]any{"email": long[:65] + "@example.test"}, "email", "must be an email address"},
		{"an at sign in a user name", map[string]any{"username": "ada@home"}, "username", "must be letters"},
		{"a full-width at sign in a user name", map[string]any{"username": "ada＠home"}, "username", "must be letters"},
		{"a space in a user name", map[string]any{"username": "ada l"}, "username", "must be letters"},
		{"a user name of dots", map[string]any{"username": ".."}, "username", "must be letters"},
		{"markup in a user name", map[string]any{"username": "<b>"}, "username", "must be letters"},
		{"an invisible character in a user name", map[string]any{"username": "a\u200bda"}, "username", "must be letters"},
		{"a long user name", map[string]any{"username": long[:65]}, "username", "at most 64"},
		{"a NUL in a name", map[string]any{"username": "ada", "firstName": "A\x00"}, "firstName", "control characters"},
		{"a long name", map[string]any{"username": "ada", "lastName": long[:101]}, "lastName", "at most 100"},
		{"a short password", map[string]any{"username": "ada", "password": "7 chars"}, "password", "at least 8"},
		{"a long password", map[string]any{"username": "ada", "password": long[:257]}, "password", "at most 256"},
		{"a common password", map[string]any{"username": "ada", "password": "password1"}, "password", "commonest"},
		{"a common password in capitals", map[string]any{"username": "ada", "password": "PASSWORD1"}, "password", "commonest"},
		{"one character again and again", map[string]any{"username": "ada", "password": "ééééééééé"}, "password", "repeat"},
		{"a control character in a password", map[string]any{"username": "ada", "password": "correct\x07horse"}, "password", "control characters"},
		{"the email as password", map[string]any{"email": "ada@lovelace.test", "password": "Ada@Lovelace.test"}, "password", "your own"},
		{"the user name as password", map[string]any{"username": "miguel-g", "password": "MiguelG123"}, "password", "your own"},
		{"the name as password", map[string]any{"username": "al", "firstName": "Ada", "lastName": "Lovelace", "password": "adalovelace1"}, "password", "your own"},
		{"the product as password", map[string]any{"username": "al", "password": "authgraph12"}, "password", "your own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.input["password"] == nil {
				test.input["password"] = password
			}
			r := s.browser().run(createUserMutation, "input", test.input).refused(auth.BadUserInput, test.field)
			if message := r.json.Errors[0].Message; !strings.Contains(message, test.rule) {
				t.Errorf("the message does not tell the rule: %q", message)
			}
		})
	}
	if got := s.admin().run(`{ users { totalCount } }`).ok().get("users.totalCount"); got != "1" {
		t.Errorf("a refused sign-up left a user behind: %s users", got)
	}
}

func TestAnyGoodPasswordIsTakenExactly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i, good := range []string{
		"8 chars!", "all lower case words", "   spaces around   ", "🙂🙃🙂🙃🙂🙃🙂🙃", strings.Repeat("é!", 128),
		strings.Repeat("a", 71) + "b" + strings.Repeat("c", 100),
	} {
		name := fmt.Sprint("user", i)
		s.browser().run(createUserMutation, "input", map[string]any{"username": name, "password": good}).ok()
		s.browser().run(loginMutation, "identifier", name, "password", good).ok()
		runes := []rune(good)
		for _, wrong := range []string{good + " ", strings.TrimSpace(good) + "\u00a0", string(runes[:len(runes)-1]) + "~", strings.ToUpper(good) + "!"} {
			if wrong != good && len([]rune(wrong)) <= 256 {
				s.browser().run(loginMutation, "identifier", name, "password", wrong).refused(auth.InvalidCredentials, "")
			}
		}
	}
}

func TestSignUpCanBeClosed(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.SignupOpen = false })
	s.browser().run(createUserMutation, "input", map[string]any{"username": "ada", "password": password}).
		refused(auth.Forbidden, "")
	if got := s.browser().run(`{ status { signupOpen } }`).ok().get("status.signupOpen"); got != "false" {
		t.Errorf("signupOpen is %s", got)
	}
}

func TestUserAndNodePassTheSameGate(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, eve := s.signUp("ada@example.test"), s.signUp("eve")
	browser := s.browser()
	browser.logIn("ada@example.test")
	own := browser.run(`{ session { id user { id } } }`).ok().get("session.id")
	admin := s.admin()
	foreign := admin.run(`{ session { id } }`).ok().get("session.id")
	role := func() string {
		return admin.run(`{ me { roles { id name permissions } } }`).ok().get("me.roles.0.id")
	}()
	node := `query($id: ID!) { node(id: $id) { __typename id ... on User { email } ... on Session { createdAt } ... on Role { name } } }`

	if r := browser.run(node, "id", ada).ok(); r.get("node.email") != "ada@example.test" {
		t.Errorf("a user must see themselves: %s", r.body)
	}
	if r := browser.run(node, "id", own).ok(); r.get("node.__typename") != "Session" {
		t.Errorf("a user must see their session: %s", r.body)
	}
	for name, id := range map[string]string{"another user": eve, "another's session": foreign, "a role they lack": role,
		"a user of nothing": "usr_" + strings.Repeat("0", 26)} {
		r := browser.run(node, "id", id).refused(auth.NotFound, "")
		if r.get("node") != "null" {
			t.Errorf("%s leaked: %s", name, r.body)
		}
	}
	if r := admin.run(node, "id", eve).ok(); r.get("node.id") != eve {
		t.Errorf("an administrator must see every user: %s", r.body)
	}
	if r := admin.run(node, "id", role).ok(); r.get("node.name") != "admin" {
		t.Errorf("an administrator must see roles: %s", r.body)
	}
	if r := admin.run(node, "id", own).ok(); r.get("node.id") != own {
		t.Errorf("an administrator must see every session: %s", r.body)
	}
	for _, id := range []string{"", "nonsense", "usr_short", "usr_\x00", ada[:28] + "\n\n", ada + "0", "USR_" + ada[4:], strings.Repeat("x", 5000), "xyz_" + ada[4:]} {
		browser.run(node, "id", id).refused(auth.BadUserInput, "id")
	}
	s.browser().run(node, "id", ada).refused(auth.Unauthenticated, "")

	user := `query($id: ID!) { user(id: $id) { id roles { name } } }`
	browser.run(user, "id", ada).refused(auth.Forbidden, "")
	if r := admin.run(user, "id", eve).ok(); r.get("user.id") != eve {
		t.Errorf("an administrator must see every user: %s", r.body)
	}
	admin.run(user, "id", "usr_"+strings.Repeat("0", 26)).refused(auth.NotFound, "")
}
