package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"

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

// TestAuthorityInEveryModeOfRunningStatements is about what an address may ask of pgx: behind some
// poolers nothing can be prepared.
func TestAuthorityInEveryModeOfRunningStatements(t *testing.T) {
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
		})
	}
}
