package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

func hashOf(token string) []byte {
	hash := sha256.Sum256([]byte(token))
	return hash[:]
}

func TestEachOfManyWhoAskAtOnceGetsTheirOwnAnswer(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	const users = 300
	storetest.People(t, db, users)
	var asking sync.WaitGroup
	for i := range users {
		asking.Go(func() {
			bySession, err := db.AuthorityByTokenHash(t.Context(), hashOf(people.Token(i)))
			if err != nil {
				t.Error(err)
				return
			}
			if want := string(hashOf(people.Token(i))); string(bySession.Session.TokenHash) != want || bySession.User.ID != bySession.Session.UserID {
				t.Errorf("%d: another's session, %+v of %+v", i, bySession.Session, bySession.User)
			}
			byID, err := db.AuthorityBySession(t.Context(), bySession.Session.ID)
			if err != nil || byID.Session.ID != bySession.Session.ID || byID.User.ID != bySession.User.ID {
				t.Errorf("%d: %+v, %v", i, byID, err)
			}
			byUser, err := db.AuthorityByUser(t.Context(), bySession.User.ID)
			if err != nil || byUser.User.ID != bySession.User.ID || fmt.Sprint(byUser.Roles) != fmt.Sprint(bySession.Roles) {
				t.Errorf("%d: %+v, %v", i, byUser, err)
			}
			if stranger, err := db.AuthorityByTokenHash(t.Context(), hashOf(fmt.Sprint("never given out ", i))); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%d: %+v, %v", i, stranger, err)
			}
			if stranger, err := db.AuthorityByAPIToken(t.Context(), hashOf(people.Token(i))); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%d: %+v, %v", i, stranger, err)
			}
		})
	}
	asking.Wait()
}

func TestAnOutageIsThatOfAllWhoAskAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	storetest.People(t, db, 1)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			if _, err := db.AuthorityByTokenHash(t.Context(), hashOf(people.Token(0))); err == nil || errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	asking.Wait()
}

// TestLookUpsThatHangLeaveConnectionsForOthers has the sessions locked, as by whoever changes the table,
// and many who ask for them again and again and are soon out of patience.
func TestLookUpsThatHangLeaveConnectionsForOthers(t *testing.T) {
	t.Parallel()
	if !storetest.OnPostgres() {
		t.Skip("SQLite does not wait for rows")
	}
	address := storetest.Address(t)
	storetest.People(t, storetest.OpenAt(t, address), 1)
	db, err := store.Open(t.Context(), address, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	defer storetest.Lock(t, address, "sessions")()
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			for range 40 {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
				if _, err := db.AuthorityByTokenHash(ctx, hashOf(people.Token(0))); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	asking.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := db.AuthorityByUser(ctx, people.UserID(0)); err != nil {
		t.Error("a look-up of a user:", err)
	}
	if err := db.Tx(ctx, func(context.Context, *store.Store) error { return nil }); err != nil {
		t.Error("a transaction:", err)
	}
}

// TestEveryModeOfRunningStatements is about what an address may ask of pgx: behind some poolers nothing
// can be prepared.
func TestEveryModeOfRunningStatements(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			address, err := url.Parse(storetest.Postgres(t))
			if err != nil {
				t.Fatal(err)
			}
			query := address.Query()
			query.Set("default_query_exec_mode", mode)
			address.RawQuery = query.Encode()
			db := storetest.OpenAt(t, address.String())
			for question, ask := range ada(t, db) {
				if authority, err := ask(db); err != nil || authority.User.ID != "usr_1" {
					t.Errorf("%s: %+v, %v", question, authority, err)
				}
			}
			byHash, byID, err := db.SessionsAtOnce(t.Context(),
				[]string{"nobody's", "session", "session"}, []string{"a\"b\\c,{}' NULL", "", "ses_1"})
			if err != nil {
				t.Fatal(err)
			}
			if byHash[0] != nil || byHash[1] == nil || byHash[2] == nil || byHash[1].Session == byHash[2].Session || byHash[1].User.ID != "usr_1" {
				t.Errorf("by their tokens: %+v", byHash)
			}
			if byID[0] != nil || byID[1] != nil || byID[2] == nil || byID[2].Session.ID != "ses_1" {
				t.Errorf("by their ids: %+v", byID)
			}
		})
	}
}
