package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store/storetest"
)

// TestMain runs the tests on each kind of database.
func TestMain(m *testing.M) { os.Exit(storetest.Rounds(m).Run()) }

// TestTheServiceTakesThePeopleForItsOwn fills a database and asks the rules for what is in it.
func TestTheServiceTakesThePeopleForItsOwn(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	out := new(bytes.Buffer)
	fill := func(first, users, sessions int) error {
		return settings{Database: address, First: first, Users: users, Sessions: sessions, BcryptCost: 10, Events: true}.run(t.Context(), out)
	}
	if err := fill(0, 230, 500); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "users: 230 of 230\n") || !strings.Contains(out.String(), "log-ins: 500 of 500\n") {
		t.Errorf("it says of its progress:\n%s", out)
	}
	if err := fill(100, 10, 10); err == nil || !strings.Contains(err.Error(), "user100") {
		t.Errorf("users who are there are added again: %v", err)
	}
	if err := fill(229, 10, 10); err == nil {
		t.Error("a user who is there is added again")
	}
	if err := fill(1000, 10, 25); err != nil {
		t.Errorf("more are not added: %v", err)
	}

	options := auth.DefaultOptions()
	options.BcryptCost, options.Secret, options.SessionDuration = 10, auth.RandomSecret(), 0
	options.Permissions = model.Permissions{auth.AuditRead, auth.UsersRead}
	db := storetest.OpenAt(t, address)
	s, err := auth.New(t.Context(), db, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, n := range []int{0, 42, 229, 1009} {
		signedIn, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: strings.ToUpper(people.Username(n)), Password: people.Password})
		if err != nil || signedIn.Viewer.User.ID != people.UserID(n) {
			t.Errorf("user %d cannot log in: %v", n, err)
		}
	}
	operator := s.Operator()
	for _, test := range []struct{ session, owner, logins int }{{0, 0, 4}, {230, 0, 4}, {499, 39, 3}, {39, 39, 3}, {1024, 1004, 3}} {
		var v *auth.Viewer
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", "Bearer "+people.Token(test.session))
		s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { v = auth.ViewerFrom(r.Context()) })).
			ServeHTTP(httptest.NewRecorder(), r)
		if v.Check() != nil || v.SessionID() != people.SessionID(test.session) || v.ID() != people.UserID(test.owner) {
			t.Errorf("the token of session %d gets %v, %q", test.session, v.Check(), v.ID())
			continue
		}
		if user, err := s.User(t.Context(), operator, v.ID()); err != nil || user.LoginCount != test.logins {
			t.Errorf("user %d has logged in %d times, want %d: %v", test.owner, user.LoginCount, test.logins, err)
		}
		events, err := s.AuditLog(t.Context(), operator, auth.AuditQuery{UserID: v.ID()})
		if err != nil || len(events.Nodes) != test.logins+1 {
			t.Errorf("user %d has %d events: %v", test.owner, len(events.Nodes), err)
		}
	}
	for _, test := range []struct {
		user  int
		roles string
	}{{0, "editor member"}, {1, "member"}, {228, "editor member"}, {229, "member"}, {1003, "editor member"}, {1009, "editor member"}} {
		held, err := db.RolesByUsers(t.Context(), []string{people.UserID(test.user)})
		var names []string
		for _, role := range held[people.UserID(test.user)] {
			names = append(names, role.Name)
		}
		if got := strings.Join(names, " "); err != nil || got != test.roles {
			t.Errorf("user %d is %s, want %s: %v", test.user, got, test.roles, err)
		}
	}
	// What the service would fold is what is there.
	someone, err := s.User(t.Context(), operator, people.UserID(42))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []model.OptionalString{someone.Email, someone.Username, someone.FirstName, someone.LastName} {
		found, err := s.Users(t.Context(), operator, auth.UserQuery{Search: strings.ToUpper(string(name)), Sort: auth.UsersByCreatedAt})
		if err != nil || len(found.Nodes) == 0 {
			t.Errorf("nobody is found by %s: %v", name, err)
		}
	}
}

func TestTheHashesAreOfThePassword(t *testing.T) {
	t.Parallel()
	for cost := range people.Hashes {
		address := storetest.Address(t)
		if err := (settings{Database: address, Users: 1, BcryptCost: cost}).run(t.Context(), new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
		options := auth.DefaultOptions()
		options.BcryptCost, options.Secret = cost, auth.RandomSecret()
		db := storetest.OpenAt(t, address)
		s, err := auth.New(t.Context(), db, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		if _, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "user0", Password: people.Password}); err != nil {
			t.Errorf("cost %d: %v", cost, err)
		}
		if kept, err := db.PasswordByUser(t.Context(), people.UserID(0)); err != nil || kept.Secret != people.Hashes[cost] {
			t.Errorf("cost %d: the hash was made anew: %v", cost, err)
		}
	}
}

func TestTheNumbersAreChecked(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	for _, s := range []settings{{Users: 0}, {Users: 1, Sessions: -1}, {Users: 1, First: -1}} {
		s.Database = address
		if err := s.run(t.Context(), new(bytes.Buffer)); err == nil || !strings.HasPrefix(err.Error(), "--users") {
			t.Errorf("%s: %v", fmt.Sprintf("%+v", s), err)
		}
	}
}
