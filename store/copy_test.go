package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// catalogue returns the columns of every table, as the database has them.
func catalogue(t *testing.T, address string) map[string][]string {
	t.Helper()
	query := "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
	if store.File(address) == "" {
		query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
	}
	rows, err := storetest.SQL(t, address).QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		columns[table] = append(columns[table], column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return columns
}

// TestACopyKnowsEveryTable fails when a migration adds a table or a column that is not copied.
func TestACopyKnowsEveryTable(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	_, copied := storetest.OpenAt(t, address).CopiedColumns()
	for table, want := range catalogue(t, address) {
		if table == "migrations" {
			continue
		}
		got := copied[table]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("of the table %s the columns %v are copied; it has %v", table, got, want)
		}
		delete(copied, table)
	}
	for table := range copied {
		t.Errorf("the table %s is copied and not there", table)
	}
}

func TestACopyKnowsWhatRefersToWhat(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	address := storetest.Address(t)
	order, _ := storetest.OpenAt(t, address).CopiedColumns()
	rows, err := storetest.SQL(t, address).QueryContext(t.Context(),
		`SELECT m.name, f."table" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var table, referred string
		if err := rows.Scan(&table, &referred); err != nil {
			t.Fatal(err)
		}
		if found++; slices.Index(order, table) < slices.Index(order, referred) {
			t.Errorf("%s is copied before %s, to which it refers", table, referred)
		}
	}
	if err := rows.Err(); err != nil || found == 0 {
		t.Errorf("%d references, %v", found, err)
	}
}

// dump returns the rows of every table but migrations, as the driver reads them.
func dump(t *testing.T, address string) map[string][]string {
	t.Helper()
	db := storetest.SQL(t, address)
	content := map[string][]string{}
	for table, columns := range catalogue(t, address) {
		if table == "migrations" {
			continue
		}
		slices.Sort(columns)
		rows, err := db.QueryContext(t.Context(), "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, fields := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				fields[i] = &values[i]
			}
			if err := rows.Scan(fields...); err != nil {
				t.Fatal(err)
			}
			line := ""
			for i, value := range values {
				switch yes, isBool := value.(bool); { // SQLite has numbers
				case isBool && yes:
					value = int64(1)
				case isBool:
					value = int64(0)
				}
				line += fmt.Sprintf("%s=%T(%q) ", columns[i], value, fmt.Sprint(value))
			}
			content[table] = append(content[table], line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		slices.Sort(content[table])
	}
	return content
}

// holdCopy holds a database to having the same rows as another.
func holdCopy(t *testing.T, target, source string) {
	t.Helper()
	got, want := dump(t, target), dump(t, source)
	for table := range want {
		if len(got[table]) != len(want[table]) {
			t.Errorf("%s has %d rows, want %d", table, len(got[table]), len(want[table]))
		} else if !reflect.DeepEqual(got[table], want[table]) {
			for i, line := range want[table] {
				if got[table][i] != line {
					t.Errorf("%s: got  %s\nwant %s", table, got[table][i], line)
					break
				}
			}
		}
	}
}

// manyRows is more than are copied at once, so that the last of one page is found again.
const manyRows = store.RowsAtOnce + 1

// fill puts rows into every table: with values and without, and so many that they take pages, of
// each kind of key.
func fill(t *testing.T, db *store.Store) {
	t.Helper()
	users := []*model.User{{
		ID: "usr_full", Email: "Ada@example.test", EmailFolded: "ada@example.test", Username: "Ada", UsernameFolded: "ada",
		FirstName: "O'Brien \\ \" ?", FirstNameFolded: "o'brien", LastName: "Žižek 🙂", LastNameFolded: "žižek", Locale: "en",
		DisabledAt: 1, ConfirmedAt: 2, CreatedAt: 3, UpdatedAt: 4,
		LastLoginAt: 5, LastLoginAddress: "::1", CurrentLoginAt: 6, CurrentLoginAddress: "192.0.2.1", LoginCount: 7,
	}}
	var grants []*model.UserRole
	var sessions []*model.Session
	var superseded []*model.SupersededToken
	events := []*model.AuditEvent{{
		ID: "evt_full", Kind: model.AuditUserCreated, At: 1, ActorID: "a", UserID: "b", SessionID: "c",
		SubjectID: "d", Address: "e", UserAgent: "f", RequestID: "g", Detail: "h", Occurrences: 1,
	}}
	for n := range manyRows {
		id := fmt.Sprintf("usr_%04d", n)
		users = append(users, user(id, "", id))
		grants = append(grants, &model.UserRole{UserID: id, RoleID: "rol_1", GrantedAt: 1}, &model.UserRole{UserID: id, RoleID: "rol_2", GrantedAt: 2})
		// Keys of all bytes, longer and shorter ones, so that their order matters.
		hash := append(bytes.Repeat([]byte{byte(n)}, 1+n%3), byte(n>>8), byte(n))
		session := &model.Session{ID: fmt.Sprintf("ses_%04d", n), UserID: fmt.Sprintf("usr_%04d", n%40), TokenHash: hash,
			Persistent: n%2 == 0, Unconfirmed: n%3 == 0, UserAgent: "a\tb", CreatedAt: 1, AuthenticatedAt: 2, LastSeenAt: 3, CookieIssuedAt: 4}
		if n%2 == 0 {
			session.ExpiresAt, session.Address = 5, "192.0.2.1"
		}
		sessions = append(sessions, session)
		token := &model.SupersededToken{TokenHash: hash, SessionID: session.ID, Nonce: []byte{0, 255}[:n%3], SupersededAt: 1}
		if n%2 == 0 {
			token.SuccessorUsedAt = 2
		}
		superseded = append(superseded, token)
		events = append(events, &model.AuditEvent{ID: fmt.Sprintf("evt_%04d", n), Kind: model.AuditLoggedIn, At: model.Time(n), Occurrences: n})
	}
	var throttles []*model.Throttle
	for n, key := range []string{"a", "B", "é", "\U0001F642", "Z", "_", "\uFFFD"} { // which locales order in their own ways
		throttles = append(throttles, &model.Throttle{Key: key, Attempts: n, BlockedUntil: 1, ForgottenAt: 2})
	}
	for _, rows := range []any{
		&users,
		&[]*model.Role{
			{ID: "rol_1", Name: "editor", Permissions: model.Permissions{"a:b", "c:d"}, CreatedAt: 1, UpdatedAt: 2},
			{ID: "rol_2", Name: "reader", CreatedAt: 1, UpdatedAt: 2},
		},
		&grants,
		&[]*model.Credential{{ID: "crd_1", UserID: "usr_full", Kind: model.KindPassword, Secret: "x", CreatedAt: 1, UpdatedAt: 2}},
		&sessions, &superseded,
		&[]*model.APIToken{
			{ID: "tok_1", UserID: "usr_full", Name: "x", TokenHash: []byte{1}, CreatedAt: 1},
			{ID: "tok_2", UserID: "usr_full", Name: "y", TokenHash: []byte{2}, Scopes: model.Permissions{"a:b"}, CreatedAt: 1, ExpiresAt: 2, LastUsedAt: 3},
		},
		&[]*model.PasswordCode{{UserID: "usr_full", CodeHash: []byte{3}, CreatedAt: 1, ExpiresAt: 2}},
		&[]*model.SigningKey{{ID: "key_1", Algorithm: "ES256", PublicJWK: "{}", Sealed: []byte("sealed\x00'"), CreatedAt: 1}},
		&events, &throttles,
	} {
		if err := db.Insert(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.SetFact(t.Context(), "one", "1"), db.SetFact(t.Context(), "two", "")); err != nil {
		t.Fatal(err)
	}
}

// eachDirection runs a test for each two kinds of database.
func eachDirection(t *testing.T, test func(t *testing.T, target, source string)) {
	storetest.SQLite(t) // and PostgreSQL, once
	sqlite := func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }
	for name, make := range map[string][2]func(testing.TB) string{
		"SQLite to SQLite":         {sqlite, sqlite},
		"SQLite to PostgreSQL":     {storetest.Postgres, sqlite},
		"PostgreSQL to SQLite":     {sqlite, storetest.Postgres},
		"PostgreSQL to PostgreSQL": {storetest.Postgres, storetest.Postgres},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, make[0](t), make[1](t))
		})
	}
}

// begin marks the target of a copy.
func begin(t *testing.T, target *store.Store) {
	t.Helper()
	if err := target.SetFact(t.Context(), store.FactUnfinishedCopy, "x"); err != nil {
		t.Fatal(err)
	}
}

// noProgress takes what is told of a copy.
func noProgress(string, int) {}

func TestACopyHasEveryValue(t *testing.T) {
	eachDirection(t, func(t *testing.T, target, source string) {
		from, to := storetest.OpenAt(t, source), storetest.OpenAt(t, target)
		fill(t, from)
		rows := map[string]int{}
		begin(t, to)
		if err := to.CopyRows(t.Context(), from, func(table string, n int) { rows[table] += n }); err != nil {
			t.Fatal(err)
		}
		counts, err := from.RowCounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for table, n := range counts {
			if n == 0 || rows[table] != n && table != "facts" {
				t.Errorf("of the %d rows of %s %d are told of", n, table, rows[table])
			}
		}
		if got, err := to.RowCounts(t.Context()); err != nil || got["facts"] != 1 {
			t.Errorf("facts came with the rows: %v, %v", got, err)
		}
		same, different, err := to.CompareRows(t.Context(), from, noProgress)
		if err != nil || len(different) > 0 || same["users"] != manyRows+1 {
			t.Errorf("the same are %v, different %v, %v", same, different, err)
		}
		if err := to.CopyFacts(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		holdCopy(t, target, source)
	})
}

// TestACopyGoesOn breaks a copy off in every table, changes the source, and goes on.
func TestACopyGoesOn(t *testing.T) {
	eachDirection(t, func(t *testing.T, target, source string) {
		from, to := storetest.OpenAt(t, source), storetest.OpenAt(t, target)
		fill(t, from)
		begin(t, to)
		broken := 0
		for _, table := range []string{"users", "user_roles", "sessions", "superseded_tokens", "audit_events", ""} {
			ctx, cancel := context.WithCancel(t.Context())
			err := to.CopyRows(ctx, from, func(at string, _ int) {
				if at == table {
					cancel()
				}
			})
			cancel()
			if errors.Is(err, context.Canceled) {
				broken++
			} else if err != nil || table != "" {
				t.Fatalf("broken off in %s: %v", table, err)
			}
		}
		if broken != 5 {
			t.Errorf("the copy was broken off %d times", broken)
		}
		// Gone with all that is theirs; with each other's name; changed, and new between old ones.
		if _, err := from.DeleteUser(t.Context(), "usr_0000"); err != nil {
			t.Fatal(err)
		}
		for _, change := range [][2]string{{"usr_0001", "x"}, {"usr_0999", "usr_0001"}, {"usr_0001", "usr_0999"}} {
			if err := from.UpdateUser(t.Context(), user(change[0], "", change[1])); err != nil {
				t.Fatal(err)
			}
		}
		if err := from.InsertUser(t.Context(), user("usr_0500a", "", "between")); err != nil {
			t.Fatal(err)
		}
		if same, different, err := to.CompareRows(t.Context(), from, noProgress); err != nil || different["users"] == 0 || same["audit_events"] != manyRows+1 {
			t.Errorf("the same are %v, different %v, %v", same, different, err)
		}
		if err := errors.Join(to.CopyRows(t.Context(), from, noProgress), to.CopyFacts(t.Context(), from)); err != nil {
			t.Fatal(err)
		}
		holdCopy(t, target, source)
	})
}

// TestAFinishedCopyIsNotCopiedTo has two copies at once, of which one is done, and a user who came
// since: the other must not take them for a row that the source has lost.
func TestAFinishedCopyIsNotCopiedTo(t *testing.T) {
	t.Parallel()
	from, to := storetest.OpenAt(t, storetest.Address(t)), storetest.OpenAt(t, storetest.Address(t))
	for _, name := range []string{"ada", "eve"} {
		if err := from.InsertUser(t.Context(), user("usr_"+name, "", name)); err != nil {
			t.Fatal(err)
		}
	}
	begin(t, to)
	if err := errors.Join(to.CopyRows(t.Context(), from, noProgress), to.CopyFacts(t.Context(), from)); err != nil {
		t.Fatal(err)
	}
	if _, err := to.DeleteUser(t.Context(), "usr_eve"); err != nil {
		t.Fatal(err)
	}
	if err := to.CopyRows(t.Context(), from, noProgress); err == nil {
		t.Error("a user who was deleted since comes back")
	}
	if err := to.InsertUser(t.Context(), user("usr_new", "", "new")); err != nil {
		t.Fatal(err)
	}
	if err := to.CopyRows(t.Context(), from, noProgress); err == nil {
		t.Error("a user who came since is removed")
	}
	if err := to.CopyFacts(t.Context(), from); err == nil {
		t.Error("the facts are copied once more")
	}
	if _, err := to.UserByID(t.Context(), "usr_new"); err != nil {
		t.Error(err)
	}
}
