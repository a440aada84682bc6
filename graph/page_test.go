package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store"
)

// lookingAt lets a page look at so many rows, and sort as many.
func lookingAt(few, look int) func(*auth.Options) {
	return func(o *auth.Options) { o.PageBounds = store.Bounds{Few: few, Look: look} }
}

// TestAShortPageTellsWhereToGoOn reads, from both ends, a list of which a page looks at three rows
// only: those who match are the fifth and the tenth of ten.
func TestAShortPageTellsWhereToGoOn(t *testing.T) {
	t.Parallel()
	s := newServer(t, lookingAt(0, 3))
	admin := s.admin()
	for i := range 9 {
		name := fmt.Sprintf("other%d", i)
		if i == 3 || i == 8 {
			name = fmt.Sprintf("wanted%d", i)
		}
		s.signUp(name)
	}
	filter := map[string]any{"search": "wanted"}
	var pages []string
	for _, test := range []struct {
		size, place, cursor, more, less string
		want                            string
	}{
		{"first", "after", "endCursor", "hasNextPage", "hasPreviousPage", "/wanted3//wanted8"},
		{"last", "before", "startCursor", "hasPreviousPage", "hasNextPage", "wanted8/wanted3//"},
	} {
		pages = nil
		var cursor any
		for range 10 {
			r := admin.run(usersQuery, test.size, 5, test.place, cursor, "filter", filter).ok()
			pages = append(pages, r.list("users.nodes", "username"))
			if got := r.get("users.pageInfo." + test.less); got != fmt.Sprint(cursor != nil) {
				t.Errorf("%s is %s on page %d", test.less, got, len(pages))
			}
			if r.get("users.pageInfo."+test.more) == "false" {
				break
			}
			if cursor = r.get("users.pageInfo." + test.cursor); cursor == "null" {
				t.Fatalf("a page does not tell where to go on: %s", r.body)
			}
		}
		if got := strings.Join(pages, "/"); got != test.want {
			t.Errorf("%s: the pages hold %q, want %q", test.size, got, test.want)
		}
	}

	// From an empty page one can turn round.
	empty := admin.run(usersQuery, "first", 5, "filter", filter).ok()
	back := admin.run(usersQuery, "last", 5, "before", empty.get("users.pageInfo.startCursor"), "filter", filter).ok()
	if back.get("users.pageInfo.hasPreviousPage") != "false" || back.get("users.pageInfo.startCursor") != "null" {
		t.Errorf("before the first page: %s", back.body)
	}
	if got := admin.run(`{ users(filter: {search: "wanted"}) { totalCount } }`).ok().get("users.totalCount"); got != "2" {
		t.Errorf("totalCount is %s", got)
	}
}

func TestAShortPageOfEventsTellsWhereToGoOn(t *testing.T) {
	t.Parallel()
	s := newServer(t, lookingAt(0, 2))
	admin := s.admin()
	id := s.signUp("ada")
	for range 4 {
		s.browser().logIn("ada")
	}
	filter, cursor, kinds := map[string]any{"userId": id, "actorId": id}, any(nil), []string{}
	for {
		r := admin.run(auditLog, "first", 5, "after", cursor, "filter", filter).ok()
		kinds = append(kinds, strings.Fields(r.list("auditLog.nodes", "kind"))...)
		if r.get("auditLog.pageInfo.hasNextPage") == "false" {
			break
		}
		cursor = r.get("auditLog.pageInfo.endCursor")
	}
	if want := []string{"LOGGED_IN", "LOGGED_IN", "LOGGED_IN", "LOGGED_IN", "USER_CREATED"}; !slices.Equal(kinds, want) {
		t.Errorf("the pages hold %v, want %v", kinds, want)
	}
}

func TestTheSchemaTellsTheGreatestCount(t *testing.T) {
	t.Parallel()
	types := graph.Schema().Types
	for name, description := range map[string]string{
		"UserConnection.totalCount":       types["UserConnection"].Fields.ForName("totalCount").Description,
		"AuditEventConnection.totalCount": types["AuditEventConnection"].Fields.ForName("totalCount").Description,
		"Stats":                           types["Stats"].Description,
	} {
		if !strings.Contains(strings.Join(strings.Fields(description), " "), fmt.Sprint(auth.MaxCount)+" stands for too many") {
			t.Errorf("%s does not say what %d means: %s", name, auth.MaxCount, description)
		}
	}
}

func TestThereAreOnlySoManyRoles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	s.exec(`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 998)
		INSERT INTO roles SELECT 'rol_' || i, 'role' || i, '', '', 1, 1 FROM numbers`)
	admin.run(createRole, "name", "thousandth", "permissions", []string{}).ok()
	admin.run(createRole, "name", "another", "permissions", []string{}).refused(auth.BadUserInput, "name")
}
