package graph_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

const usersQuery = `query Users($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter, $orderBy: UserOrder) {
	users(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
		edges { cursor node { username } }
		nodes { username email }
		pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
	}
}`

// fill signs up ten users besides the administrator; every third has an email address and
// every second a last name.
func (s *server) fill() *client {
	s.t.Helper()
	admin := s.admin()
	for i := range 10 {
		input := map[string]any{"username": fmt.Sprintf("user%d", i), "password": password}
		if i%3 == 0 {
			input["email"] = fmt.Sprintf("mail%d@example.test", 9-i)
		}
		if i%2 == 0 {
			input["lastName"] = fmt.Sprintf("Name%d", i%4)
		}
		s.browser().run(createUserMutation, "input", input).ok()
	}
	return admin
}

func TestUsersArePagedInBothDirections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.fill()
	orders := []any{nil}
	for _, field := range []string{"CREATED_AT", "EMAIL", "USERNAME", "LAST_NAME"} {
		for _, direction := range []string{"ASC", "DESC"} {
			orders = append(orders, map[string]any{"field": field, "direction": direction})
		}
	}
	for _, order := range orders {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			all := strings.Fields(admin.run(usersQuery, "first", 100, "orderBy", order).ok().list("users.nodes", "username"))
			if len(all) != 11 {
				t.Fatalf("want 11 users, got %v", all)
			}
			for _, size := range []int{1, 3, 10, 11} {
				forwards := admin.walk(t, size, false, order)
				backwards := admin.walk(t, size, true, order)
				slices.Reverse(backwards)
				if got := slices.Concat(forwards...); !slices.Equal(got, all) {
					t.Errorf("forwards by %d: got %v, want %v", size, got, all)
				}
				if got := slices.Concat(backwards...); !slices.Equal(got, all) {
					t.Errorf("backwards by %d: got %v, want %v", size, got, all)
				}
			}
		})
	}
}

// walk reads all pages of a size, from either end.
func (c *client) walk(t *testing.T, size int, backwards bool, order any) (pages [][]string) {
	t.Helper()
	count, place, cursorName, more, less := "first", "after", "endCursor", "hasNextPage", "hasPreviousPage"
	if backwards {
		count, place, cursorName, more, less = "last", "before", "startCursor", "hasPreviousPage", "hasNextPage"
	}
	var cursor any
	for {
		r := c.run(usersQuery, count, size, place, cursor, "orderBy", order).ok()
		if got, want := r.get("users.pageInfo."+less), fmt.Sprint(cursor != nil); got != want {
			t.Errorf("%s is %s on page %d", less, got, len(pages))
		}
		pages = append(pages, strings.Fields(r.list("users.edges", "node.username")))
		if r.list("users.edges", "node.username") != r.list("users.nodes", "username") {
			t.Errorf("edges and nodes differ: %s", r.body)
		}
		if r.get("users.pageInfo."+more) == "false" {
			return pages
		}
		cursor = r.get("users.pageInfo." + cursorName)
	}
}

func TestUsersWithoutAValueSortFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.fill()
	by := func(direction string) []string {
		return strings.Fields(admin.run(usersQuery, "orderBy", map[string]any{"field": "EMAIL", "direction": direction}).
			ok().list("users.nodes", "email"))
	}
	want := []string{"<nil>", "<nil>", "<nil>", "<nil>", "<nil>", "<nil>", "admin@example.test",
		"mail0@example.test", "mail3@example.test", "mail6@example.test", "mail9@example.test"}
	if got := by("ASC"); !slices.Equal(got, want) {
		t.Errorf("ascending: %v", got)
	}
	slices.Reverse(want)
	if got := by("DESC"); !slices.Equal(got, want) {
		t.Errorf("descending: %v", got)
	}
}

func TestAPageStaysInPlaceWhileUsersCome(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.fill()
	order := map[string]any{"field": "USERNAME"}
	first := admin.run(usersQuery, "first", 5, "orderBy", order).ok()
	s.signUp("a-newcomer")
	second := admin.run(usersQuery, "first", 3, "after", first.get("users.pageInfo.endCursor"), "orderBy", order).ok()
	if got := second.list("users.nodes", "username"); got != "user4 user5 user6" {
		t.Errorf("the second page holds %s", got)
	}
}

func TestUsersAreFiltered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	for _, input := range []map[string]any{
		{"username": "ada", "firstName": "Augusta", "lastName": "King"},
		{"email": "Charles@Example.test", "firstName": "Adam"},
		{"username": "Ädelheid"},
		{"username": "percent", "firstName": "100%_done"},
		{"username": "eve"},
	} {
		input["password"] = password
		s.browser().run(createUserMutation, "input", input).ok()
	}
	s.disable(admin.run(`{ users(filter: {search: "eve"}) { nodes { id } } }`).ok().get("users.nodes.0.id"))
	for _, test := range []struct {
		filter map[string]any
		want   string
	}{
		{map[string]any{"search": "ad"}, "<nil> ada <nil>"}, // the administrator, Ada and Adam
		{map[string]any{"search": "ADA"}, "ada <nil>"},
		{map[string]any{"search": "ＡＤＡ"}, "ada <nil>"},
		{map[string]any{"search": "charles@example"}, "<nil>"},
		{map[string]any{"search": "king"}, "ada"},
		{map[string]any{"search": "äd"}, "Ädelheid"},
		{map[string]any{"search": "Charles@EXAMPLE.test"}, "<nil>"},
		{map[string]any{"search": "100%_"}, "percent"},
		{map[string]any{"search": "%"}, ""},
		{map[string]any{"search": "' OR ''='"}, ""},
		{map[string]any{"role": "admin"}, "<nil>"},
		{map[string]any{"role": "nobody"}, ""},
		{map[string]any{"active": false}, "eve"},
		{map[string]any{"active": true, "search": "e"}, ""},
		{map[string]any{"search": nil, "role": nil, "active": nil}, "<nil> ada <nil> Ädelheid percent eve"},
	} {
		r := admin.run(usersQuery, "filter", test.filter).ok()
		if got := r.list("users.nodes", "username"); got != test.want {
			t.Errorf("%v: got %q, want %q", test.filter, got, test.want)
		}
		count := admin.run(`query($filter: UserFilter) { users(filter: $filter, first: 1) { totalCount } }`, "filter", test.filter).ok()
		if got := count.get("users.totalCount"); got != fmt.Sprint(len(strings.Fields(test.want))) {
			t.Errorf("%v: totalCount is %s", test.filter, got)
		}
	}
	for field, value := range map[string]string{"search": "a\x00", "role": strings.Repeat("x", 101)} {
		admin.run(usersQuery, "filter", map[string]any{field: value}).refused(auth.BadUserInput, field)
	}
}

func TestUsersRefusesBadPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.fill()
	page := admin.run(usersQuery, "first", 2).ok()
	cursor := page.get("users.pageInfo.startCursor")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		t.Fatal(err)
	}
	forged := func(change func([]byte) []byte) string {
		return base64.RawURLEncoding.EncodeToString(change(slices.Clone(raw)))
	}
	for _, test := range []struct {
		field     string
		variables []any
	}{
		{"first", []any{"first", 0}},
		{"first", []any{"first", -1}},
		{"first", []any{"first", 101}},
		{"last", []any{"last", 0}},
		{"last", []any{"last", 101}},
		{"last", []any{"first", 1, "last", 1}},
		{"before", []any{"before", cursor}},
		{"before", []any{"first", 1, "before", cursor}},
		{"after", []any{"last", 1, "after", cursor}},
		{"after", []any{"after", ""}},
		{"after", []any{"after", "1"}},
		{"after", []any{"after", cursor + "A"}},
		{"after", []any{"after", cursor + "\n"}},
		{"after", []any{"after", cursor[:len(cursor)-2]}},
		{"after", []any{"after", forged(func(b []byte) []byte { b[len(b)-3] ^= 1; return b })}},
		{"after", []any{"after", forged(func(b []byte) []byte { b[0] ^= 1; return b })}},
		{"after", []any{"after", forged(func(b []byte) []byte { return b[16:] })}},
		{"after", []any{"after", cursor, "orderBy", map[string]any{"field": "EMAIL"}}},
		{"before", []any{"last", 1, "before", "x' OR 1=1 --"}},
	} {
		admin.run(usersQuery, test.variables...).refused(auth.BadUserInput, test.field)
	}
	admin.run(`{ users(first: 3000000000) { nodes { id } } }`).refused(auth.BadUserInput, "first")
	admin.run(usersQuery, "first", 100).ok()
}

func TestUsersIsForHoldersOfThePermission(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	browser := s.browser()
	browser.logIn("ada")
	if r := browser.run(`{ users { nodes { email } totalCount } me { username } }`).refused(auth.Forbidden, ""); r.get("users") != "null" || r.get("me.username") != "ada" {
		t.Errorf("want users refused and me answered: %s", r.body)
	}
	s.browser().run(`{ users { totalCount } }`).refused(auth.Unauthenticated, "")
}

func TestAPageOfUsersShowsTheirRoles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.fill()
	r := admin.run(`{ users { nodes { username roles { name permissions } } } }`).ok()
	if r.get("users.nodes.0.roles.0.name") != "admin" || r.get("users.nodes.0.roles.0.permissions.0") != "audit:read" || r.get("users.nodes.1.roles") != "[]" {
		t.Errorf("want each user's own roles: %s", r.body)
	}
}
