package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// newTarget returns a database without tables.
func newTarget(t *testing.T, address string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{Connections: storetest.Connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// served returns a database with the user ada that has been served.
func served(t *testing.T, address string) *store.Store {
	t.Helper()
	db := storetest.OpenAt(t, address)
	if _, err := newService(t, db).CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: password}); err != nil {
		t.Fatal(err)
	}
	return db
}

// isUnfinished reports whether a database is refused as an unfinished copy, by each who asks.
func isUnfinished(t *testing.T, db *store.Store) bool {
	t.Helper()
	options := auth.DefaultOptions()
	options.Secret = newSecret(t, strings.Repeat("s", 32))
	service, err := auth.New(t.Context(), db, options)
	if err == nil {
		service.Close()
	}
	unfinished := errors.Is(err, auth.ErrUnfinishedCopy)
	if _, err := auth.HasSecret(t.Context(), db); errors.Is(err, auth.ErrUnfinishedCopy) != unfinished {
		t.Errorf("asked for its secret: %v", err)
	}
	if err := options.Secret.Check(t.Context(), db); errors.Is(err, auth.ErrUnfinishedCopy) != unfinished {
		t.Errorf("compared with a secret: %v", err)
	}
	return unfinished
}

func ignore(string, int, int) {}

func TestACopyIsServedWhenItIsDone(t *testing.T) {
	t.Parallel()
	source, target := served(t, storetest.Address(t)), newTarget(t, storetest.Address(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := auth.Copy(ctx, target, source, func(act string, done, of int) {
		if done > of || of == 0 {
			t.Errorf("%s: %d of %d", act, done, of)
		}
		if act == "copying users" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	if _, err := target.UserByUsername(t.Context(), "ada"); err != nil {
		t.Errorf("it was broken off before it began: %v", err)
	}
	if !isUnfinished(t, target) {
		t.Error("a part of a database is served")
	}
	if _, err := auth.Copy(t.Context(), newTarget(t, storetest.Address(t)), target, ignore); !errors.Is(err, auth.ErrUnfinishedCopy) {
		t.Errorf("a part of a database is copied: %v", err)
	}
	last, left := "", 0
	rows, err := auth.Copy(t.Context(), target, source, func(act string, done, of int) { last, left = act, of-done })
	if err != nil || rows["users"] != 1 || !strings.HasPrefix(last, "comparing ") || left != 0 {
		t.Fatalf("%v, %v; at last %s, with %d rows left", rows, err, last, left)
	}
	if isUnfinished(t, target) {
		t.Error("a whole database is not served")
	}
	if _, err := newService(t, target).Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: password}); err != nil {
		t.Error(err)
	}
}

func TestACopyTakesNoOtherDatabasesPlace(t *testing.T) {
	t.Parallel()
	source := served(t, storetest.Address(t))
	empty := storetest.OpenAt(t, storetest.Address(t)) // but migrated
	if _, err := auth.Copy(t.Context(), empty, source, ignore); err != nil {
		t.Errorf("to a migrated database: %v", err)
	}
	other := served(t, storetest.Address(t))
	begun := newTarget(t, storetest.Address(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, _ = auth.Copy(ctx, begun, other, func(string, int, int) { cancel() })
	one := storetest.OpenAt(t, storetest.Address(t))
	if err := one.InsertUser(t.Context(), &model.User{ID: "usr_1", UsernameFolded: "x"}); err != nil {
		t.Fatal(err)
	}
	bound := storetest.OpenAt(t, storetest.Address(t))
	if err := bound.SetFact(t.Context(), "secret_check", "x"); err != nil {
		t.Fatal(err)
	}
	unused := storetest.OpenAt(t, storetest.Address(t))
	if _, err := auth.Copy(t.Context(), unused, unused, ignore); err == nil || !strings.Contains(err.Error(), "the source itself") {
		t.Errorf("an empty database to itself: %v", err)
	}
	for name, test := range map[string]struct {
		target *store.Store
		want   string
	}{
		"another database":      {other, "holds data already (audit_events: 1, credentials: 1, facts: 1, roles: 1, users: 1"},
		"a finished copy":       {empty, "holds data already"},
		"itself":                {source, "holds data already"},
		"a copy of another":     {begun, "unfinished copy of another"},
		"one row":               {one, "holds data already (users: 1)"},
		"a database's own fact": {bound, "holds data already (facts: 1)"},
	} {
		_, err := auth.Copy(t.Context(), test.target, source, ignore)
		if refusal, ok := errors.AsType[*auth.CopyError](err); !ok || !strings.Contains(refusal.Reason, test.want) {
			t.Errorf("to %s: %v, want %q", name, err, test.want)
		}
	}
	if rows, err := one.RowCounts(t.Context()); err != nil || rows["users"] != 1 || rows["facts"] != 0 {
		t.Errorf("a target that was refused has %v, %v", rows, err)
	}
}

func TestACopyWantsBothAtTheProgramsMigration(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"older": "DELETE FROM migrations WHERE number = (SELECT MAX(number) FROM migrations)",
		"newer": "INSERT INTO migrations VALUES (9999, 'from the future', 0)",
	} {
		address := storetest.Address(t)
		db := storetest.OpenAt(t, address)
		storetest.Exec(t, address, statement)
		if _, err := auth.Copy(t.Context(), newTarget(t, storetest.Address(t)), db, ignore); err == nil || !strings.Contains(err.Error(), "the source cannot be copied: it is at migration") {
			t.Errorf("from an %s one: %v", name, err)
		}
		if _, err := auth.Copy(t.Context(), db, served(t, storetest.Address(t)), ignore); err == nil || !strings.Contains(err.Error(), "nothing can be copied to the target: it is at migration") {
			t.Errorf("to an %s one: %v", name, err)
		}
	}
}

// TestACopyNoticesAWriter writes to the source behind the copy's back: a row in a table that is
// copied already, and one that refers to such a row.
func TestACopyNoticesAWriter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		after   string
		session bool
		want    string
	}{
		{"copying audit_events", false, "(users: 1)"},
		{"copying users", true, "failed to copy the table sessions"},
	} {
		source, target := served(t, storetest.Address(t)), newTarget(t, storetest.Address(t))
		written := false
		_, err := auth.Copy(t.Context(), target, source, func(act string, _, _ int) {
			if act != test.after || written {
				return
			}
			written = true
			if err := source.InsertUser(t.Context(), &model.User{ID: "usr_0late", UsernameFolded: "late"}); err != nil {
				t.Error(err)
			}
			if test.session {
				if err := source.InsertSession(t.Context(), &model.Session{ID: "ses_late", UserID: "usr_0late", TokenHash: []byte("x")}); err != nil {
					t.Error(err)
				}
			}
		})
		refusal, ok := errors.AsType[*auth.CopyError](err)
		if !ok || !strings.Contains(refusal.Reason, test.want) || !strings.Contains(refusal.Reason, "the source changed") {
			t.Errorf("after %s: %v", test.after, err)
		}
		if !isUnfinished(t, target) {
			t.Error("a copy that lacks a row is served")
		}
		if rows, err := auth.Copy(t.Context(), target, source, ignore); err != nil || rows["users"] != 2 {
			t.Errorf("once more: %v, %v", rows, err)
		}
	}
}
