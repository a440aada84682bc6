// Command fill puts very many users and sessions into a database, to be measured or put under
// load. What they are called and which tokens they have is in package people.
//
//	go run ./bench/fill --database sqlite:big.db --users 1000000 --sessions 1000000
//
// It brings the database up to date first. More can be added later, under other numbers, with
// --first; what is there already is refused. It must not be run beside a server, and where it was
// cut off, the database is of no use.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store"
)

// settings are what to fill, and with what.
type settings struct {
	Database   string `required:"" env:"AUTHGRAPH_DATABASE" placeholder:"ADDRESS" help:"The database, as for the server."`
	Users      int    `default:"1000000" placeholder:"N" help:"How many users to add, each with a password."`
	Sessions   int    `default:"1000000" placeholder:"N" help:"How many sessions to add."`
	First      int    `placeholder:"N" help:"The number of the first user and of the first session."`
	BcryptCost int    `default:"12" enum:"10,12" env:"AUTHGRAPH_BCRYPT_COST" placeholder:"10|12" help:"The bcrypt cost that the server has."`
	Events     bool   `default:"true" negatable:"" help:"Add to the audit trail as well."`
}

func main() {
	var s settings
	kong.Parse(&s, kong.Description("Fill a database with users and sessions."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.run(ctx, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

// run fills the database and tells on w how far it is.
func (s settings) run(ctx context.Context, w io.Writer) error {
	if s.Users < 1 || s.Sessions < 0 || s.First < 0 {
		return errors.New("--users, --sessions, --first: want at least one user and no negative number")
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	target, err := open(ctx, s.Database)
	if err != nil {
		return err
	}
	crowd := people.Crowd{First: s.First, Users: s.Users, Sessions: s.Sessions, Cost: s.BcryptCost}
	err = s.fill(ctx, crowd, target, w)
	return errors.Join(err, target.close(ctx))
}

// prepare brings the database up to date, makes sure that none of the users is in it, and adds the
// roles that are missing.
func (s settings) prepare(ctx context.Context) (err error) {
	db, err := store.Open(ctx, s.Database, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	for _, n := range []int{s.First, s.First + s.Users - 1} {
		_, err := db.UserByID(ctx, people.UserID(n))
		if err == nil {
			return fmt.Errorf("the database has %s already; choose other numbers by --first", people.Username(n))
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	for _, role := range people.Roles {
		_, err := db.RoleByName(ctx, role.Name)
		if errors.Is(err, store.ErrNotFound) {
			err = db.InsertRole(ctx, role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill adds the rows of each table.
func (s settings) fill(ctx context.Context, crowd people.Crowd, target target, w io.Writer) error {
	for _, rows := range []struct {
		what  string
		count int
		row   func(n int) any
		only  bool
	}{
		{"users", s.Users, func(n int) any { return crowd.User(n) }, true},
		{"passwords", s.Users, func(n int) any { return crowd.Credential(n) }, true},
		{"roles", crowd.Grants(), func(n int) any { return crowd.Grant(n - s.First) }, true},
		{"sessions", s.Sessions, func(n int) any { return crowd.Session(n) }, true},
		{"sign-ups", s.Users, func(n int) any { return crowd.SignUp(n) }, s.Events},
		{"log-ins", s.Sessions, func(n int) any { return crowd.Login(n) }, s.Events},
	} {
		if !rows.only || rows.count == 0 {
			continue
		}
		progress := newProgress(w, rows.what, rows.count)
		err := target.load(ctx, rows.count, func(i int) any { return rows.row(s.First + i) }, progress)
		if err != nil {
			return fmt.Errorf("failed to add %s: %w", rows.what, err)
		}
	}
	return nil
}
