package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/net/publicsuffix"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/store"
)

// envPrefix begins the name of every environment variable that is a setting: --public-url is
// AUTHGRAPH_PUBLIC_URL.
const envPrefix = "AUTHGRAPH_"

// maxDatabaseTimeout leaves time to answer before the connection to the client ends.
const maxDatabaseTimeout = 20 * time.Second

// defaultDatabase is a file in the folder that the server is started in.
const defaultDatabase = "sqlite:authgraph.db"

// Settings are what an operator can choose, by flag or by environment variable of the same
// name. A flag wins.
type Settings struct {
	Addr                string   `default:"localhost:8080" placeholder:"HOST:PORT" help:"The address to listen on."`
	Database            string   `default:"${database}" placeholder:"ADDRESS" help:"Where the data is: sqlite:FILE, sqlite::memory: for a database that is gone at exit, or postgres://USER@HOST/DATABASE."`
	DatabaseConnections int      `default:"20" placeholder:"N" help:"How many connections to PostgreSQL this server opens at most, besides one on which it hears of the others' commits."`
	DatabaseTimeout     Duration `default:"10s" placeholder:"DURATION" help:"How long a statement may take, and the wait for a connection to run it on."`
	PublicURL           *url.URL `name:"public-url" placeholder:"URL" help:"Where clients reach the server; https makes cookies Secure and only loopback may do without. By default http on localhost, at the port listened on."`
	Origins             []string `placeholder:"URL,…" help:"The web origins other than PUBLIC_URL whose pages may call the API, or * for every one, then without cookies."`

	SessionCookie    string   `default:"authgraph_session" placeholder:"NAME" help:"The name of the session cookie; under https it gets the prefix __Host-."`
	SessionSamesite  string   `name:"session-samesite" default:"lax" enum:"lax,strict,none" placeholder:"lax|strict|none" help:"The session cookie's SameSite attribute; none needs https and ORIGINS."`
	SessionDuration  Duration `default:"24h" placeholder:"DURATION" help:"How long a session lasts, as 24h or in seconds; 0 for until log-out."`
	RememberDuration Duration `default:"720h" placeholder:"DURATION" help:"How long a session with rememberMe lasts; 0 for until log-out."`
	IdleDuration     Duration `default:"0" placeholder:"DURATION" help:"After how long without use a session ends; 0 for never."`
	MaxSessions      int      `default:"100" placeholder:"N" help:"How many sessions a user can have; the oldest end. 0 for any number."`
	FreshDuration    Duration `default:"5m" placeholder:"DURATION" help:"How long a proof of the password is fresh enough for @auth(fresh: true)."`

	Schemes          []string `default:"bearer,basic,authentication-token,cookie" placeholder:"SCHEME,…" help:"How requests may present credentials: bearer, basic, authentication-token, cookie."`
	Audiences        []string `placeholder:"TEXT,…" help:"The services that access tokens can be issued for, beside this one."`
	SigningAlgorithm string   `default:"ES256" enum:"ES256,RS256,EdDSA" placeholder:"ES256|RS256|EdDSA" help:"The algorithm of new keys that sign access tokens."`
	KeyDuration      Duration `default:"2160h" placeholder:"DURATION" help:"How long a key signs access tokens before a new one takes its place."`

	TrustedProxies []string `placeholder:"NETWORK,…" help:"The networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8; nobody's otherwise."`
	RateLimits     string   `default:"on" enum:"on,off" placeholder:"on|off" help:"Whether attempts at passwords, sign-ups and renewals are throttled; off for test rigs."`
	Introspection  string   `default:"auto" enum:"auto,on,off" placeholder:"auto|on|off" help:"Whether clients may ask for the schema; auto: only while PUBLIC_URL is loopback."`
	GetQueries     string   `default:"off" enum:"on,off" placeholder:"on|off" help:"Whether queries can also be sent by GET, with all they say in the URL; mutations never."`
	Documents      []string `placeholder:"FILE,…" help:"Manifests of the documents that front ends were built with, which requests can name instead of sending them."`
	DocumentsMode  string   `default:"off" enum:"off,log,refuse" placeholder:"off|log|refuse" help:"What becomes of documents that are not in DOCUMENTS: off executes them, log also logs each once, refuse refuses them."`
	Federation     string   `default:"off" enum:"on,off" placeholder:"on|off" help:"Whether the server is a subgraph of Apollo Federation 2: it then answers gateways by _entities, and by _service where INTROSPECTION is on."`
	AuditDuration  Duration `default:"8760h" placeholder:"DURATION" help:"How long the audit trail is kept; 0 for ever."`

	Signup     string `default:"open" enum:"open,closed" placeholder:"open|closed" help:"Whether strangers may create accounts."`
	Playground string `default:"auto" enum:"auto,on,off" placeholder:"auto|on|off" help:"Whether / shows the playground; auto: only while PUBLIC_URL is loopback."`
	Pprof      string `placeholder:"HOST:PORT" help:"A loopback address, such as 127.0.0.1:6060, to serve profiles of the running program on (Go's net/http/pprof); they hold secrets. Off when empty."`
	BcryptCost int    `default:"12" placeholder:"COST" help:"The bcrypt cost of new password hashes, 10 to 20; each step doubles the work. After a lower one, times tell who has not logged in since."`

	AdminEmail        string `placeholder:"EMAIL" help:"Make sure at start that this account exists and is an administrator's."`
	AdminPasswordFile string `placeholder:"FILE" help:"The file whose first line is the password for ADMIN_EMAIL."`

	UsersFile string `placeholder:"FILE" help:"A JSON list of users to create at start where they are missing: objects with username or email, password, and optionally firstName, lastName and roles."`

	Secret []string `hidden:"" secret:"" placeholder:"TEXT,…" help:"The server secret, at least 32 characters, followed by previous ones that are still accepted. For SQLite a file beside the database is made when it is not given; PostgreSQL needs it."`
	Pepper []string `hidden:"" secret:"" placeholder:"TEXT,…" help:"A key mixed into every password hash, followed by previous ones that are still accepted. Without the pepper of a hash its password is lost."`
}

// Duration is a length of time in a setting: as Go writes it (90m, 24h) or in whole seconds.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if seconds, atoiErr := strconv.ParseUint(string(text), 10, 31); atoiErr == nil {
		parsed, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || parsed < 0 {
		return fmt.Errorf("want a duration such as 90m or 24h, or a number of seconds, not %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// envName returns the environment variable of a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// environment is a kong.Resolver that reads settings from environment variables.
type environment map[string]string

// newEnvironment takes the settings out of a process's environment.
func newEnvironment(environ []string) environment {
	env := environment{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		// An empty variable counts as absent. AUTHGRAPH_TEST_… tells the tests what to use.
		if strings.HasPrefix(name, envPrefix) && !strings.HasPrefix(name, envPrefix+"TEST_") && value != "" {
			env[name] = value
		}
	}
	return env
}

// named says by which variable a setting came whose flag err begins with.
func (env environment) named(err error) error {
	for name := range env {
		flag := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, envPrefix), "_", "-"))
		if rest, ok := strings.CutPrefix(err.Error(), flag); ok && (rest[0] == ' ' || rest[0] == ':') {
			return errors.New(name + rest)
		}
	}
	return err
}

// Validate refuses variables that are no setting.
func (env environment) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, flag := range app.Flags {
		if flag.Name == "help" {
			continue
		}
		known[envName(flag.Name)] = true
	}
	for name := range env {
		if !known[name] {
			return fmt.Errorf("%s is not a setting; `authgraph --help` lists them all", name)
		}
	}
	return nil
}

// Resolve implements kong.Resolver.
func (env environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if value, ok := env[envName(flag.Name)]; ok {
		return value, nil
	}
	return nil, nil
}

// AfterApply refuses settings that do not make sense, alone or together. The first line that
// it returns names the setting.
func (s *Settings) AfterApply(path *kong.Context) error {
	for _, element := range path.Path {
		if flag := element.Flag; flag != nil && !element.Resolved && flag.Tag.Has("secret") {
			return fmt.Errorf("--%s: arguments show in the list of processes; set %s instead", flag.Name, envName(flag.Name))
		} else if flag != nil && !element.Resolved && flag.Name == "database" && store.HasPassword(s.Database) {
			return errors.New("--database: arguments show in the list of processes; put the password into PGPASSWORD, a .pgpass file or AUTHGRAPH_DATABASE")
		}
	}
	if err := store.CheckAddress(s.Database); err != nil {
		return fmt.Errorf("AUTHGRAPH_DATABASE: %w", err)
	}
	if s.DatabaseConnections < 2 {
		return errors.New("AUTHGRAPH_DATABASE_CONNECTIONS: want 2 or more; a migration needs two")
	}
	if s.DatabaseTimeout < Duration(time.Millisecond) || s.DatabaseTimeout > Duration(maxDatabaseTimeout) {
		return fmt.Errorf("AUTHGRAPH_DATABASE_TIMEOUT: want 1ms to %v", maxDatabaseTimeout)
	}
	if err := s.checkPublicURL(); err != nil {
		return err
	}
	if s.BcryptCost < 10 || s.BcryptCost > 20 {
		return errors.New("AUTHGRAPH_BCRYPT_COST: want 10 to 20")
	}
	if (&http.Cookie{Name: s.SessionCookie, Value: "x"}).Valid() != nil {
		return errors.New("AUTHGRAPH_SESSION_COOKIE: want a name of letters, digits, hyphens and underscores")
	}
	if strings.HasPrefix(s.SessionCookie, "__") && !s.https() {
		return errors.New("AUTHGRAPH_SESSION_COOKIE: browsers take a name that begins with __ over https only")
	}
	if s.SessionSamesite == "none" && (!s.https() || len(s.Origins) == 0) {
		return errors.New("AUTHGRAPH_SESSION_SAMESITE: none needs a PUBLIC_URL with https, and ORIGINS")
	}
	if (s.AdminEmail == "") != (s.AdminPasswordFile == "") {
		return errors.New("AUTHGRAPH_ADMIN_EMAIL and AUTHGRAPH_ADMIN_PASSWORD_FILE: want both or neither")
	}
	if _, err := s.schemes(); err != nil {
		return err
	}
	if _, err := s.trustedProxies(); err != nil {
		return err
	}
	if s.DocumentsMode != "off" && len(s.Documents) == 0 {
		return fmt.Errorf("AUTHGRAPH_DOCUMENTS_MODE: %s needs DOCUMENTS", s.DocumentsMode)
	}
	if err := s.checkPprof(); err != nil {
		return err
	}
	if s.MaxSessions < 0 {
		return errors.New("AUTHGRAPH_MAX_SESSIONS: want 0 or more")
	}
	if time.Duration(s.KeyDuration) < time.Hour {
		return errors.New("AUTHGRAPH_KEY_DURATION: want at least 1h, as long as access tokens last")
	}
	for _, origin := range s.Origins {
		if err := checkOrigin(origin); err != nil {
			return fmt.Errorf("AUTHGRAPH_ORIGINS: %w", err)
		}
	}
	for _, secret := range []struct {
		name   string
		values []string
	}{{"AUTHGRAPH_SECRET", s.Secret}, {"AUTHGRAPH_PEPPER", s.Pepper}} {
		if len(secret.values) == 0 {
			continue
		}
		if _, err := auth.NewSecret(secret.values...); err != nil {
			return fmt.Errorf("%s: %w", secret.name, err)
		}
	}
	return nil
}

// checkPublicURL fills in and checks PUBLIC_URL.
func (s *Settings) checkPublicURL() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return errors.New("AUTHGRAPH_ADDR: want HOST:PORT, such as localhost:8080 or :8080")
	}
	if s.PublicURL == nil {
		s.PublicURL = &url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}
		if address, err := netip.ParseAddr(host); err == nil && address.IsLoopback() && host != "127.0.0.1" {
			s.PublicURL.Host = s.Addr
		}
	}
	u := s.PublicURL
	if err := checkOrigin(u.String()); err != nil {
		return fmt.Errorf("AUTHGRAPH_PUBLIC_URL: %w", err)
	}
	if !s.https() && !s.loopback() {
		return errors.New("AUTHGRAPH_PUBLIC_URL: want https; only a loopback address may do without")
	}
	return nil
}

// choosePort completes a PUBLIC_URL whose port was left to the system to choose.
func (s *Settings) choosePort(address net.Addr) {
	if s.PublicURL.Port() == "0" {
		_, port, _ := net.SplitHostPort(address.String())
		s.PublicURL.Host = net.JoinHostPort(s.PublicURL.Hostname(), port)
	}
}

// checkOrigin refuses what is not a web origin (RFC 6454, section 6.2).
func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.Contains(origin, "*") ||
		u.Host != strings.ToLower(u.Host) || u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return fmt.Errorf("want an origin as browsers send it, such as https://app.example.com, not %q", origin)
	}
	return nil
}

// schemes returns how credentials may be presented.
func (s *Settings) schemes() (schemes []auth.Scheme, err error) {
	for _, name := range s.Schemes {
		scheme := auth.Scheme(strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
		if !slices.Contains(auth.AllSchemes(), scheme) {
			return nil, fmt.Errorf("AUTHGRAPH_SCHEMES: want some of bearer, basic, authentication-token and cookie, not %q", name)
		}
		schemes = append(schemes, scheme)
	}
	return schemes, nil
}

// trustedProxies returns the networks of proxies.
func (s *Settings) trustedProxies() (networks []netip.Prefix, err error) {
	for _, text := range s.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("AUTHGRAPH_TRUSTED_PROXIES: want networks such as 10.0.0.0/8, not %q", text)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// databaseOptions returns how the database is used.
func (s *Settings) databaseOptions() store.Options {
	return store.Options{Connections: s.DatabaseConnections, Timeout: time.Duration(s.DatabaseTimeout)}
}

// introspection reports whether clients may ask for the schema.
func (s *Settings) introspection() bool {
	return s.Introspection == "on" || s.Introspection == "auto" && s.loopback()
}

// https reports whether clients reach the server by https.
func (s *Settings) https() bool { return s.PublicURL.Scheme == "https" }

// loopback reports whether only this machine can reach PUBLIC_URL.
func (s *Settings) loopback() bool {
	host := s.PublicURL.Hostname()
	address, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback()
}

// playground reports whether / shows the playground.
func (s *Settings) playground() bool {
	return s.Playground == "on" || s.Playground == "auto" && s.loopback()
}

// warnings returns what is allowed and still likely to surprise.
func (s *Settings) warnings() (warnings []string) {
	if host := store.Unprotected(s.Database); host != "" {
		warnings = append(warnings, fmt.Sprintf("AUTHGRAPH_DATABASE: the way to %s is not protected by TLS; use sslmode=verify-full", host))
	}
	if s.DocumentsMode == "refuse" && s.playground() {
		warnings = append(warnings, "AUTHGRAPH_DOCUMENTS_MODE: what is typed into the playground is refused, for it is not in DOCUMENTS")
	}
	return append(warnings, s.originWarnings()...)
}

// originWarnings returns what will surprise about origins.
func (s *Settings) originWarnings() []string {
	if s.SessionSamesite == "none" || slices.Contains(s.Origins, "*") {
		return nil
	}
	var warnings []string
	for _, origin := range s.Origins {
		u, _ := url.Parse(origin) // checked by AfterApply
		if site(u) != site(s.PublicURL) {
			warnings = append(warnings, fmt.Sprintf("AUTHGRAPH_ORIGINS: browsers send no %s cookie from %s, which is another site than %s; use SESSION_SAMESITE=none",
				s.SessionSamesite, origin, s.PublicURL))
		}
	}
	return warnings
}

// site returns the site of an origin: its scheme and registrable domain. Browsers send
// SameSite cookies within one.
func site(u *url.URL) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname())
	if err != nil {
		domain = u.Hostname()
	}
	return u.Scheme + "://" + domain
}

// cookie returns the session cookie that the settings ask for.
func (s *Settings) cookie() auth.Cookie {
	sameSite := map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}
	return auth.Cookie{Name: s.SessionCookie, SameSite: sameSite[s.SessionSamesite], Secure: s.https()}
}
