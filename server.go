// Command authgraph is the login service for GraphQL applications: one binary that keeps
// users and sessions in SQLite and serves them over GraphQL.
//
//	authgraph                      serve, with the playground, on http://localhost:8080/
//	authgraph create-admin EMAIL   make an administrator
//	authgraph --help               every command and setting
//
// Package model says what there is, store how it is kept, auth what is allowed and graph how
// it is asked. This file says how it runs, config.go by which settings, commands.go by which
// commands.
package main

//go:generate go run ./graph/generate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/cors"
	"golang.org/x/term"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/playground"
	"github.com/authgraph/authgraph/store"
)

// shutdownTime is how long running requests may take to finish after the signal to stop.
const shutdownTime = 10 * time.Second

// spareHeap is how much the program may allocate between two collections beyond as much as it keeps,
// which is only some megabytes, so that it need not collect every few hundred requests. It is never
// touched, so it takes no memory itself. More of it would spare little more CPU time, and the garbage
// would take memory.
var spareHeap = make([]byte, 12<<20)

func main() {
	defer runtime.KeepAlive(spareHeap)
	err := run(context.Background(), os.Args[1:], os.Environ(), console{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	if err == nil {
		return
	}
	if refusal, ok := errors.AsType[*auth.Error](err); ok {
		err = errors.New(refusal.Message)
	}
	fmt.Fprintln(os.Stderr, "authgraph:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		os.Exit(2)
	}
	os.Exit(1)
}

// threads is how many threads Go runs at once while no passwords are hashed.
var threads = runtime.GOMAXPROCS(0)

// addHashThreads lets Go run one thread more for each that hashes passwords while there are any, so
// that those, at their low priority, never stand in the way of a request. More threads than cores
// take 4 % more CPU time for each request, to look for something to do. Within a
// container's quota of CPU time they would only use it up, and Go has lowered GOMAXPROCS there.
func addHashThreads(hashing bool) {
	switch {
	case cpuQuota():
	case hashing:
		runtime.GOMAXPROCS(threads + hashWorkers())
	default:
		runtime.GOMAXPROCS(threads)
	}
}

// cpuQuota reports whether the process may use fewer cores than the machine has.
func cpuQuota() bool { return threads < runtime.NumCPU() }

// hashWorkers returns how many passwords to hash at once: one for each core or, under a
// quota, one less, so that requests always have a share.
func hashWorkers() int {
	if cpuQuota() {
		return max(1, threads-1)
	}
	return runtime.NumCPU()
}

// backend is what stands behind the API: the database and the rules.
type backend struct {
	store *store.Store
	auth  *auth.Service
}

func (b *backend) close() error {
	b.auth.Close()
	return b.store.Close()
}

// open opens the database, brings it up to date and puts the rules on it.
func open(ctx context.Context, settings *Settings, log *slog.Logger) (_ *backend, err error) {
	database := settings.databaseOptions()
	database.Waiting = func(why error) { log.InfoContext(ctx, "waiting to migrate the database", "reason", why) }
	db, err := store.Open(ctx, settings.Database, database)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if _, err := db.Migrate(ctx); err != nil {
		return nil, err
	}
	options := auth.DefaultOptions()
	options.BcryptCost = settings.BcryptCost
	options.HashWorkers = hashWorkers()
	options.Hashing = addHashThreads
	options.Peppers = settings.Pepper
	options.Permissions = graph.Permissions()
	options.SignupOpen = settings.Signup == "open"
	options.SessionDuration = time.Duration(settings.SessionDuration)
	options.RememberDuration = time.Duration(settings.RememberDuration)
	options.IdleDuration = time.Duration(settings.IdleDuration)
	options.FreshDuration = time.Duration(settings.FreshDuration)
	options.MaxSessions = settings.MaxSessions
	options.PublicURL = settings.PublicURL.String()
	options.Audiences = settings.Audiences
	options.SigningAlgorithm = settings.SigningAlgorithm
	options.KeyDuration = time.Duration(settings.KeyDuration)
	if options.Schemes, err = settings.schemes(); err != nil {
		return nil, err
	}
	options.Cookie = settings.cookie()
	options.RateLimits = settings.RateLimits == "on"
	options.AuditDuration = time.Duration(settings.AuditDuration)
	options.Origins = settings.Origins
	if options.TrustedProxies, err = settings.trustedProxies(); err != nil {
		return nil, err
	}
	options.Log = log
	if options.Secret, err = serverSecret(ctx, settings, db); err != nil {
		return nil, err
	}
	service, err := auth.New(ctx, db, options)
	if errors.Is(err, auth.ErrWrongSecret) {
		return nil, fmt.Errorf("AUTHGRAPH_SECRET or its file: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &backend{store: db, auth: service}, nil
}

// serverSecret returns the configured secret or the one that is kept beside the database.
func serverSecret(ctx context.Context, settings *Settings, db *store.Store) (auth.Secret, error) {
	if len(settings.Secret) > 0 {
		return auth.NewSecret(settings.Secret...)
	}
	if store.Temporary(settings.Database) {
		return auth.RandomSecret(), nil
	}
	path := store.SecretFile(settings.Database)
	if path == "" {
		return auth.Secret{}, fmt.Errorf("%s: a PostgreSQL database needs one, at least 32 characters long and the same for every server; `openssl rand -base64 32` makes one", envName("secret"))
	}
	bound, err := auth.HasSecret(ctx, db)
	if err != nil {
		return auth.Secret{}, err
	}
	secret, err := auth.SecretFromFile(path, !bound)
	if errors.Is(err, os.ErrNotExist) {
		return auth.Secret{}, fmt.Errorf("%s is missing: put the file back, or set %s to what was in it", path, envName("secret"))
	}
	return secret, err
}

// serve runs the server until ctx is done or the process is told to stop, then lets running
// requests finish. Told a second time, the process ends at once.
func serve(ctx context.Context, settings *Settings, console console) (err error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	log := newLogger(console.err)
	manifest, err := graph.LoadManifest(graph.ServedSchema(settings.Federation == "on"), settings.Documents...)
	if err != nil {
		return fmt.Errorf("AUTHGRAPH_DOCUMENTS: %w", err)
	}
	listener, err := net.Listen("tcp", settings.Addr)
	if err != nil {
		return fmt.Errorf("failed to listen: %w", err)
	}
	defer listener.Close() // again, after the server has
	settings.choosePort(listener.Addr())
	backend, err := open(ctx, settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.close()) }()
	if err := ensureAdministrator(ctx, settings, backend.auth, log); err != nil {
		return err
	}
	if err := ensureUsers(ctx, settings, backend.auth, log); err != nil {
		return err
	}
	api, err := graph.NewHandler(backend.auth, graph.Options{
		Introspection: settings.introspection(),
		GetQueries:    settings.GetQueries == "on",
		Manifest:      manifest,
		Unlisted:      graph.Unlisted(settings.DocumentsMode),
		Federation:    settings.Federation == "on",
		Log:           log,
	})
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           secure(settings, routes(settings, api, backend.auth)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	profiles, err := serveProfiles(ctx, settings, log)
	if err != nil {
		return err
	}
	if profiles != "" {
		fmt.Fprintln(console.out, "profiles  ", profiles)
	}
	if err := welcome(ctx, console.out, settings, backend.auth, listener.Addr()); err != nil {
		return err
	}
	for _, warning := range settings.warnings() {
		log.Warn(warning)
	}
	if n := manifest.Len(); n > 0 {
		log.Info("trusting documents", "count", n, "others", settings.DocumentsMode)
	}

	background.Go(func() { backend.auth.Sweep(ctx) })

	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	deadline, release := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer release()
	streams := make(chan error, 1)
	go func() { streams <- api.Shutdown(deadline) }()
	err = server.Shutdown(deadline)
	if err := <-streams; err != nil {
		log.Warn("streams were cut off", "error", err)
	}
	if err != nil {
		log.Warn("requests were cut off", "error", err)
		return server.Close()
	}
	return nil
}

// routes is every path that the server answers.
func routes(settings *Settings, api http.Handler, service *auth.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/graphql", allowOrigins(settings, api))
	mux.Handle("GET /auth", service.Middleware(http.HandlerFunc(service.ServeForwardAuth)))
	mux.HandleFunc("GET /.well-known/jwks.json", service.ServeKeys)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := service.Ready(r.Context()); err != nil {
			service.Log.ErrorContext(r.Context(), "not ready", "error", err)
			plain(w, http.StatusServiceUnavailable, "the database does not answer or is not migrated")
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	if settings.playground() {
		mux.Handle("/", playground.Handler())
	}
	return mux
}

// secure puts the headers on every answer that keep browsers from using it for anything but what
// it is. The playground, which is a page, has its own policy.
func secure(settings *Settings, next http.Handler) http.Handler {
	headers := http.Header{}
	headers.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	headers.Set("Cross-Origin-Resource-Policy", "same-origin")
	headers.Set("Referrer-Policy", "no-referrer")
	headers.Set("X-Content-Type-Options", "nosniff")
	headers.Set("X-Frame-Options", "DENY")
	if settings.https() {
		headers.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), headers)
		next.ServeHTTP(w, r)
	})
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}

// allowOrigins lets pages of other origins call the API: with cookies those that are listed,
// without cookies all of them where the list is *.
func allowOrigins(settings *Settings, api http.Handler) http.Handler {
	if len(settings.Origins) == 0 {
		return api
	}
	methods := []string{http.MethodPost}
	if settings.GetQueries == "on" {
		methods = append(methods, http.MethodGet)
	}
	return cors.New(cors.Options{
		AllowedOrigins:   settings.Origins,
		AllowedMethods:   methods,
		AllowedHeaders:   []string{"Authorization", "Authentication-Token", "Content-Type"},
		ExposedHeaders:   []string{"X-Request-Id", "WWW-Authenticate"},
		AllowCredentials: !slices.Contains(settings.Origins, "*"),
		MaxAge:           int((10 * time.Minute).Seconds()),
	}).Handler(api)
}

// ensureAdministrator makes the administrator whom the settings name.
func ensureAdministrator(ctx context.Context, settings *Settings, service *auth.Service, log *slog.Logger) error {
	if settings.AdminEmail == "" {
		return nil
	}
	file, err := os.Open(settings.AdminPasswordFile)
	if err != nil {
		return fmt.Errorf("AUTHGRAPH_ADMIN_PASSWORD_FILE: %w", err)
	}
	defer file.Close()
	password, err := firstLine(file)
	if err != nil {
		return fmt.Errorf("AUTHGRAPH_ADMIN_PASSWORD_FILE: %w", err)
	}
	changed, err := service.EnsureAdministrator(ctx, service.Operator(), settings.AdminEmail, password)
	if err != nil {
		return fmt.Errorf("AUTHGRAPH_ADMIN_EMAIL: %w", err)
	}
	if changed {
		log.Info("made an administrator", "email", settings.AdminEmail)
	}
	return nil
}

// ensureUsers makes the users of the file that the settings name.
func ensureUsers(ctx context.Context, settings *Settings, service *auth.Service, log *slog.Logger) error {
	if settings.UsersFile == "" {
		return nil
	}
	text, err := os.ReadFile(settings.UsersFile)
	if err != nil {
		return fmt.Errorf("AUTHGRAPH_USERS_FILE: %w", err)
	}
	var users []struct {
		Email, Username, Password string
		FirstName, LastName       string
		Roles                     []string
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&users); err != nil {
		return fmt.Errorf("AUTHGRAPH_USERS_FILE: %w", err)
	}
	for i, user := range users {
		created, err := service.EnsureUser(ctx, service.Operator(), auth.CreateUserInput{
			Email: user.Email, Username: user.Username, Password: user.Password,
			FirstName: user.FirstName, LastName: user.LastName,
		}, user.Roles)
		if err != nil {
			return fmt.Errorf("AUTHGRAPH_USERS_FILE: user %d: %w", i+1, err)
		}
		if created {
			log.Info("made a user", "email", user.Email, "username", user.Username)
		}
	}
	return nil
}

// welcome says where everything is.
func welcome(ctx context.Context, w io.Writer, settings *Settings, service *auth.Service, address net.Addr) error {
	at := settings.PublicURL
	if settings.playground() {
		fmt.Fprintln(w, "playground", at.JoinPath("/").String())
	}
	fmt.Fprintln(w, "endpoint  ", at.JoinPath("/graphql").String())
	fmt.Fprintln(w, "database  ", store.Redact(settings.Database))
	exists, err := service.HasAdministrator(ctx)
	if err != nil {
		return err
	}
	if !exists {
		fmt.Fprintln(w, "There is no administrator yet. Make one:", adminHint(settings))
	}
	fmt.Fprintln(w, "ready on", address)
	return nil
}

// adminHint returns the command that makes an administrator in the database being served.
func adminHint(settings *Settings) string {
	if store.Temporary(settings.Database) {
		return "set " + envName("admin-email") + " and " + envName("admin-password-file") + " and start again"
	}
	command := "authgraph"
	if strings.Contains(os.Args[0], "go-build") {
		command = "go run ."
	}
	if store.File(settings.Database) == "" { // what stands in its address may be secret
		return command + " create-admin EMAIL, with the same " + envName("database")
	}
	if settings.Database != defaultDatabase {
		command += fmt.Sprintf(" --database %q", settings.Database)
	}
	return command + " create-admin EMAIL"
}

// newLogger returns a logger that writes for people on a terminal and for programs elsewhere.
func newLogger(w io.Writer) *slog.Logger {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}
