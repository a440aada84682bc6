package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

func user(id, email, username string) *model.User {
	return &model.User{
		ID: id, Email: model.OptionalString(email), EmailFolded: email,
		Username: model.OptionalString(username), UsernameFolded: username, CreatedAt: 1, UpdatedAt: 1,
	}
}

func TestAConflictNamesTheColumn(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	if err := db.InsertUser(t.Context(), user("usr_1", "ada@example.test", "ada")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		user *model.User
		want string
	}{
		{user("usr_1", "eve@example.test", "eve"), "id"},
		{user("usr_2", "ada@example.test", "eve"), "email_folded"},
		{user("usr_2", "eve@example.test", "ada"), "username_folded"},
	} {
		err := db.InsertUser(t.Context(), test.user)
		if conflict, ok := errors.AsType[*store.ConflictError](err); !ok || conflict.Column != test.want {
			t.Errorf("got %v, want a conflict over %s", err, test.want)
		}
	}
	if err := db.InsertUser(t.Context(), user("usr_3", "", "only-a-name")); err != nil {
		t.Errorf("an absent email must not conflict: %v", err)
	}
	if err := db.InsertUser(t.Context(), user("usr_4", "", "another-name")); err != nil {
		t.Errorf("an absent email must not conflict with another: %v", err)
	}
	if err := db.InsertUser(t.Context(), user("usr_5", "", "")); err == nil {
		t.Error("a user without any identifier is kept")
	}
}

func TestAMissingRowIsNotAnOutage(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for name, read := range map[string]func() error{
		"a user by id":        func() error { _, err := db.UserByID(t.Context(), "x"); return err },
		"a user by email":     func() error { _, err := db.UserByEmail(t.Context(), ""); return err },
		"a user by user name": func() error { _, err := db.UserByUsername(t.Context(), ""); return err },
		"a password":          func() error { _, err := db.PasswordByUser(t.Context(), "x"); return err },
		"a session":           func() error { _, err := db.SessionByID(t.Context(), "x"); return err },
		"a session by token":  func() error { _, err := db.AuthorityByTokenHash(t.Context(), []byte("x")); return err },
		"a role":              func() error { _, err := db.RoleByID(t.Context(), "x"); return err },
		"a role by name":      func() error { _, err := db.RoleByName(t.Context(), "x"); return err },
		"a fact":              func() error { _, err := db.Fact(t.Context(), "x"); return err },
	} {
		if err := read(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.UserByID(t.Context(), "x"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("an outage is reported as an absence: %v", err)
	}
	if _, err := db.AuthorityByTokenHash(t.Context(), []byte("x")); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("an outage is reported as an absence: %v", err)
	}
	if err := db.Ready(t.Context()); err == nil {
		t.Error("a closed database is ready")
	}
}

func TestATransactionIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	fault := errors.New("fault")
	err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		if err := tx.InsertUser(ctx, user("usr_1", "", "ada")); err != nil {
			return err
		}
		if _, err := tx.UserByID(ctx, "usr_1"); err != nil {
			t.Errorf("a transaction must read what it wrote: %v", err)
		}
		return fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	if _, err := db.UserByID(t.Context(), "usr_1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a failed transaction left a user: %v", err)
	}
}

func TestTheUnboundStoreIsRefusedInsideATransaction(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		for name, use := range map[string]func() error{
			"a write":              func() error { return db.InsertUser(ctx, user("usr_1", "", "ada")) },
			"a read":               func() error { _, err := db.UserByID(ctx, "usr_1"); return err },
			"a count":              func() error { _, err := db.CountUsers(ctx, store.UserFilter{}); return err },
			"a statement":          func() error { _, err := db.AuthorityByTokenHash(ctx, []byte("x")); return err },
			"a transaction inside": func() error { return db.Tx(ctx, func(context.Context, *store.Store) error { return nil }) },
		} {
			if err := use(); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s by the unbound store: %v", name, err)
			}
		}
		if _, err := tx.AuthorityByTokenHash(ctx, []byte("x")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the bound store must run the statement: %v", err)
		}
		return tx.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
			return tx.InsertUser(ctx, user("usr_2", "", "eve"))
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.UserByID(t.Context(), "usr_2"); err != nil {
		t.Errorf("a transaction inside must join the outer one: %v", err)
	}
}

func TestAWriteOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.InsertUser(ctx, user("usr_1", "", "ada")); err != nil {
		t.Errorf("a write was given up with its caller: %v", err)
	}
	if err := db.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		return tx.InsertUser(ctx, user("usr_2", "", "eve"))
	}); err != nil {
		t.Errorf("a transaction was given up with its caller: %v", err)
	}
}

func TestMigrationsApplyOnce(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	var wg sync.WaitGroup
	applied := make([]int, 10)
	for i := range applied {
		wg.Go(func() {
			db, err := store.Open(t.Context(), address)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			names, err := db.Migrate(t.Context())
			if err != nil {
				t.Error(err)
			}
			applied[i] = len(names)
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range applied {
		total += n
	}
	files, err := os.ReadDir("migrations")
	if err != nil || total != len(files) {
		t.Errorf("ten starts applied %d migrations of %d, %v", total, len(files), err)
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	execSQLite(t, address, "INSERT INTO migrations VALUES (9999, 'from the future', 0)")
	if _, err := db.Migrate(t.Context()); !errors.Is(err, store.ErrNewer) {
		t.Errorf("got %v", err)
	}
	if err := db.Ready(t.Context()); err == nil {
		t.Error("a database that this program does not know is ready")
	}
}

func TestAnUnmigratedDatabaseIsNotReady(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), storetest.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err == nil {
		t.Error("an empty database is ready")
	}
}

func execSQLite(t *testing.T, address, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(address, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyItsOwnerReadsTheDatabase(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	if err := db.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(strings.TrimPrefix(address, "sqlite:") + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file %q: %v, %v", suffix, info.Mode(), err)
		}
	}
}

func TestAMemoryDatabaseIsPrivateAndGoneAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	first, second := storetest.OpenAt(t, "sqlite::memory:"), storetest.OpenAt(t, "sqlite::memory:")
	if err := first.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Fatal(err)
	}
	if _, err := second.UserByID(t.Context(), "usr_1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("two memory databases share a user: %v", err)
	}
	if err := errors.Join(first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "authgraph.db", "sqlite:", "mysql://localhost/x", "postgres://localhost/x"} {
		if err := store.CheckAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := store.Open(t.Context(), bad); err == nil {
			t.Errorf("%q is opened", bad)
		}
	}
	odd := "sqlite:" + t.TempDir() + "/a name?with #odd%20 characters.db"
	db := storetest.OpenAt(t, odd)
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(strings.TrimPrefix(odd, "sqlite:")); err != nil {
		t.Errorf("the file has another name: %v", err)
	}
}

func TestASecretIsReplacedOnlyIfNobodyElseDid(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	if err := db.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Fatal(err)
	}
	credential := &model.Credential{ID: "crd_1", UserID: "usr_1", Kind: model.KindPassword, Secret: "old"}
	if err := db.InsertCredential(t.Context(), credential); err != nil {
		t.Fatal(err)
	}
	second := &model.Credential{ID: "crd_2", UserID: "usr_1", Kind: model.KindPassword, Secret: "x"}
	if _, ok := errors.AsType[*store.ConflictError](db.InsertCredential(t.Context(), second)); !ok {
		t.Error("a user has two passwords")
	}
	for i, want := range []bool{true, false} {
		replaced, err := db.ReplaceCredentialSecret(t.Context(), "crd_1", "old", "new", model.NewTime(time.Now()))
		if err != nil || replaced != want {
			t.Errorf("try %d: %v, %v", i, replaced, err)
		}
	}
}
