package auth_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// TestMain runs the tests on each kind of database.
func TestMain(m *testing.M) { os.Exit(storetest.Rounds(m).Run()) }

const password = "correct horse battery staple"

func newSecret(t *testing.T, values ...string) auth.Secret {
	t.Helper()
	secret, err := auth.NewSecret(values...)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func newService(t *testing.T, db *store.Store, changes ...func(*auth.Options)) *auth.Service {
	t.Helper()
	options := auth.DefaultOptions()
	options.BcryptCost = bcrypt.MinCost
	options.Secret = newSecret(t, strings.Repeat("s", 32))
	options.Permissions = []string{auth.UsersRead, auth.UsersWrite, auth.RolesRead, auth.RolesWrite}
	for _, change := range changes {
		change(&options)
	}
	service, err := auth.New(t.Context(), db, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service
}

func TestAGuardAsksForAllItNames(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newService(t, storetest.Open(t), func(o *auth.Options) { o.Now = func() time.Time { return now } })
	session := func(age time.Duration) *model.Session {
		return &model.Session{AuthenticatedAt: model.NewTime(now.Add(-age))}
	}
	viewer := &auth.Viewer{
		User: &model.User{ID: "usr_1"}, Session: session(time.Minute), Scheme: auth.SchemeCookie, Kind: auth.KindSession,
		Roles: []string{"editor", "author"}, Permissions: model.Permissions{"notes:read", "notes:write"},
	}
	stale := *viewer
	stale.Session = session(5 * time.Minute)
	sessionless := *viewer
	sessionless.Session = nil
	for _, test := range []struct {
		name   string
		viewer *auth.Viewer
		guard  auth.Guard
		want   auth.Code
	}{
		{"a stranger", &auth.Viewer{}, auth.Guard{}, auth.Unauthenticated},
		{"anyone signed in", viewer, auth.Guard{}, ""},
		{"one of the roles", viewer, auth.Guard{Roles: []string{"admin", "author"}}, ""},
		{"none of the roles", viewer, auth.Guard{Roles: []string{"admin"}}, auth.Forbidden},
		{"an empty list of roles", viewer, auth.Guard{Roles: []string{}}, auth.Forbidden},
		{"all permissions", viewer, auth.Guard{Permissions: []string{"notes:write", "notes:read"}}, ""},
		{"a missing permission", viewer, auth.Guard{Permissions: []string{"notes:write", "users:read"}}, auth.Forbidden},
		{"the roles and not the permissions", viewer, auth.Guard{Roles: []string{"editor"}, Permissions: []string{"users:read"}}, auth.Forbidden},
		{"the permissions and not the roles", viewer, auth.Guard{Roles: []string{"admin"}, Permissions: []string{"notes:read"}}, auth.Forbidden},
		{"the kind of credential", viewer, auth.Guard{Schemes: []auth.Scheme{auth.SchemeBearer, auth.SchemeCookie}}, ""},
		{"another kind of credential", viewer, auth.Guard{Schemes: []auth.Scheme{auth.SchemeBearer}}, auth.Forbidden},
		{"an empty list of kinds", viewer, auth.Guard{Schemes: []auth.Scheme{}}, auth.Forbidden},
		{"a fresh session", viewer, auth.Guard{Fresh: true}, ""},
		{"a stale session", &stale, auth.Guard{Fresh: true}, auth.ReauthenticationRequired},
		{"no session", &sessionless, auth.Guard{Fresh: true}, auth.ReauthenticationRequired},
		{"a stale session without the role", &stale, auth.Guard{Fresh: true, Roles: []string{"admin"}}, auth.Forbidden},
		{"the operator", s.Operator(), auth.Guard{Roles: []string{"admin"}, Permissions: []string{"users:read"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := s.CheckGuard(test.viewer, test.guard)
			refusal, _ := errors.AsType[*auth.Error](err)
			if test.want == "" && err != nil || test.want != "" && (refusal == nil || refusal.Code != test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestAdministratorsAreMadeAndReclaimed(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	s := newService(t, db)
	has := func(want bool) {
		t.Helper()
		if got, err := s.HasAdministrator(t.Context()); err != nil || got != want {
			t.Errorf("HasAdministrator is %v, %v", got, err)
		}
	}
	login := func(secret string) (*auth.SignedIn, error) {
		return s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "boss@example.test", Password: secret})
	}
	has(false)
	stolen, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Email: "Boss@example.test", Password: "the thief's password"})
	if err != nil {
		t.Fatal(err)
	}
	thief, err := login("the thief's password")
	if err != nil {
		t.Fatal(err)
	}
	stolen.DisabledAt = 1
	if err := db.UpdateUser(t.Context(), stolen); err != nil {
		t.Fatal(err)
	}

	user, err := s.CreateAdministrator(t.Context(), s.Operator(), "boss@example.test", password)
	if err != nil || user.ID != stolen.ID {
		t.Fatalf("want the existing account, got %v, %v", user, err)
	}
	has(true)
	if _, err := login("the thief's password"); err == nil {
		t.Error("the old password still signs in")
	}
	if _, err := db.SessionByID(t.Context(), thief.Viewer.Session.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old session lives: %v", err)
	}
	own, err := login(password)
	if err != nil || !slices.Contains(own.Viewer.Roles, model.RoleAdmin) || !own.Viewer.Can(auth.UsersRead) {
		t.Fatalf("want an administrator: %+v, %v", own, err)
	}

	changed, err := s.EnsureAdministrator(t.Context(), s.Operator(), "boss@example.test", password)
	if err != nil || changed {
		t.Errorf("a start must leave a good administrator alone: %v, %v", changed, err)
	}
	if _, err := db.SessionByID(t.Context(), own.Viewer.Session.ID); err != nil {
		t.Errorf("a start ended an administrator's session: %v", err)
	}
	changed, err = s.EnsureAdministrator(t.Context(), s.Operator(), "boss@example.test", "another good password")
	if err != nil || !changed {
		t.Errorf("a start must set a new password: %v, %v", changed, err)
	}
	if _, err := login("another good password"); err != nil {
		t.Error(err)
	}

	for name, v := range map[string]*auth.Viewer{"a stranger": {}, "an administrator": own.Viewer} {
		if _, err := s.CreateAdministrator(t.Context(), v, "eve@example.test", password); err == nil {
			t.Errorf("%s makes an administrator", name)
		}
	}
	for _, weak := range []string{"short", "password1", "boss@example.test"} {
		if _, err := s.CreateAdministrator(t.Context(), s.Operator(), "boss@example.test", weak); err == nil {
			t.Errorf("the password %q is taken", weak)
		}
	}
}

func TestALoginIsRefusedWhenTheAccountChangesMeanwhile(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	s := newService(t, db)
	user, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	// While nobody else can write, log-ins verify the password and then wait.
	var logins sync.WaitGroup
	errs := make([]error, 5)
	err = db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		for i := range errs {
			logins.Go(func() {
				_, errs[i] = s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: password})
			})
		}
		user.DisabledAt = 1
		return tx.UpdateUser(ctx, user)
	})
	logins.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		if refusal, ok := errors.AsType[*auth.Error](err); !ok || refusal.Code != auth.InvalidCredentials {
			t.Errorf("got %v", err)
		}
	}
}

func TestALoginRehashesAnOutdatedPassword(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	cheap := newService(t, db)
	user, err := cheap.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	dear := newService(t, db, func(o *auth.Options) { o.BcryptCost = bcrypt.MinCost + 1; o.Peppers = []string{"a pepper"} })
	for range 2 {
		if _, err := dear.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: password}); err != nil {
			t.Fatal(err)
		}
	}
	credential, err := db.PasswordByUser(t.Context(), user.ID)
	if err != nil || strings.Contains(credential.Secret, ":label:") || !strings.Contains(credential.Secret, "$2a$05$") {
		t.Errorf("want the new key and cost: %s, %v", credential.Secret, err)
	}
}

func TestADatabaseKnowsItsSecret(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	first, second, third := strings.Repeat("1", 32), strings.Repeat("2", 32), strings.Repeat("3", 32)
	start := func(values ...string) error {
		options := auth.DefaultOptions()
		options.BcryptCost = bcrypt.MinCost
		options.Secret = newSecret(t, values...)
		service, err := auth.New(t.Context(), db, options)
		if err == nil {
			service.Close()
		}
		return err
	}
	for _, step := range []struct {
		values []string
		want   error
	}{
		{[]string{first}, nil},
		{[]string{first}, nil},
		{[]string{second}, auth.ErrWrongSecret},
		{[]string{second, first}, nil},
		{[]string{second}, nil},
		{[]string{first}, auth.ErrWrongSecret},
		{[]string{third, first}, auth.ErrWrongSecret},
	} {
		// What a start will say can be asked before, and asking changes nothing.
		if err := newSecret(t, step.values...).Check(t.Context(), db); !errors.Is(err, step.want) {
			t.Errorf("check of %.1s: got %v, want %v", step.values, err, step.want)
		}
		if err := start(step.values...); !errors.Is(err, step.want) {
			t.Errorf("start with %.1s: got %v, want %v", step.values, err, step.want)
		}
	}
	if _, err := auth.NewSecret("too short"); err == nil {
		t.Error("a short secret is taken")
	}
}

func TestASecretFileIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "authgraph.db.secret")
	if _, err := auth.SecretFromFile(path, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	var wg sync.WaitGroup
	secrets := make([]auth.Secret, 20)
	for i := range secrets {
		wg.Go(func() {
			var err error
			if secrets[i], err = auth.SecretFromFile(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	db := storetest.Open(t)
	for _, secret := range secrets {
		options := auth.DefaultOptions()
		options.BcryptCost = bcrypt.MinCost
		options.Secret = secret
		service, err := auth.New(t.Context(), db, options)
		if err != nil {
			t.Fatalf("two starts made two secrets: %v", err)
		}
		service.Close()
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a file for its owner alone: %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPermissionsHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"users", "users:", ":read", "Users:read", "users:read:all", "users read", "users:read,x"} {
		options := auth.DefaultOptions()
		options.Secret = auth.RandomSecret()
		options.Permissions = []string{bad}
		if _, err := auth.New(t.Context(), storetest.Open(t), options); err == nil {
			t.Errorf("the permission %q is taken", bad)
		}
	}
}

func TestSweepRemovesEndedSessionsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	s := newService(t, db, func(o *auth.Options) { o.SessionDuration = time.Nanosecond })
	if _, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: password}); err != nil {
		t.Fatal(err)
	}
	signedIn, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var sweeper sync.WaitGroup
	sweeper.Go(func() { s.Sweep(ctx) })
	for {
		_, err := db.SessionByID(t.Context(), signedIn.Viewer.Session.ID)
		if errors.Is(err, store.ErrNotFound) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	sweeper.Wait()
}
