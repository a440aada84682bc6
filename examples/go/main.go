// Command go shows a program that is a client of authgraph: it logs in, asks who it is, renews its
// session, asks again with an access token, and logs out.
//
//	go run . -url http://localhost:8080 ada@example.com
//
// The password comes from a prompt or, where the input is no terminal, from its first line.
package main

//go:generate go tool genqlient

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/authgraph/authgraph/examples/go/authgraph"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, explain(err))
	os.Exit(1)
}

// explain returns what to tell a person of an error.
func explain(err error) string {
	refusal, ok := errors.AsType[*authgraph.Error](err)
	if !ok {
		return err.Error()
	}
	text := refusal.Error()
	if refusal.RetryAfter > 0 {
		text += fmt.Sprintf(" (try again in %s)", refusal.RetryAfter)
	}
	if refusal.Code == authgraph.ErrorCodeInternalServerError {
		text += fmt.Sprintf(" (request %s)", refusal.RequestID)
	}
	return text
}

// run is the whole program.
func run(ctx context.Context, args []string, in io.Reader, out, prompts io.Writer) error {
	flags := flag.NewFlagSet("go run .", flag.ContinueOnError)
	flags.SetOutput(prompts)
	flags.Usage = func() {
		fmt.Fprintln(prompts, "usage: go run . [-url URL] [-sign-up] IDENTIFIER")
		flags.PrintDefaults()
	}
	url := flags.String("url", "http://localhost:8080", "the `URL` of the server")
	signUp := flags.Bool("sign-up", false, "create the account first")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("give one email address or user name")
	}
	identifier, endpoint := flags.Arg(0), strings.TrimSuffix(*url, "/")+"/graphql"
	password, err := readPassword(ctx, in, prompts)
	if err != nil {
		return err
	}

	session := authgraph.NewSession(endpoint, nil)
	if *signUp {
		if err := createAccount(ctx, session, identifier, password); err != nil {
			return err
		}
		fmt.Fprintln(out, "signed up     ", identifier)
	}
	account, err := session.LogIn(ctx, identifier, password)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "logged in     ", account.Id)

	answer, err := authgraph.Me(ctx, session)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "me             %s, since %s\n", name(answer.Me), answer.Me.CreatedAt.Local().Format(time.DateOnly))
	if end := answer.Session.ExpiresAt; end != nil {
		fmt.Fprintf(out, "the session    ends at %s\n", end.Local().Format(time.DateTime))
	}

	if err := session.Renew(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "renewed        the session has a new token")

	service := authgraph.NewClient(endpoint, session.AccessTokens(""))
	if answer, err = authgraph.Me(ctx, service); err != nil {
		return err
	}
	fmt.Fprintln(out, "access token   says the same of me:", name(answer.Me))

	if err := session.LogOut(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "logged out")
	return nil
}

func createAccount(ctx context.Context, session *authgraph.Session, identifier, password string) error {
	input := &authgraph.CreateUserInput{Username: &identifier, Password: password}
	if strings.Contains(identifier, "@") {
		input.Username, input.Email = nil, &identifier
	}
	_, err := authgraph.SignUp(ctx, session, input)
	return err
}

// name returns what to call a user.
func name(user *authgraph.Account) string {
	for _, name := range []*string{user.FirstName, user.Username, user.Email} {
		if name != nil {
			return *name
		}
	}
	return user.Id
}

// readPassword asks for a password without showing it or, where the input is no terminal, reads
// its first line. It is never an argument, which everyone on the machine could see.
func readPassword(ctx context.Context, in io.Reader, prompts io.Writer) (string, error) {
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		fmt.Fprint(prompts, "Password: ")
		defer fmt.Fprintln(prompts)
		return readHidden(ctx, int(file.Fd()))
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !(errors.Is(err, io.EOF) && line != "") {
		return "", fmt.Errorf("failed to read the password from the first line of the input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readHidden reads a line of a terminal. Ctrl-C ends that, with the terminal as it was, which shows
// what is typed.
func readHidden(ctx context.Context, terminal int) (string, error) {
	state, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(terminal)
		read <- line{text, err}
	}()
	select {
	case line := <-read:
		return string(line.text), line.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(terminal, state))
	}
}
