package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

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

type copyCommand struct {
	From string `placeholder:"ADDRESS" help:"The database to copy; the configured one when only --to is given."`
	To   string `placeholder:"ADDRESS" help:"The empty database to copy it to; the configured one when only --from is given."`
}

// copyTimeout is how long a statement may take that counts or writes many rows.
const copyTimeout = 10 * time.Minute

// Run copies everything from one database to another, of whichever kinds they are.
func (c copyCommand) Run(ctx context.Context, settings *Settings, io console) (err error) {
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	if err := c.complete(settings); err != nil {
		return usageError{err}
	}
	if err := store.CheckUnused(ctx, c.From); err != nil {
		return err
	}
	options := store.Options{Connections: settings.DatabaseConnections, Timeout: copyTimeout}
	source, err := store.OpenExisting(ctx, c.From, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	of := *settings
	of.Database = c.From
	if err := checkKeys(ctx, &of, source); err != nil {
		return fmt.Errorf("%s cannot be copied: %w", store.Redact(c.From), err)
	}
	target, err := store.Open(ctx, c.To, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	fmt.Fprintf(io.err, "No server may use %s from now on: what it changes is lost.\n", store.Redact(c.From))
	progress := newProgress(io.err)
	rows, err := auth.Copy(ctx, target, source, progress.show)
	progress.end()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("broken off (%w): run it again, and it goes on", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%s is copied to %s with %s; every row was compared\n", store.Redact(c.From), store.Redact(c.To), counted(rows))
	keys, err := keysOf(ctx, &of, source)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "Serve it with what it is of no use without: %s\n", keys)
	if file := store.SecretFile(c.From); file != "" && len(settings.Secret) == 0 {
		fmt.Fprintf(io.out, "The secret goes %s\n", secretPlace(c.To))
	}
	return nil
}

// complete fills in the database that the command line leaves out, and refuses what cannot be
// copied.
func (c *copyCommand) complete(settings *Settings) error {
	if c.From == "" && c.To == "" {
		return errors.New("want --from ADDRESS, --to ADDRESS or both")
	}
	for _, one := range []struct {
		flag    string
		address *string
	}{{"--from", &c.From}, {"--to", &c.To}} {
		given := *one.address != ""
		if !given {
			*one.address = settings.Database
		}
		if err := store.CheckAddress(*one.address); err != nil {
			return fmt.Errorf("%s: %w", one.flag, err)
		}
		if given && store.HasPassword(*one.address) {
			return fmt.Errorf("%s: arguments show in the list of processes; put the password into PGPASSWORD, a .pgpass file or AUTHGRAPH_DATABASE", one.flag)
		}
		if store.Temporary(*one.address) {
			return fmt.Errorf("%s: %w", one.flag, errTemporary)
		}
	}
	if c.From == c.To {
		return errors.New("--from and --to are the same database")
	}
	return nil
}

// secretPlace tells where a server of the database at address looks for its secret.
func secretPlace(address string) string {
	if file := store.SecretFile(address); file != "" {
		return "to " + file
	}
	return "into " + envName("secret")
}

// progress shows how far a command has come: on a terminal as a bar, elsewhere by a line for each
// step.
type progress struct {
	w        io.Writer
	terminal bool
	act      string // shown last
}

func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

func (p *progress) show(act string, done, of int) {
	const width = 30
	part := width
	if of > 0 {
		part = width * done / of
	}
	switch {
	case p.terminal: // written over the line before, with blanks over what was longer
		fmt.Fprintf(p.w, "\r[%s%s] %-30s", strings.Repeat("#", part), strings.Repeat(".", width-part), act)
	case act != p.act:
		fmt.Fprintf(p.w, "%s (%d%%)\n", act, 100*part/width)
	}
	p.act = act
}

func (p *progress) end() {
	if p.terminal && p.act != "" {
		fmt.Fprintln(p.w)
	}
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
