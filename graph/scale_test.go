package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store/storetest"
)

// A large server has so many users; a small one has a hundredth of it.
const (
	largeServer = 100_000
	smallServer = 1_000
)

// mostTimes is how many times as long a request may take on the large server: three times, and a
// third more for what other programs do meanwhile.
const mostTimes = 4

// TestEveryRequestCostsAboutTheSameAtAnySize asks all that the schema lets anyone ask of a small
// and of a large server, in turn, and compares the times. The lists' filters and orders come from
// the schema, so that a new field, filter or order cannot be forgotten.
//
// Not compared are counts, which are bounded by a number, and what is done to all holders of a
// role.
func TestEveryRequestCostsAboutTheSameAtAnySize(t *testing.T) { // not parallel: it measures times
	if testing.Short() || raceFactor > 1 {
		t.Skip("skipped: it fills a database with a hundred thousand users")
	}
	small, large := newScaled(t, smallServer), newScaled(t, largeServer)
	requests := everyRequest(t)
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		var ratio float64
		var a, b time.Duration
		for _, times := range []int{1, 5, 25} { // other programs run on this machine, too
			if ratio, a, b = compare(small, large, requests[name], times); ratio <= mostTimes {
				break
			}
		}
		if ratio > mostTimes {
			t.Errorf("%s takes %v with %d users and %v with %d: %.1f times as long", name, a, smallServer, b, largeServer, ratio)
		}
	}
}

// TestEveryFieldIsMeasured fails where a field is forgotten, also where nothing is measured.
func TestEveryFieldIsMeasured(t *testing.T) {
	t.Parallel()
	everyRequest(t)
}

// request prepares a request, of which no two of a server are the same, and returns what is
// measured.
type request func(s *scaled) (ask func() *reply)

// compare makes requests of both servers in turn and returns how many times as long the fastest of
// the large one took.
func compare(small, large *scaled, request request, times int) (ratio float64, a, b time.Duration) {
	a, b = time.Hour, time.Hour
	for range times {
		a, b = min(a, small.time(request)), min(b, large.time(request))
	}
	return float64(b) / float64(a), a, b
}

// scaled is a server with many users.
type scaled struct {
	*server
	size   int
	admin  *client
	places map[string]string // the cursor of the middle of each list

	runs, next, addresses int // so that no two requests are the same
}

func (s *scaled) time(request request) time.Duration {
	s.runs++
	s.wait(10 * time.Second) // a process takes only so many passwords a second
	ask := request(s)
	begin := time.Now()
	r := ask()
	took := time.Since(begin)
	r.ok()
	return took
}

// newScaled starts a server with so many users.
func newScaled(t *testing.T, size int) *scaled {
	t.Helper()
	s := &scaled{size: size, next: 200, places: map[string]string{}, server: newServer(t, behindProxy, func(o *auth.Options) {
		o.SessionDuration, o.MaxSessions, o.FreshDuration = 0, 0, 1000*time.Hour
	})}
	s.signUp("pattern")
	s.fill()
	s.admin = s.server.admin()
	for _, order := range userOrders(graph.Schema()) {
		one := fmt.Sprintf(`{ users(filter: {search: "mail%d@"}, orderBy: %s) { edges { cursor } } }`, size/2+1, order)
		s.places[order] = s.admin.run(one).ok().get("users.edges.0.cursor")
	}
	s.places["when"] = time.UnixMicro(firstEvent + int64(size/2)*1000).UTC().Format(time.RFC3339Nano)
	one := fmt.Sprintf(`{ auditLog(first: 1, filter: {until: %q}) { edges { cursor } } }`, s.places["when"])
	s.places["audit"] = s.admin.run(one).ok().get("auditLog.edges.0.cursor")
	return s
}

const firstEvent = 1_700_000_000_000_000 // microseconds

// scaledID is the id of the n-th row of a kind.
func scaledID(prefix string, n int) string { return fmt.Sprintf("%s%026d", prefix, n) }

// fill adds users, and with them all that a server keeps. It is meant to be hard on the server:
// names stand in no order; some beginnings and roles are common to many users, some to hundreds
// and some to few; few users are disabled; one user has very many sessions, one session very many
// old tokens, and one user a third of all events. User 0 to 9 have something special.
func (s *scaled) fill() {
	s.t.Helper()
	id := func(prefix, n string) string {
		return "'" + prefix + "0000000000000000' || substr(CAST(10000000000 + (" + n + ") AS TEXT), 2)"
	}
	numbers := func(times string) string {
		return `WITH RECURSIVE numbers(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < SIZE ` + times + `)`
	}
	statements := []string{
		numbers("") + ` INSERT INTO users (id, email, email_folded, username, username_folded, first_name, first_name_folded,
				last_name, last_name_folded, disabled_at, created_at, updated_at)
			SELECT id, NULLIF(email, ''), email, NULLIF(username, ''), username, 'Anna', 'anna' || (i % 97), 'Last', 'last' || (i * 31 % 1009),
				CASE WHEN i % 200 = 107 THEN 1 END, 1600000000000000 + i * 1000000, 1600000000000000
			FROM (SELECT i, ` + id("usr_", "i") + ` AS id,
				CASE WHEN i % 5 <> 0 OR i < 10 THEN 'mail' || (i * 7919 % SIZE) || '@example.test' ELSE '' END AS email,
				CASE WHEN i % 1000 = 12 THEN 'rare' || i WHEN i % 400 = 13 THEN 'seldom' || i WHEN i % 100 = 14 THEN 'some' || i
					WHEN i % 5 <> 1 THEN 'user' || (i * 104729 % SIZE) ELSE '' END AS username FROM numbers) AS made`,
		`INSERT INTO credentials SELECT 'crd_' || substr(id, 5), id, 'password', (SELECT secret FROM credentials), 1, 1 FROM users WHERE username <> 'pattern' OR username IS NULL`,
		`INSERT INTO roles SELECT ` + id("rol_", "n") + `, name, '', permissions, 1, 1 FROM (SELECT 1 AS n, 'common' AS name, '' AS permissions
			UNION ALL SELECT 2, 'some', 'users:read' UNION ALL SELECT 3, 'seldom', 'users:read' UNION ALL SELECT 4, 'rare', 'users:read') AS made`,
		numbers("") + ` INSERT INTO user_roles SELECT ` + id("usr_", "i") + `, ` + id("rol_", "n") + `, 1 FROM (
			SELECT i, 1 AS n FROM numbers WHERE i % 2 = 0 UNION ALL SELECT i, 2 FROM numbers WHERE i % 100 = 15
			UNION ALL SELECT i, 3 FROM numbers WHERE i % 400 = 17 UNION ALL SELECT i, 4 FROM numbers WHERE i IN (15, 17 + SIZE / 2, SIZE - 5)) AS made`,
		numbers("* 11 / 10") + ` INSERT INTO sessions (id, user_id, token_hash, persistent, user_agent, address, created_at, authenticated_at, cookie_issued_at, last_seen_at)
			SELECT ` + id("ses_", "i") + `, ` + id("usr_", "CASE WHEN i < SIZE THEN i ELSE 1 END") + `, CAST('session ' || i AS BLOB), FALSE, 'a program', '127.0.0.1',
				1600000000000000 + i, 1600000000000000, 1600000000000000, 1600000000000000 FROM numbers`,
		numbers("* 11 / 10") + ` INSERT INTO superseded_tokens (token_hash, session_id, nonce, superseded_at, successor_used_at)
			SELECT CAST('superseded ' || i AS BLOB), ` + id("ses_", "CASE WHEN i < SIZE THEN i ELSE 2 END") + `, CAST('nonce' AS BLOB), 1600000000000000, 4000000000000000 FROM numbers`,
		numbers("") + ` INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, created_at)
			SELECT ` + id("tok_", "i") + `, ` + id("usr_", "CASE WHEN i < 110 THEN 3 ELSE i END") + `, 'a program', CAST('token ' || i AS BLOB),
				CASE WHEN i % 2 = 0 THEN 'users:read' ELSE '' END, 1600000000000000 FROM numbers WHERE i >= 10`,
		numbers("") + ` INSERT INTO audit_events (id, kind, at, user_id, actor_id)
			SELECT ` + id("evt_", "i") + `, CASE WHEN i % 300 = 1 THEN 'USER_DELETED' WHEN i % 2 = 0 THEN 'LOGGED_IN' ELSE 'LOGIN_FAILED' END,
				1700000000000000 + i * 1000, ` + id("usr_", "CASE WHEN i % 3 = 0 THEN 4 ELSE i % SIZE END") + `, ` + id("usr_", "CASE WHEN i % 2 = 0 THEN 5 ELSE i % SIZE END") + ` FROM numbers`,
		numbers("") + ` INSERT INTO throttles SELECT 'account ' || i, 1, 0, 4000000000000000 FROM numbers`,
		numbers("/ 10") + ` INSERT INTO password_codes SELECT ` + id("usr_", "i + 20") + `, CAST('code ' || i AS BLOB), 1, 4000000000000000 FROM numbers`,
	}
	before, after, bytes := []string{"PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000"}, []string{}, "BLOB"
	if storetest.OnPostgres() {
		before, after, bytes = nil, []string{"ANALYZE"}, "BYTEA"
	}
	db := storetest.SQL(s.t, s.address)
	for _, statement := range slices.Concat(before, statements, after) {
		statement = strings.NewReplacer("SIZE", fmt.Sprint(s.size), "AS BLOB", "AS "+bytes).Replace(statement)
		if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// everyRequest returns the requests that are compared, by name: that of the field and more. It
// fails the test where the schema has a field of Query or Mutation that none of them asks for.
func everyRequest(t *testing.T) map[string]request {
	t.Helper()
	schema := graph.Schema()
	requests := changes()
	for name, query := range queries(t, schema) {
		requests[name] = func(s *scaled) func() *reply {
			text := s.fillIn(query)
			return func() *reply { return s.admin.run(text) }
		}
	}
	asked := map[string]bool{"stats": true} // it counts
	for name := range requests {
		field, _, _ := strings.Cut(name, " ")
		asked[field] = true
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		for _, field := range root.Fields {
			if !asked[field.Name] && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("%s.%s is not measured", root.Name, field.Name)
			}
		}
	}
	return requests
}

// fillIn replaces what stands in angle brackets for something of this server: the cursor of the
// middle of a list, or when the event in the middle happened.
func (s *scaled) fillIn(query string) string {
	for place, cursor := range s.places {
		query = strings.ReplaceAll(query, "<"+place+">", strconv.Quote(cursor))
	}
	return query
}

// queries returns everything that can be read.
func queries(t *testing.T, schema *ast.Schema) map[string]string {
	t.Helper()
	everything := selections(schema.Types["User"])
	ask := func(field, prefix string, n int, selection string) string {
		return fmt.Sprintf(`{ %s(id: %q) { ... on User { %s } } }`, field, scaledID(prefix, n), selection)
	}
	queries := map[string]string{
		"status":                              `{ status { signupOpen } }`,
		"me":                                  `{ me { id email } }`,
		"me with everything":                  `{ me { ` + everything + ` } }`,
		"session":                             `{ session { id user { id } } }`,
		"roles":                               `{ roles { id name permissions } }`,
		"user with everything":                ask("user", "usr_", 33, everything),
		"users with everything":               `{ users(first: 20) { nodes { ` + everything + ` } } }`,
		"node that is a user":                 ask("node", "usr_", 33, "email"),
		"node that is a session":              ask("node", "ses_", 33, "email"),
		"node that is an API token":           ask("node", "tok_", 33, "email"),
		"node that is a role":                 ask("node", "rol_", 4, "email"),
		"node with many sessions":             ask("node", "usr_", 1, "sessions { id }"),
		"node with many API tokens":           ask("node", "usr_", 3, "apiTokens { id }"),
		"node with many events":               ask("node", "usr_", 4, "securityEvents(first: 20) { nodes { id } }"),
		"node with many events, the first":    ask("node", "usr_", 4, "securityEvents(last: 20) { nodes { id } }"),
		"node with many events, in the midst": ask("node", "usr_", 4, "securityEvents(first: 20, after: <audit>) { nodes { id } }"),
	}
	for _, order := range userOrders(schema) {
		connection(t, queries, schema, "users", order, map[string][]string{
			"search": {`"rare"`, `"seldom"`, `"some"`, `"user"`},
			"role":   {`"rare"`, `"some"`, `"common"`},
			"active": {"true", "false"},
		})
	}
	connection(t, queries, schema, "auditLog", "", map[string][]string{
		"kind":    {"USER_DELETED", "LOGGED_IN"},
		"userId":  {strconv.Quote(scaledID("usr_", 4)), strconv.Quote(scaledID("usr_", 33))},
		"actorId": {strconv.Quote(scaledID("usr_", 5)), strconv.Quote(scaledID("usr_", 33))},
		"since":   {"<when>"},
		"until":   {"<when>"},
	})
	return queries
}

// selections selects all fields of a type, and of what they lead to the ids.
func selections(definition *ast.Definition) string {
	var fields []string
	for _, field := range definition.Fields {
		switch schemaType := graph.Schema().Types[field.Type.Name()]; {
		case field.Arguments.ForName("permission") != nil:
			fields = append(fields, field.Name+`(permission: "users:read")`)
		case field.Arguments.ForName("first") != nil:
			fields = append(fields, field.Name+`(first: 5) { nodes { id } }`)
		case schemaType.IsCompositeType():
			fields = append(fields, field.Name+` { id }`)
		default:
			fields = append(fields, field.Name)
		}
	}
	return strings.Join(fields, " ")
}

// userOrders returns every order of users.
func userOrders(schema *ast.Schema) (orders []string) {
	for _, field := range schema.Types["UserOrderField"].EnumValues {
		for _, direction := range schema.Types["OrderDirection"].EnumValues {
			orders = append(orders, "{field: "+field.Name+", direction: "+direction.Name+"}")
		}
	}
	return orders
}

// connection adds the queries of a list in one order: with every combination of the values for its
// filter, or without one, and at the beginning, in the midst and at the end, forwards and backwards.
func connection(t *testing.T, queries map[string]string, schema *ast.Schema, name, order string, values map[string][]string) {
	t.Helper()
	field := schema.Query.Fields.ForName(name)
	for _, argument := range field.Arguments {
		if !slices.Contains([]string{"first", "after", "last", "before", "filter", "orderBy"}, argument.Name) {
			t.Errorf("%s has an argument %s that is not measured", name, argument.Name)
		}
	}
	filters := []string{""}
	for _, input := range schema.Types[field.Arguments.ForName("filter").Type.Name()].Fields {
		if values[input.Name] == nil {
			t.Errorf("%s has a filter %s that is not measured", name, input.Name)
		}
		for _, filter := range slices.Clone(filters) {
			for _, value := range values[input.Name] {
				filters = append(filters, filter+input.Name+": "+value+" ")
			}
		}
	}
	by, place := "", "audit"
	if order != "" {
		by, place = ", orderBy: "+order, order
	}
	for _, filter := range filters {
		for at, page := range map[string]string{
			"at the beginning": "first: 20", "in the midst": "first: 20, after: <" + place + ">",
			"in the midst, backwards": "last: 20, before: <" + place + ">",
		} {
			queries[fmt.Sprintf("%s %s{%s} %s", name, order, filter, at)] =
				fmt.Sprintf(`{ %s(%s, filter: {%s}%s) { nodes { id } pageInfo { hasNextPage endCursor } } }`, name, page, filter, by)
		}
	}
}
