package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store"
)

// This file holds the commands about a database as a whole. The rules for them:
//
//   - They neither migrate what they read nor act as the operator: they leave no trace in it.
//   - A database is of no use without the server secret that it was made under, and its
//     passwords without their pepper. So these are compared before anything is put in place, and
//     named wherever a database goes.
//   - Ctrl-C ends them without leaving anything half done.

type backupCommand struct {
	File string `arg:"" help:"The file to make."`
}

// Run copies the database to a file, also while a server uses it.
func (c backupCommand) Run(ctx context.Context, settings *Settings, io console) (err error) {
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	if err := wantFile(settings, "pg_dump or pg_basebackup"); err != nil {
		return err
	}
	db, err := store.OpenExisting(ctx, settings.Database, settings.databaseOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.Backup(ctx, c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%s is backed up to %s with %s\n", settings.Database, c.File, counted(rows))
	keys, err := keysOf(ctx, settings, db)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "Keep as well, in another place, what it is of no use without: %s\n", keys)
	return nil
}

type restoreCommand struct {
	File  string `arg:"" help:"The file that backup made."`
	Force bool   `help:"Also in the place of a database that is there, of which a copy is kept."`
}

// Run puts a backup in the place of the database.
func (c restoreCommand) Run(ctx context.Context, settings *Settings, io console) error {
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	if err := wantFile(settings, "pg_restore"); err != nil {
		return err
	}
	rows, err := c.check(ctx, settings)
	if err != nil {
		return err
	}
	kept, err := store.Restore(ctx, c.File, settings.Database, c.Force)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w; with --force the backup takes its place, and a copy of it is kept", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%s is restored from %s with %s\n", settings.Database, c.File, counted(rows))
	if kept != "" {
		fmt.Fprintln(io.out, "What was there before is", kept)
	}
	fmt.Fprintln(io.out, "Undone is whatever happened after the backup, also new passwords, sessions that were ended and users who were disabled.")
	return nil
}

// check verifies the backup, and that the server secret and the peppers at hand are those that
// it was made under.
func (c restoreCommand) check(ctx context.Context, settings *Settings) (rows store.RowCounts, err error) {
	backup, rows, err := store.OpenBackup(ctx, c.File)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	if err := checkKeys(ctx, settings, backup); err != nil {
		return nil, fmt.Errorf("%s cannot be restored: %w", c.File, err)
	}
	return rows, nil
}

// untilInterrupted returns a context that ends when the process is told to stop, so that what is
// being written can be taken back. Told a second time, the process ends at once.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// wantFile refuses a database that is no file, naming the tools that PostgreSQL has instead.
func wantFile(settings *Settings, tools string) error {
	if store.Temporary(settings.Database) {
		return fmt.Errorf("%w: name another by --database", errTemporary)
	}
	if store.File(settings.Database) == "" {
		return fmt.Errorf("this is for SQLite; PostgreSQL has %s, see docs/deploy.md", tools)
	}
	return nil
}

// checkKeys returns an error where a database was made under another server secret, or has
// passwords under another pepper, than are configured.
func checkKeys(ctx context.Context, settings *Settings, db *store.Store) error {
	bound, err := auth.HasSecret(ctx, db)
	if err != nil {
		return err
	}
	if bound {
		secret, err := serverSecret(ctx, settings, db)
		if err != nil {
			return err
		}
		if err := secret.Check(ctx, db); err != nil {
			return fmt.Errorf("AUTHGRAPH_SECRET or its file: %w", err)
		}
	}
	if err := auth.CheckPeppers(ctx, db, settings.Pepper); err != nil {
		return fmt.Errorf("AUTHGRAPH_PEPPER: %w", err)
	}
	return nil
}

// keysOf names what a database is of no use without.
func keysOf(ctx context.Context, settings *Settings, db *store.Store) (string, error) {
	keys := []string{"the server secret, " + envName("secret")}
	if path := store.SecretFile(settings.Database); len(settings.Secret) == 0 && path != "" {
		keys = []string{"the server secret, " + path}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			keys = []string{"the server secret, " + envName("secret") + ", which is not set here"}
		}
	}
	err := auth.CheckPeppers(ctx, db, nil)
	if _, peppered := errors.AsType[*auth.MissingPepperError](err); peppered {
		keys = append(keys, "the pepper, "+envName("pepper"))
	} else if err != nil {
		return "", err
	}
	return strings.Join(keys, "; "), nil
}

// counted tells what is in a database.
func counted(rows store.RowCounts) string {
	return fmt.Sprintf("users: %d, sessions: %d, audit events: %d", rows["users"], rows["sessions"], rows["audit_events"])
}
