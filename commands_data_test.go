package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// client is a program that signs in once and keeps what it got.
type client struct {
	session, apiToken, accessToken string
}

// enrol makes a user and gets one of each kind of token.
func (i *instance) enrol(name string) client {
	i.t.Helper()
	field := func(query, pattern string, headers ...string) string {
		_, answer := i.post(http.DefaultClient, query, headers...)
		found := regexp.MustCompile(pattern).FindString(answer)
		if found == "" {
			i.t.Fatalf("%s answers %s", query, answer)
		}
		return found
	}
	field(`mutation { createUser(input: {username: "`+name+`", password: "violet harbour lantern"}) { user { id } } }`, `usr_`)
	session := field(logIn(name), `ags_[\w-]+`)
	bearer := []string{"Authorization", "Bearer " + session}
	return client{
		session:     session,
		apiToken:    field(`mutation { createApiToken(input: {name: "x"}) { token } }`, `agt_[\w-]+`, bearer...),
		accessToken: field(`mutation { issueAccessToken { token } }`, `eyJ[\w.-]+`, bearer...),
	}
}

// logIn returns the operation that signs a user of enrol in.
func logIn(name string) string {
	return `mutation { login(input: {identifier: "` + name + `", password: "violet harbour lantern"}) { ... on LoginSuccess { token } } }`
}

// knows holds the program to knowing a client by each of its tokens, and by the password.
func (i *instance) knows(name string, c client) {
	i.t.Helper()
	for kind, token := range map[string]string{"session": c.session, "API token": c.apiToken, "access token": c.accessToken} {
		if _, answer := i.post(http.DefaultClient, `{ me { username } }`, "Authorization", "Bearer "+token); !strings.Contains(answer, `"username":"`+name+`"`) {
			i.t.Errorf("by the %s of %s: %s", kind, name, answer)
		}
	}
	if _, answer := i.post(http.DefaultClient, logIn(name)); !strings.Contains(answer, "ags_") {
		i.t.Errorf("by the password of %s: %s", name, answer)
	}
}

// startAt runs the program on a database, for clients that know it by one name.
func startAt(t *testing.T, address string, environ ...string) *instance {
	t.Helper()
	i := start(t, append(append(database(address), "AUTHGRAPH_PUBLIC_URL=https://login.example.test"), environ...)...)
	i.URL = i.listening()
	return i
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestABackupIsMadeWhilePeopleLogIn holds that nobody is turned away meanwhile, and that the
// backup, restored elsewhere, knows who had signed in.
func TestABackupIsMadeWhilePeopleLogIn(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	o := newOperator(t)
	path := strings.TrimPrefix(o.database, "sqlite:")
	server := startAt(t, o.database, "AUTHGRAPH_RATE_LIMITS=off")
	ada := server.enrol("ada")
	var people sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		people.Go(func() {
			for {
				// A machine that does much else may be too slow for four at once.
				if _, answer := server.post(http.DefaultClient, logIn("ada")); !strings.Contains(answer, "ags_") && !strings.Contains(answer, "OVERLOADED") {
					t.Errorf("a log-in answers %s", answer)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	out, err := o.command("", "backup", backup)
	close(stop)
	people.Wait()
	if err != nil || !strings.Contains(out, path+".secret") {
		t.Fatalf("%s, %v", out, err)
	}

	elsewhere := operator{t, "sqlite:" + filepath.Join(t.TempDir(), "new.db")}
	if _, err := elsewhere.command("", "restore", backup); err == nil || !strings.Contains(err.Error(), "new.db.secret is missing") {
		t.Errorf("without the secret: %v", err)
	}
	copyFile(t, path+".secret", strings.TrimPrefix(elsewhere.database, "sqlite:")+".secret")
	if out, err := elsewhere.command("", "restore", backup); err != nil {
		t.Fatalf("%s, %v", out, err)
	}
	db, err := store.OpenExisting(t.Context(), elsewhere.database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := db.Counts(t.Context(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	logins, err := db.CountAuditEvents(t.Context(), model.AuditLoggedIn, 0, 1_000_000)
	if err != nil || logins != counts.Sessions { // one of each in a transaction
		t.Errorf("the backup has %d sessions and %d log-ins: %v", counts.Sessions, logins, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	startAt(t, elsewhere.database).knows("ada", ada)
	server.knows("ada", ada)
}

func TestARestoreUndoesWhatCameAfterTheBackup(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	o := newOperator(t)
	server := startAt(t, o.database)
	ada := server.enrol("ada")
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := o.command("", "backup", backup); err != nil {
		t.Fatal(err)
	}
	eve := server.enrol("eve")
	if _, err := o.command("", "restore", backup, "--force"); err == nil || err.Error() != store.ErrInUse.Error() {
		t.Errorf("while the server runs: %v", err)
	}
	server.knows("eve", eve)
	if err := server.shutDown(); err != nil {
		t.Fatal(err)
	}
	out, err := o.command("", "restore", backup, "--force")
	if err != nil {
		t.Fatal(err)
	}
	server = startAt(t, o.database)
	server.knows("ada", ada)
	if _, answer := server.post(http.DefaultClient, `{ me { username } }`, "Authorization", "Bearer "+eve.session); !strings.Contains(answer, "UNAUTHENTICATED") {
		t.Errorf("a session from after the backup: %s", answer)
	}
	_, rest, _ := strings.Cut(out, "What was there before is ")
	kept, _, _ := strings.Cut(rest, "\n")
	copyFile(t, strings.TrimPrefix(o.database, "sqlite:")+".secret", kept+".secret")
	startAt(t, "sqlite:"+kept).knows("eve", eve)
}

// TestACopyKeepsEverybodySignedIn moves a database there and back again, once broken off on the
// way. Each copy is served as the other was.
func TestACopyKeepsEverybodySignedIn(t *testing.T) {
	storetest.SQLite(t) // and PostgreSQL, once
	for name, newAddress := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
		"PostgreSQL": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const secret = "AUTHGRAPH_SECRET=a secret of thirty-two characters"
			first := newOperator(t)
			second, third := operator{t, newAddress(t)}, newOperator(t)
			server := startAt(t, first.database, secret)
			ada := server.enrol("ada")
			if err := server.shutDown(); err != nil {
				t.Fatal(err)
			}

			ctx, cancel := context.WithCancel(t.Context())
			copied := func(ctx context.Context, from, to operator, log io.Writer) (string, error) {
				var out bytes.Buffer
				err := run(ctx, []string{"copy", "--from", from.database}, []string{"AUTHGRAPH_DATABASE=" + to.database, secret},
					console{in: strings.NewReader(""), out: &out, err: log})
				return out.String(), err
			}
			if out, err := copied(ctx, first, second, writerFunc(func(text []byte) {
				if bytes.Contains(text, []byte("copying users")) {
					cancel()
				}
			})); err == nil || !strings.Contains(err.Error(), "broken off") {
				t.Fatalf("broken off: %s, %v", out, err)
			}
			if _, err := second.command("", "users", "list"); err == nil || !strings.Contains(err.Error(), "unfinished copy") {
				t.Errorf("a part is served: %v", err)
			}
			if _, err := os.Stat(store.SecretFile(second.database)); err == nil {
				t.Error("a part of a database got a secret of its own")
			}
			var log bytes.Buffer
			out, err := copied(t.Context(), first, second, &log)
			if err != nil || !strings.Contains(out, "with users: 1, sessions: 1") || !strings.Contains(out, "AUTHGRAPH_SECRET") {
				t.Fatalf("%s, %v", out, err)
			}
			if !strings.HasPrefix(log.String(), "No server may use "+first.database) || !strings.Contains(log.String(), "comparing users (") {
				t.Errorf("the progress is %s", log.String())
			}
			server = startAt(t, second.database, secret)
			server.knows("ada", ada)
			eve := server.enrol("eve")
			if err := server.shutDown(); err != nil {
				t.Fatal(err)
			}
			if out, err := copied(t.Context(), second, third, &log); err != nil || !strings.Contains(out, "users: 2") {
				t.Fatalf("%s, %v", out, err)
			}
			server = startAt(t, third.database, secret)
			server.knows("ada", ada)
			server.knows("eve", eve)
			if _, err := copied(t.Context(), third, second, &log); err == nil || err.Error() != store.ErrInUse.Error() {
				t.Errorf("while a server uses the source: %v", err)
			}
		})
	}
}

// writerFunc is told what is written.
type writerFunc func(text []byte)

func (f writerFunc) Write(text []byte) (int, error) {
	f(text)
	return len(text), nil
}

func TestProgressIsABarOnATerminal(t *testing.T) {
	t.Parallel()
	for terminal, want := range map[bool]string{
		false: "copying users (0%)\ncopying roles (50%)\n",
		true: "\r[..............................] copying users                 " +
			"\r[##########....................] copying users                 " +
			"\r[###############...............] copying roles                 \n",
	} {
		var out bytes.Buffer
		p := &progress{w: &out, terminal: terminal}
		p.show("copying users", 0, 6)
		p.show("copying users", 2, 6)
		p.show("copying roles", 3, 6)
		p.end()
		if out.String() != want {
			t.Errorf("on a terminal (%v): %q, want %q", terminal, out.String(), want)
		}
	}
}
