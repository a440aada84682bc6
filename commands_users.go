package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// This file holds the commands about accounts. The rules for them, and for those about sessions
// and keys:
//
//   - They act as the operator, by the rules of package auth, which record every change.
//   - A user is named by id, email address or user name.
//   - With --json they print objects for scripts, under the names that the schema has for the
//     same things: one object or, for a list, one a line. What is absent is null.
//   - No secret is printed.

type usersCommands struct {
	List        usersListCommand        `cmd:"" help:"List accounts, the oldest first."`
	Show        usersShowCommand        `cmd:"" help:"Show an account and what it may do."`
	Disable     usersDisableCommand     `cmd:"" help:"Shut a user out: sessions end, API tokens sleep."`
	Enable      usersEnableCommand      `cmd:"" help:"Let a disabled user in again."`
	SetPassword usersSetPasswordCommand `cmd:"" help:"Set a user's password, typed or from the first line of a pipe: sessions and API tokens end."`
	Grant       usersGrantCommand       `cmd:"" help:"Give a user a role."`
	Revoke      usersRevokeCommand      `cmd:"" help:"Take a role from a user."`
}

// output is how a command prints what it found or did.
type output struct {
	JSON bool `name:"json" help:"Print JSON, for scripts."`
}

// print prints a result: an object for scripts or a line for people.
func (o output) print(io console, object any, line string, arguments ...any) error {
	if o.JSON {
		return json.NewEncoder(io.out).Encode(object)
	}
	_, err := fmt.Fprintf(io.out, line+"\n", arguments...)
	return err
}

type usersListCommand struct {
	Search   string `placeholder:"PREFIX" help:"Only those whose email address, user name, first or last name begins so."`
	Role     string `placeholder:"NAME" help:"Only those who hold this role."`
	Disabled bool   `help:"Only those who are disabled."`
	output
}

// usersPage is how many users are read and printed at once: the most that the rules hand out.
const usersPage = 100

// Run prints the users whom the flags select, page by page: nobody holds the whole list. So
// the columns are aligned within a page.
func (c usersListCommand) Run(ctx context.Context, settings *Settings, io console) error {
	query := auth.UserQuery{Search: c.Search, Role: c.Role, Sort: auth.UsersByCreatedAt,
		PageArguments: auth.PageArguments{First: new(usersPage)}}
	if c.Disabled {
		query.Active = new(false)
	}
	return asOperator(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer) error {
		lines, table := json.NewEncoder(io.out), newTable(io)
		if !c.JSON {
			fmt.Fprintln(table, "ID\tEMAIL\tUSERNAME\tSTATE\tROLES\tCREATED\tLAST LOG-IN")
		}
		for {
			page, err := rules.Users(ctx, operator, query)
			if err != nil {
				return err
			}
			roles, refusals, err := rules.RolesByUsers(ctx, operator, page.Nodes)
			if err := errors.Join(append(refusals, err)...); err != nil {
				return err
			}
			for i, user := range page.Nodes {
				if !c.JSON {
					fmt.Fprintln(table, columns(user, names(roles[i])))
				} else if err := lines.Encode(newUserObject(user, names(roles[i]))); err != nil {
					return err
				}
			}
			if err := table.Flush(); err != nil || !page.HasNext {
				return err
			}
			query.After = page.End
		}
	})
}

func newTable(io console) *tabwriter.Writer { return tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0) }

// columns is a user in a table.
func columns(user *model.User, roles []string) string {
	return strings.Join([]string{user.ID, orDash(user.Email), orDash(user.Username), state(user),
		listed(roles), seconds(user.CreatedAt), seconds(user.CurrentLoginAt)}, "\t")
}

// userObject is a user in JSON.
type userObject struct {
	ID             string                `json:"id"`
	Email          *model.OptionalString `json:"email"`
	Username       *model.OptionalString `json:"username"`
	Active         bool                  `json:"active"`
	Roles          []string              `json:"roles"`
	CreatedAt      *time.Time            `json:"createdAt"`
	CurrentLoginAt *time.Time            `json:"currentLoginAt"` // the last log-in; lastLoginAt is the one before
}

func newUserObject(user *model.User, roles []string) userObject {
	return userObject{
		ID: user.ID, Email: orNull(user.Email), Username: orNull(user.Username), Active: user.Active(), Roles: roles,
		CreatedAt: instant(user.CreatedAt), CurrentLoginAt: instant(user.CurrentLoginAt),
	}
}

// userCommand is what the commands about one user have in common.
type userCommand struct {
	User string `arg:"" help:"The user's id, email address or user name."`
	output
}

// act lets a command act on its user.
func (c userCommand) act(ctx context.Context, settings *Settings, io console, act func(rules *auth.Service, operator *auth.Viewer, user *model.User) error) error {
	return asOperator(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer) error {
		user, err := findUser(ctx, rules, operator, c.User)
		if err != nil {
			return err
		}
		return act(rules, operator, user)
	})
}

// findUser returns the user whom a command names.
func findUser(ctx context.Context, rules *auth.Service, operator *auth.Viewer, identifier string) (*model.User, error) {
	user, err := rules.FindUser(ctx, operator, identifier)
	if isNotFound(err) {
		return nil, fmt.Errorf("there is no user %q", identifier)
	}
	return user, err
}

// isNotFound reports whether the rules refused because there is no such thing.
func isNotFound(err error) bool {
	refusal, ok := errors.AsType[*auth.Error](err)
	return ok && refusal.Code == auth.NotFound
}

type usersShowCommand struct{ userCommand }

// Run prints everything about an account that is no secret.
func (c usersShowCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.act(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer, user *model.User) error {
		users := []*model.User{user}
		roles, err := only(rules.RolesByUsers(ctx, operator, users))
		if err != nil {
			return err
		}
		permissions, err := only(rules.PermissionsByUsers(ctx, operator, users))
		if err != nil {
			return err
		}
		sessions, err := only(rules.SessionsByUsers(ctx, operator, users))
		if err != nil {
			return err
		}
		tokens, err := only(rules.APITokensByUsers(ctx, operator, users))
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(io.out).Encode(newAccountObject(user, names(roles), permissions, len(sessions), len(tokens)))
		}
		table := newTable(io)
		for _, field := range []struct {
			name  string
			value any
		}{
			{"id", user.ID},
			{"email", orDash(user.Email)},
			{"username", orDash(user.Username)},
			{"first name", orDash(user.FirstName)},
			{"last name", orDash(user.LastName)},
			{"locale", orDash(user.Locale)},
			{"state", state(user)},
			{"disabled", seconds(user.DisabledAt)},
			{"confirmed", seconds(user.ConfirmedAt)},
			{"created", seconds(user.CreatedAt)},
			{"updated", seconds(user.UpdatedAt)},
			{"log-ins", user.LoginCount},
			{"last log-in", seconds(user.CurrentLoginAt)},
			{"from", orDash(user.CurrentLoginAddress)},
			{"log-in before", seconds(user.LastLoginAt)},
			{"from", orDash(user.LastLoginAddress)},
			{"roles", listed(names(roles))},
			{"permissions", listed(permissions)},
			{"sessions", len(sessions)},
			{"API tokens", len(tokens)},
		} {
			fmt.Fprintf(table, "%s\t%v\n", field.name, field.value)
		}
		return table.Flush()
	})
}

// only returns what the rules know of the one user whom they were asked about.
func only[T any](lists [][]T, refusals []error, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	return lists[0], refusals[0]
}

// accountObject is an account in JSON.
type accountObject struct {
	userObject
	FirstName           *model.OptionalString `json:"firstName"`
	LastName            *model.OptionalString `json:"lastName"`
	Locale              *model.OptionalString `json:"locale"`
	DisabledAt          *time.Time            `json:"disabledAt"`
	ConfirmedAt         *time.Time            `json:"confirmedAt"`
	UpdatedAt           *time.Time            `json:"updatedAt"`
	LoginCount          int                   `json:"loginCount"`
	CurrentLoginAddress *model.OptionalString `json:"currentLoginAddress"`
	LastLoginAt         *time.Time            `json:"lastLoginAt"`
	LastLoginAddress    *model.OptionalString `json:"lastLoginAddress"`
	Permissions         []string              `json:"permissions"`
	SessionCount        int                   `json:"sessionCount"`
	APITokenCount       int                   `json:"apiTokenCount"`
}

func newAccountObject(user *model.User, roles, permissions []string, sessions, tokens int) accountObject {
	return accountObject{
		userObject: newUserObject(user, roles),
		FirstName:  orNull(user.FirstName), LastName: orNull(user.LastName), Locale: orNull(user.Locale),
		DisabledAt: instant(user.DisabledAt), ConfirmedAt: instant(user.ConfirmedAt), UpdatedAt: instant(user.UpdatedAt),
		LoginCount: user.LoginCount, CurrentLoginAddress: orNull(user.CurrentLoginAddress),
		LastLoginAt: instant(user.LastLoginAt), LastLoginAddress: orNull(user.LastLoginAddress),
		Permissions: permissions, SessionCount: sessions, APITokenCount: tokens,
	}
}

type usersDisableCommand struct{ userCommand }

// Run shuts a user out.
func (c usersDisableCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.setActive(ctx, settings, io, false)
}

type usersEnableCommand struct{ userCommand }

// Run lets a user in again.
func (c usersEnableCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.setActive(ctx, settings, io, true)
}

func (c userCommand) setActive(ctx context.Context, settings *Settings, io console, active bool) error {
	return c.act(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer, user *model.User) error {
		user, err := rules.SetUserActive(ctx, operator, user.ID, active)
		if err != nil {
			return err
		}
		object := struct {
			ID     string `json:"id"`
			Active bool   `json:"active"`
		}{user.ID, user.Active()}
		return c.print(io, object, "%s is %s", title(user), state(user))
	})
}

type usersSetPasswordCommand struct{ userCommand }

// Run sets a user's password, which comes from the console.
func (c usersSetPasswordCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.act(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer, user *model.User) error {
		password, err := readPassword(io)
		if err != nil {
			return err
		}
		if err := rules.SetPasswordOf(ctx, operator, user.ID, password); err != nil {
			return err
		}
		object := struct {
			ID          string `json:"id"`
			PasswordSet bool   `json:"passwordSet"`
		}{user.ID, true}
		return c.print(io, object, "%s has a new password; the sessions and API tokens have ended", title(user))
	})
}

// roleCommand is what the commands about a user's roles have in common.
type roleCommand struct {
	userCommand
	Role string `arg:"" help:"The name of the role."`
}

type usersGrantCommand struct{ roleCommand }

// Run gives a user a role.
func (c usersGrantCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.change(ctx, settings, io, (*auth.Service).GrantRole)
}

type usersRevokeCommand struct{ roleCommand }

// Run takes a role from a user.
func (c usersRevokeCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return c.change(ctx, settings, io, (*auth.Service).RevokeRole)
}

// change changes a user's roles and prints which they hold then.
func (c roleCommand) change(ctx context.Context, settings *Settings, io console,
	change func(rules *auth.Service, ctx context.Context, operator *auth.Viewer, userID, role string) (*model.User, error),
) error {
	return c.act(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer, user *model.User) error {
		user, err := change(rules, ctx, operator, user.ID, c.Role)
		if err != nil {
			return err
		}
		roles, err := only(rules.RolesByUsers(ctx, operator, []*model.User{user}))
		if err != nil {
			return err
		}
		object := struct {
			ID    string   `json:"id"`
			Roles []string `json:"roles"`
		}{user.ID, names(roles)}
		return c.print(io, object, "%s has the roles: %s", title(user), listed(names(roles)))
	})
}

// What follows writes values: with a dash for what is absent for people, with null for scripts.

// title is how a line for people names a user.
func title(user *model.User) string {
	return fmt.Sprintf("%s (%s)", cmp.Or(user.Email, user.Username), user.ID)
}

// state says whether a user may use their account.
func state(user *model.User) string {
	if user.Active() {
		return "active"
	}
	return "disabled"
}

// names returns the names of roles.
func names(roles []*model.Role) []string {
	names := []string{}
	for _, role := range roles {
		names = append(names, role.Name)
	}
	return names
}

func listed(names []string) string { return cmp.Or(strings.Join(names, ","), "-") }

func orDash(text model.OptionalString) string { return string(cmp.Or(text, "-")) }

func orNull(text model.OptionalString) *model.OptionalString {
	if text == "" {
		return nil
	}
	return &text
}

func seconds(t model.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Std().Format(time.RFC3339)
}

func instant(t model.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.Std())
}
