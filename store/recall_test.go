package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// ada adds a user with a session and an API token, and returns every question about them.
func ada(t *testing.T, db *store.Store) map[string]func(*store.Store) (*store.Authority, error) {
	t.Helper()
	session := &model.Session{ID: "ses_1", UserID: "usr_1", TokenHash: []byte("session"), CreatedAt: 1, LastSeenAt: 1}
	token := &model.APIToken{ID: "tok_1", UserID: "usr_1", Name: "a program", TokenHash: []byte("token"), CreatedAt: 1}
	if err := errors.Join(db.InsertUser(t.Context(), user("usr_1", "ada@example.test", "")),
		db.InsertSession(t.Context(), session), db.InsertAPIToken(t.Context(), token)); err != nil {
		t.Fatal(err)
	}
	return map[string]func(*store.Store) (*store.Authority, error){
		"a session by its token": func(db *store.Store) (*store.Authority, error) {
			return db.AuthorityByTokenHash(t.Context(), session.TokenHash)
		},
		"a session by its id": func(db *store.Store) (*store.Authority, error) {
			return db.AuthorityBySession(t.Context(), session.ID)
		},
		"an API token": func(db *store.Store) (*store.Authority, error) {
			return db.AuthorityByAPIToken(t.Context(), token.TokenHash)
		},
		"a user": func(db *store.Store) (*store.Authority, error) {
			return db.AuthorityByUser(t.Context(), "usr_1")
		},
	}
}

// eachWay runs a test once where a Store sees whether a SQLite file has changed, and once where it
// asks.
func eachWay(t *testing.T, test func(t *testing.T, know func(*store.Store))) {
	t.Helper()
	t.Parallel()
	t.Run("seen", func(t *testing.T) {
		t.Parallel()
		test(t, func(db *store.Store) {
			if runtime.GOOS == "linux" && !storetest.OnPostgres() && !db.SeesChanges() {
				t.Fatal("the WAL-index is not found")
			}
		})
	})
	t.Run("asked", func(t *testing.T) {
		t.Parallel()
		test(t, (*store.Store).AskForChanges)
	})
}

func TestAuthorityIsRecalledWhileNobodyChangesTheDatabase(t *testing.T) {
	storetest.SQLite(t)
	eachWay(t, testRecalled)
}

func testRecalled(t *testing.T, know func(*store.Store)) {
	db := storetest.Open(t)
	know(db)
	questions := ada(t, db)
	for name, ask := range questions {
		if _, err := ask(db); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if err := db.CloseReaders(); err != nil {
		t.Fatal(err)
	}
	for name, ask := range questions {
		if authority, err := ask(db); err != nil || authority.User.Email != "ada@example.test" {
			t.Errorf("%s is read again: %v", name, err)
		}
	}
	if err := db.InsertUser(t.Context(), user("usr_2", "eve@example.test", "")); err != nil {
		t.Fatal(err)
	}
	for name, ask := range questions {
		if _, err := ask(db); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is recalled after a change: %v", name, err)
		}
	}
}

func TestWhatAnybodyChangesBindsAtTheNextQuestion(t *testing.T) { eachWay(t, testChanges) }

func testChanges(t *testing.T, know func(*store.Store)) {
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	know(db)
	other := storetest.OpenAt(t, address) // as another server or a command has it
	shell := storetest.SQL(t, address)
	questions := ada(t, db)
	change := map[string]func(disabled int) error{
		"by itself": func(disabled int) error {
			return db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
				return disable(ctx, tx, disabled)
			})
		},
		"by another store": func(disabled int) error {
			return other.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
				return disable(ctx, tx, disabled)
			})
		},
		"in a shell": func(disabled int) error {
			_, err := shell.ExecContext(t.Context(), "UPDATE users SET disabled_at = "+strconv.Itoa(disabled))
			return err
		},
		"before the log begins anew": func(disabled int) error {
			_, err := shell.ExecContext(t.Context(), "UPDATE users SET disabled_at = "+strconv.Itoa(disabled))
			if err == nil && !storetest.OnPostgres() {
				_, err = shell.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
			}
			return err
		},
	}
	disabled := 0
	for range 20 {
		for who, change := range change {
			disabled++
			if err := change(disabled); err != nil {
				t.Fatal(err)
			}
			for what, ask := range questions {
				authority, err := ask(db)
				if err != nil || authority.User.DisabledAt != model.Time(disabled) {
					t.Fatalf("%s is as it was before a change %s: %+v, %v", what, who, authority, err)
				}
			}
		}
	}
	if _, err := shell.ExecContext(t.Context(), "DELETE FROM users"); err != nil {
		t.Fatal(err)
	}
	for what, ask := range questions {
		if _, err := ask(db); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s outlives its deletion in a shell: %v", what, err)
		}
	}
}

func disable(ctx context.Context, tx *store.Store, at int) error {
	ada, err := tx.LockUser(ctx, "usr_1")
	if err != nil {
		return err
	}
	ada.DisabledAt = model.Time(at)
	return tx.UpdateUser(ctx, ada)
}

// Whoever has been told that a change was made asks, and is told of that change or a later one,
// while others ask and change as well.
func TestWhatWasAcknowledgedIsNeverForgottenByWhoAsks(t *testing.T) { eachWay(t, testAcknowledged) }

func testAcknowledged(t *testing.T, know func(*store.Store)) {
	address := storetest.Address(t)
	db, other := storetest.OpenAt(t, address), storetest.OpenAt(t, address)
	know(db)
	ask := ada(t, db)["a session by its token"]
	var mu sync.Mutex // one change at a time, so that each knows its number
	last := 0
	var everybody sync.WaitGroup
	stop := time.Now().Add(500 * time.Millisecond)
	for range 2 {
		everybody.Go(func() {
			for time.Now().Before(stop) {
				mu.Lock()
				last++
				mine := last
				err := other.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error { return disable(ctx, tx, mine) })
				mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				if authority, err := ask(db); err != nil || authority.User.DisabledAt < model.Time(mine) {
					t.Errorf("change %d is not seen: %+v, %v", mine, authority, err)
					return
				}
			}
		})
		everybody.Go(func() {
			for time.Now().Before(stop) {
				if _, err := ask(db); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	everybody.Wait()
}

func TestATransactionSeesItsOwnChanges(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	questions := ada(t, db)
	for _, ask := range questions {
		if _, err := ask(db); err != nil {
			t.Fatal(err)
		}
	}
	undo := errors.New("undo")
	err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		if err := disable(ctx, tx, 7); err != nil {
			return err
		}
		if authority, err := tx.AuthorityByUser(ctx, "usr_1"); err != nil || authority.User.DisabledAt != 7 {
			t.Errorf("got %+v, %v", authority, err)
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	for what, ask := range questions {
		if authority, err := ask(db); err != nil || authority.User.DisabledAt != 0 {
			t.Errorf("%s shows what was undone: %+v, %v", what, authority, err)
		}
	}
}

func TestWhatIsRecalledIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for what, ask := range ada(t, db) {
		for range 3 {
			authority, err := ask(db)
			if err != nil || authority.User.Email != "ada@example.test" {
				t.Fatalf("%s: %+v, %v", what, authority, err)
			}
			authority.User.Email = "eve@example.test"
			if authority.Session != nil {
				if !bytes.Equal(authority.Session.TokenHash, []byte("session")) {
					t.Fatalf("%s: %+v", what, authority.Session)
				}
				authority.Session.TokenHash = nil
			}
			if authority.APIToken != nil {
				authority.APIToken.UserID = ""
			}
		}
	}
}

func TestOnlySoMuchIsRecalled(t *testing.T) {
	t.Parallel()
	storetest.SQLite(t)
	db := storetest.Open(t)
	var users []*model.User
	for n := range store.Recalled + 1 {
		users = append(users, user(fmt.Sprintf("usr_%d", n), "", fmt.Sprintf("user%d", n)))
	}
	if err := db.Insert(t.Context(), &users); err != nil {
		t.Fatal(err)
	}
	for _, user := range users {
		if _, err := db.AuthorityByUser(t.Context(), user.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CloseReaders(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.AuthorityByUser(t.Context(), users[len(users)-1].ID); err != nil {
		t.Errorf("the last is not recalled: %v", err)
	}
	if _, err := db.AuthorityByUser(t.Context(), users[0].ID); err == nil {
		t.Error("the first of more than are recalled is still recalled")
	}
}
