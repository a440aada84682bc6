package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// TestMain runs the tests on each kind of database.
func TestMain(m *testing.M) { os.Exit(storetest.Rounds(m).Run()) }

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
			"a count":              func() error { _, err := db.CountUsers(ctx, store.UserFilter{}, 1); return err },
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

func TestOnlyItsOwnerReadsTheDatabase(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	if err := db.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(store.File(address) + suffix)
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
	for _, bad := range []string{"", "authgraph.db", "sqlite:", "mysql://localhost/x", "postgres://localhost:x/y"} {
		if err := store.CheckAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := store.Open(t.Context(), bad, store.Options{}); err == nil {
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

// TestTransactionsBehaveAsIfOneByOne holds the rule on which all others are built: what a
// transaction has read is still so when it commits.
func TestTransactionsBehaveAsIfOneByOne(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
				count, err := tx.CountUsers(ctx, store.UserFilter{}, 100)
				if err != nil || count > 0 {
					return err
				}
				return tx.InsertUser(ctx, user(fmt.Sprint("usr_", i), "", fmt.Sprint("user", i)))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if count, err := db.CountUsers(t.Context(), store.UserFilter{}, 100); err != nil || count != 1 {
		t.Errorf("%d transactions found nobody there and added a user; want one: %v", count, err)
	}
}

func TestEveryAttemptOfManyAtOnceIsCounted(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			err := db.TxReadCommitted(t.Context(), func(ctx context.Context, tx *store.Store) error {
				_, err := tx.CountAttempt(ctx, "key", 1, 10)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if attempts, err := db.CountAttempt(t.Context(), "key", 1, 10); err != nil || attempts != 51 {
		t.Errorf("%d of 51 attempts are counted: %v", attempts, err)
	}
}

// TestNothingIsAcknowledgedThatIsNotKept passes over an error inside a transaction, after which
// PostgreSQL keeps nothing and still answers COMMIT.
func TestNothingIsAcknowledgedThatIsNotKept(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		if err := tx.InsertUser(ctx, user("usr_1", "", "ada")); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, user("usr_2", "", "ada")); err == nil {
			t.Error("two users have one name")
		}
		return nil
	})
	if _, found := db.UserByID(t.Context(), "usr_1"); err == nil && found != nil {
		t.Errorf("the transaction succeeded and its user is gone: %v", found)
	}
}

func TestAPanicEndsTheTransaction(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	func() {
		defer func() { _ = recover() }()
		_ = db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
			if err := tx.InsertUser(ctx, user("usr_1", "", "ada")); err != nil {
				t.Error(err)
			}
			panic("fault")
		})
	}()
	if err := db.InsertUser(t.Context(), user("usr_2", "", "ada")); err != nil {
		t.Errorf("after a panic the next write fails: %v", err)
	}
}

// TestWhoWaitsTooLongIsToldWhy takes all connections that may write.
func TestWhoWaitsTooLongIsToldWhy(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	storetest.OpenAt(t, address)
	db, err := store.Open(t.Context(), address, store.Options{Connections: 1, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Tx(t.Context(), func(context.Context, *store.Store) error {
		err := db.Tx(t.Context(), func(context.Context, *store.Store) error { return nil })
		if err == nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "all 1 connections are in use") {
			t.Errorf("want the reason, not %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := db.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Errorf("when the connection is free again: %v", err)
	}
}

// TestASlowStatementIsGivenUp waits for a row that somebody else has locked.
func TestASlowStatementIsGivenUp(t *testing.T) {
	t.Parallel()
	if !storetest.OnPostgres() {
		t.Skip("SQLite does not wait for rows; another process's lock is TestALockedDatabaseIsAnOutage's")
	}
	address := storetest.Address(t)
	storetest.OpenAt(t, address)
	db, err := store.Open(t.Context(), address, store.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unlock := storetest.Lock(t, address, "users")
	for name, use := range map[string]func() error{
		"a read":      func() error { _, err := db.UserByID(t.Context(), "usr_1"); return err },
		"a statement": func() error { _, err := db.AuthorityByUser(t.Context(), "usr_1"); return err },
		"a transaction": func() error {
			return db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error { _, err := tx.LockUser(ctx, "usr_1"); return err })
		},
	} {
		if err := use(); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of a locked table: %v", name, err)
		}
	}
	unlock()
	if _, err := db.UserByID(t.Context(), "usr_1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("when the table is free again: %v", err)
	}
}

func TestAddressesOfPostgreSQL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		address, shown string
		password       bool
	}{
		{"postgres://ada:hunter2@db/x?sslpassword=y", "postgres://ada@db:5432/x", true},
		{"postgres://ada@db1:1,db2:2/x?sslmode=verify-full", "postgres://ada@db1:1,db2:2/x", false},
		{"postgresql://ada@db/x?password=hunter2&target_session_attrs=primary", "postgres://ada@db:5432/x", true},
		{"postgres://ada@[::1]/x?target_session_attrs=read-write", "postgres://ada@[::1]:5432/x", false},
	} {
		if err := store.CheckAddress(test.address); err != nil {
			t.Errorf("%s: %v", test.address, err)
		}
		if got := store.Redact(test.address); got != test.shown {
			t.Errorf("%s is shown as %s", test.address, got)
		}
		if got := store.HasPassword(test.address); got != test.password {
			t.Errorf("%s has a password: %v", test.address, got)
		}
	}
	for _, bad := range []string{
		"postgres://ada:hunter2@db:port/x", "postgres://ada:hunter2@db/x?a=%zz", "postgres://ada:hunter2@db/x?sslmode=perhaps",
		"postgres://ada:hunter2@db/x?target_session_attrs=any", "postgres://ada:hunter2@db/x?target_session_attrs=prefer-standby",
	} {
		err := store.CheckAddress(bad)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want one line without the password, not %v", bad, err)
		}
		if strings.Contains(store.Redact(bad), "hunter2") {
			t.Errorf("%s shows its password", bad)
		}
	}
}

func TestAMissingServerIsNamed(t *testing.T) {
	t.Parallel()
	_, err := store.Open(t.Context(), "postgres://ada:hunter2@127.0.0.1:1,127.0.0.1:2/x", store.Options{})
	if err == nil || !strings.Contains(err.Error(), "postgres://ada@127.0.0.1:1,127.0.0.1:2/x") || strings.Contains(err.Error(), "hunter2") ||
		strings.Count(err.Error(), "connection refused") != 2 || strings.Contains(err.Error(), "\n") {
		t.Errorf("want one line with the address, without the password, and what is wrong with each host, not %v", err)
	}
}
