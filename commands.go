package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store"
)

// program is the command line: settings, which every command takes, and the commands.
type program struct {
	Settings

	Serve       serveCommand       `cmd:"" default:"1" help:"Serve the API (what happens without a command)."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date and exit."`
	Backup      backupCommand      `cmd:"" help:"Copy a SQLite database to a file, also while the server runs."`
	Restore     restoreCommand     `cmd:"" help:"Put a backup in the place of the SQLite database, while no server runs."`
	Copy        copyCommand        `cmd:"" help:"Copy everything to another database, such as from SQLite to PostgreSQL, while no server runs."`
	CreateAdmin createAdminCommand `cmd:"" help:"Make an account an administrator's and set its password, which ends its sessions."`
	Users       usersCommands      `cmd:"" help:"Look at accounts and change them."`
	Sessions    sessionsCommands   `cmd:"" help:"End sessions."`
	RotateKeys  rotateKeysCommand  `cmd:"" help:"Make a new key to sign access tokens with."`
	Schema      schemaCommand      `cmd:"" help:"Print the GraphQL schema or, with --federation on, the subgraph's."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// console is what a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is a mistake in the command line or in a setting.
type usageError struct{ error }

// run is the whole program. It returns when the command is done or ctx is.
func run(ctx context.Context, args, environ []string, io console) error {
	var p program
	env := newEnvironment(environ)
	parser, err := newParser(ctx, &p, env, io)
	if err != nil {
		return err
	}
	helped := false
	parser.Exit = func(int) { helped = true }
	command, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return usageError{env.named(err)}
	}
	return command.Run(&p.Settings)
}

// newParser returns the parser that fills in p.
func newParser(ctx context.Context, p *program, env environment, io console) (*kong.Kong, error) {
	return kong.New(p,
		kong.Name("authgraph"),
		kong.Description("The login service for GraphQL applications. Every flag is also an environment variable: --public-url is AUTHGRAPH_PUBLIC_URL. AUTHGRAPH_SECRET and AUTHGRAPH_PEPPER are variables only; the README tells of them."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(describe),
		kong.Writers(io.out, io.err),
		kong.Resolvers(env),
		kong.Vars{"database": defaultDatabase},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(io),
	)
}

// describe returns the help of a flag with its default.
func describe(value *kong.Value) string {
	if value.Default == "" {
		return value.Help
	}
	return strings.TrimSuffix(value.Help, ".") + " (" + value.Default + ")."
}

type serveCommand struct{}

// Run serves until ctx is done.
func (serveCommand) Run(ctx context.Context, settings *Settings, io console) error {
	return serve(ctx, settings, io)
}

type migrateCommand struct{}

// Run applies the migrations that the database lacks.
func (migrateCommand) Run(ctx context.Context, settings *Settings, io console) error {
	db, err := store.Open(ctx, settings.Database, settings.databaseOptions())
	if err != nil {
		return err
	}
	applied, err := db.Migrate(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	for _, name := range applied {
		fmt.Fprintln(io.out, "applied", name)
	}
	fmt.Fprintln(io.out, store.Redact(settings.Database), "is up to date")
	return nil
}

type createAdminCommand struct {
	Email string `arg:"" help:"The administrator's email address."`
}

// Run makes an administrator whose password comes from the console.
func (c createAdminCommand) Run(ctx context.Context, settings *Settings, io console) error {
	err := asOperator(ctx, settings, io, func(rules *auth.Service, operator *auth.Viewer) error {
		password, err := readPassword(io)
		if err != nil {
			return err
		}
		user, err := rules.CreateAdministrator(ctx, operator, c.Email, password)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "%s (%s) is an administrator\n", c.Email, user.ID)
		return err
	})
	if errors.Is(err, errTemporary) {
		return fmt.Errorf("%w: %s", errTemporary, adminHint(settings))
	}
	return err
}

// errTemporary is the answer to a command that would change nothing that lasts.
var errTemporary = errors.New("this database would be gone with the command")

// asOperator lets a command act by the rules, as the operator, on a database that outlives it.
// What a command asks for, it asks in act: by then nothing else stands in its way.
func asOperator(ctx context.Context, settings *Settings, io console, act func(rules *auth.Service, operator *auth.Viewer) error) (err error) {
	if store.Temporary(settings.Database) {
		return fmt.Errorf("%w: name another by --database", errTemporary)
	}
	backend, err := open(ctx, settings, newLogger(io.err))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.close()) }()
	return act(backend.auth, backend.auth.Operator())
}

// readPassword asks for a password twice without showing it or, where the input is no
// terminal, reads its first line.
func readPassword(io console) (string, error) {
	file, ok := io.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return firstLine(io.in)
	}
	defer restoreOnInterrupt(int(file.Fd()))()
	ask := func(prompt string) (string, error) {
		fmt.Fprint(io.err, prompt)
		password, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(io.err)
		return string(password), err
	}
	password, err := ask("Password: ")
	if err != nil {
		return "", fmt.Errorf("failed to read the password: %w", err)
	}
	again, err := ask("Once more: ")
	if err != nil {
		return "", fmt.Errorf("failed to read the password: %w", err)
	}
	if password != again {
		return "", errors.New("the two passwords differ")
	}
	return password, nil
}

// restoreOnInterrupt lets Ctrl-C end the program with the terminal as it was, which shows what is
// typed. What it returns ends that.
func restoreOnInterrupt(terminal int) (stop func()) {
	state, err := term.GetState(terminal)
	if err != nil {
		return func() {}
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-interrupted; ok {
			_ = term.Restore(terminal, state)
			os.Exit(130) // as a shell reports a program that Ctrl-C ended
		}
	}()
	return func() { signal.Stop(interrupted); close(interrupted) }
}

// firstLine reads a password from a file or a pipe.
func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("failed to read the password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", errors.New("the password, which is read from the first line, is empty")
	}
	return password, nil
}

type schemaCommand struct{}

// Run prints the schema of clients or, with federation, that of the subgraph.
func (schemaCommand) Run(settings *Settings, io console) error {
	text := graph.SDL()
	if settings.Federation == "on" {
		text = graph.SubgraphSDL()
	}
	_, err := fmt.Fprint(io.out, text)
	return err
}

type versionCommand struct{}

// Run prints the version that the program was built from.
func (versionCommand) Run(io console) error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	_, err := fmt.Fprintln(io.out, "authgraph", version)
	return err
}
