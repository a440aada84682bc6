package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/authgraph/authgraph/auth"
)

type sessionsCommands struct {
	Revoke sessionsRevokeCommand `cmd:"" help:"End a session, or all sessions of a user with --user."`
}

type sessionsRevokeCommand struct {
	SessionID string `arg:"" optional:"" help:"The id of the session to end."`
	User      string `placeholder:"USER" help:"The id, email address or user name of the user whose sessions end."`
	output
}

// sessionsObject says in JSON which sessions ended.
type sessionsObject struct {
	ID     string `json:"id,omitempty"` // of the one that was named
	UserID string `json:"userId"`
	Count  int    `json:"count"`
}

// Run ends the session or the sessions that the command line names.
func (c sessionsRevokeCommand) Run(ctx context.Context, settings *Settings, io console) error {
	if (c.SessionID == "") == (c.User == "") {
		return usageError{errors.New("want either the id of a session or --user USER")}
	}
	return asOperator(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer) error {
		if c.SessionID != "" {
			return c.revokeOne(ctx, rules, operator, io)
		}
		return c.revokeAll(ctx, rules, operator, io)
	})
}

func (c sessionsRevokeCommand) revokeOne(ctx context.Context, rules *auth.Service, operator *auth.Viewer, io console) error {
	session, err := rules.RevokeSession(ctx, operator, c.SessionID)
	if isNotFound(err) {
		return fmt.Errorf("there is no session %q", c.SessionID)
	}
	if err != nil {
		return err
	}
	return c.print(io, sessionsObject{session.ID, session.UserID, 1}, "%s of %s has ended", session.ID, session.UserID)
}

func (c sessionsRevokeCommand) revokeAll(ctx context.Context, rules *auth.Service, operator *auth.Viewer, io console) error {
	user, err := findUser(ctx, rules, operator, c.User)
	if err != nil {
		return err
	}
	count, err := rules.RevokeSessions(ctx, operator, user.ID)
	if err != nil {
		return err
	}
	return c.print(io, sessionsObject{UserID: user.ID, Count: count}, "%s is signed out; sessions ended: %d", title(user), count)
}

type rotateKeysCommand struct{ output }

// Run makes a new signing key. Running servers find it within a minute.
func (c rotateKeysCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return asOperator(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer) error {
		if err := rules.RotateKeys(ctx, operator); err != nil {
			return err
		}
		object := struct {
			Rotated bool `json:"rotated"`
		}{true}
		return c.print(io, object, "A new key signs access tokens, within a minute on every server; those signed before stay good until they expire.")
	})
}
