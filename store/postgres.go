package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

const (
	// connectTimeout bounds the way to one host, unless the address says otherwise, and never
	// so that no time is left for the other hosts.
	connectTimeout = 5 * time.Second
	// migrationLockTimeout is how long a migration waits for a table that others use. Behind it
	// wait all who come later, so it gives way to them and tries again.
	migrationLockTimeout = time.Second
	// connectionLifetime is after how long a connection is replaced, so that the load moves to
	// hosts that have joined.
	connectionLifetime = 30 * time.Minute
	connectionIdle     = 5 * time.Minute
)

func openPostgres(ctx context.Context, address string, options Options) (*Store, error) {
	config, err := postgresConfig(address)
	if err != nil {
		return nil, err
	}
	if config.ConnectTimeout == 0 {
		ways := time.Duration(len(hostsOf(config)) + 1)
		config.ConnectTimeout = min(connectTimeout, min(options.Timeout, openDeadline)/ways)
	}
	// What bun writes is another text each time: the server should neither keep it prepared nor
	// be asked what it means before it runs it. The address says how to run the few statements
	// that are always the same.
	mode := config.DefaultQueryExecMode
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(options.Connections)
	pool.SetMaxIdleConns(options.Connections)
	pool.SetConnMaxLifetime(connectionLifetime)
	pool.SetConnMaxIdleTime(connectionIdle)
	if err := checkServer(ctx, pool); err != nil {
		_ = pool.Close()
		return nil, inOneLine(err)
	}
	db := bun.NewDB(pool, pgdialect.New())
	return newStore(postgresEngine{timeout: options.Timeout, mode: mode, config: config}, db, db, options), nil
}

// inOneLine writes an error that has a line for every way that was tried, with TLS and without, as
// one line.
func inOneLine(err error) error {
	reasons := strings.Split(err.Error(), "\n\t")
	slices.Sort(reasons[1:])
	return errors.New(strings.TrimSpace(reasons[0] + " " + strings.Join(slices.Compact(reasons[1:]), "; ")))
}

var errNoURL = errors.New("want a PostgreSQL connection URL, such as postgres://USER@HOST/DATABASE?sslmode=verify-full")

// checkServer connects, and refuses settings under which bun's texts would mean something else.
func checkServer(ctx context.Context, pool *sql.DB) error {
	for setting, want := range map[string]string{"standard_conforming_strings": "on", "bytea_output": "hex", "client_encoding": "UTF8"} {
		var is string
		if err := pool.QueryRowContext(ctx, "SELECT current_setting('"+setting+"')").Scan(&is); err != nil {
			return err
		}
		if is != want {
			return errors.New("its setting " + setting + " is " + is + ", want " + want)
		}
	}
	return nil
}

// postgresConfig reads a connection URL. Only a server that takes writes will do: a standby
// would answer with sessions that have been revoked.
func postgresConfig(address string) (*pgx.ConnConfig, error) {
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errNoURL
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errNoURL // err repeats the address, where the password may be
	}
	switch values.Get("target_session_attrs") {
	case "", "read-write":
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	case "primary":
	default:
		return nil, errors.New("target_session_attrs: want read-write or primary; a standby would answer with sessions that have ended")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "authgraph"
	}
	// bun writes values into the text, by rules that hold only under these two.
	config.RuntimeParams["standard_conforming_strings"] = "on"
	config.RuntimeParams["client_encoding"] = "UTF8"
	config.OnNotice = noteWarning
	return config, nil
}

// unconfirmed is under what a connection keeps the warning that came with a commit.
const unconfirmed = "authgraph unconfirmed"

// noteWarning keeps what PostgreSQL warns of inside a transaction.
func noteWarning(conn *pgconn.PgConn, notice *pgconn.Notice) {
	if notice.Code == warning && conn.TxStatus() == 'T' {
		conn.CustomData()[unconfirmed] = notice.Message
	}
}

// Redact returns an address that can be shown: without a password and whatever else stands in
// its query.
func Redact(address string) string {
	if !isPostgres(address) {
		return address
	}
	config, err := postgresConfig(address)
	if err != nil {
		return postgresPrefix + "…"
	}
	var hosts []string
	for _, host := range hostsOf(config) {
		if at := net.JoinHostPort(host.Host, strconv.Itoa(int(host.Port))); !slices.Contains(hosts, at) {
			hosts = append(hosts, at)
		}
	}
	return postgresPrefix + config.User + "@" + strings.Join(hosts, ",") + "/" + config.Database
}

// HasPassword reports whether a password stands in an address.
func HasPassword(address string) bool {
	if !isPostgres(address) {
		return false
	}
	_, rest, _ := strings.Cut(address, "://")
	authority, query, _ := strings.Cut(rest, "?")
	userinfo, _, found := strings.Cut(authority, "@")
	values, _ := url.ParseQuery(query)
	return found && strings.Contains(userinfo, ":") || values.Has("password") || values.Has("sslpassword")
}

// Unprotected returns the first host of an address to which traffic would go over a network
// unencrypted or to a server that nobody verified, and "" where there is none.
func Unprotected(address string) string {
	if !isPostgres(address) {
		return ""
	}
	config, err := postgresConfig(address)
	if err != nil {
		return ""
	}
	for _, host := range hostsOf(config) {
		ip := net.ParseIP(host.Host)
		local := strings.HasPrefix(host.Host, "/") || host.Host == "localhost" || ip != nil && ip.IsLoopback()
		verified := host.TLSConfig != nil && (!host.TLSConfig.InsecureSkipVerify || host.TLSConfig.VerifyPeerCertificate != nil)
		if !local && !verified {
			return host.Host
		}
	}
	return ""
}

// hostsOf returns every way to connect that is tried, in order.
func hostsOf(config *pgx.ConnConfig) []*pgconn.FallbackConfig {
	first := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}
	return append([]*pgconn.FallbackConfig{first}, config.Fallbacks...)
}

// postgresEngine is PostgreSQL, where transactions run beside each other. They are serializable,
// so that every rule holds as it does where they run one by one; of two that cannot have run one
// after the other, PostgreSQL undoes one, which is then run again.
type postgresEngine struct {
	timeout time.Duration
	mode    pgx.QueryExecMode // of the statements that are run often
	config  *pgx.ConnConfig   // of every connection
}

// begin sets the limits in the same round trip, for this transaction alone: a pooler such as
// PgBouncer gives the connection to someone else afterwards. The second one frees the rows that a
// process holds whose machine was lost.
func (e postgresEngine) begin(isolation isolation) string {
	level, timeout, idle, lock := "SERIALIZABLE", e.timeout, 2*e.timeout, ""
	if isolation != serializable {
		level = "READ COMMITTED"
	}
	if isolation == migration {
		timeout = 0
		lock = "; SET LOCAL lock_timeout = " + strconv.FormatInt(migrationLockTimeout.Milliseconds(), 10)
	}
	return "BEGIN ISOLATION LEVEL " + level +
		"; SET LOCAL statement_timeout = " + strconv.FormatInt(timeout.Milliseconds(), 10) +
		"; SET LOCAL idle_in_transaction_session_timeout = " + strconv.FormatInt(idle.Milliseconds(), 10) + lock
}

// commit lifts the time limit: where a standby has to confirm, PostgreSQL answers a commit that
// ran out of time with a warning only, as if the standby had confirmed. In a transaction that an
// error has ended already, lifting it fails; COMMIT alone would succeed and keep nothing.
//
// One that has changed nothing, because another had done it already, writes a line into the log:
// only then does it wait for the standby too, to which the other may not have come yet. Everybody may
// call these functions unless the operator has revoked that; every write fails then.
func (postgresEngine) commit() string {
	return "SET LOCAL statement_timeout = 0; " +
		"SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN pg_logical_emit_message(TRUE, 'authgraph', '') END; " +
		"COMMIT"
}

// confirmed looks for the warning by which PostgreSQL says that a standby, which must confirm the
// commit, did not: whoever cancels the wait for it makes the commit succeed here alone.
func (postgresEngine) confirmed(conn *sql.Conn) error {
	return conn.Raw(func(driverConn any) error {
		kept := driverConn.(*stdlib.Conn).Conn().PgConn().CustomData()
		message, warned := kept[unconfirmed]
		if !warned {
			return nil
		}
		delete(kept, unconfirmed)
		return fmt.Errorf("the commit is not confirmed: %v", message)
	})
}

// statement numbers the arguments. No query that is kept as text holds another question mark.
func (e postgresEngine) statement(db *sql.DB, text string) *statement {
	var numbered strings.Builder
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			numbered.WriteString("$" + strconv.Itoa(i))
		}
		numbered.WriteString(part)
	}
	return &statement{db: db, text: numbered.String(), hint: []any{e.mode}, driverPrepares: true}
}

// several looks for each value as the query for one does, by the index, however many there are.
func (postgresEngine) several(query string, column columnType) string {
	array := blobType.ReplaceAllString(string(column), "BYTEA") + "[]"
	return "SELECT asked.place, found.* FROM unnest(?::" + array + ") WITH ORDINALITY AS asked(value, place)" +
		" CROSS JOIN LATERAL (" + strings.Replace(query, "?", "asked.value", 1) + " LIMIT 1) AS found"
}

var (
	textType = regexp.MustCompile(`\bTEXT\b`)
	blobType = regexp.MustCompile(`\bBLOB\b`)
)

// schema lets text sort by its bytes, as it does in SQLite, whatever the locale is.
func (postgresEngine) schema(migration string) string {
	return blobType.ReplaceAllString(textType.ReplaceAllString(migration, `TEXT COLLATE "C"`), "BYTEA")
}

// migrationLock does not wait: building an index beside running transactions waits for whoever
// waits for a lock.
func (postgresEngine) migrationLock() string {
	return "SELECT pg_try_advisory_xact_lock(hashtextextended('authgraph migrations of ' || current_schema(), 0))"
}

// tableExists takes a table of any schema in the search path: a schema that comes later must not
// hide the database that there is.
func (postgresEngine) tableExists() string { return "SELECT to_regclass('migrations') IS NOT NULL" }

// showsUnkept is so where a standby has to confirm: whoever cancels a commit that waits for it, as
// a lost connection does, makes it visible.
func (postgresEngine) showsUnkept() bool { return true }

// channel is where this database's notifications go: schemas share the channels of their database.
const channel = "'authgraph_' || hashtextextended(current_schema(), 0)"

func (postgresEngine) notify() string { return "SELECT pg_notify(" + channel + ", ?)" }

// listenCheck is how often a silent connection is asked whether it still leads anywhere.
const listenCheck = 30 * time.Second

func (e postgresEngine) listen(ctx context.Context, listening func(), hear func(text string)) error {
	conn, err := pgx.ConnectConfig(ctx, e.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	var name string
	if err := conn.QueryRow(ctx, "SELECT "+channel).Scan(&name); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{name}.Sanitize()); err != nil {
		return err
	}
	listening()
	for {
		notification, err := waitForNotification(ctx, conn)
		switch {
		case err == nil:
			hear(notification.Payload)
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		default: // nothing came for a while
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func waitForNotification(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	return conn.WaitForNotification(ctx)
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return conn.Ping(ctx)
}

func (postgresEngine) rowLock() string    { return "NO KEY UPDATE" }
func (postgresEngine) skipLocked() string { return "UPDATE SKIP LOCKED" }

// The errors that matter, by their codes (PostgreSQL, appendix A).
const (
	warning                = "01000"
	uniqueViolation        = "23505"
	serializationFailure   = "40001"
	deadlockDetected       = "40P01"
	lockNotAvailable       = "55P03"
	readOnlyTransaction    = "25006"
	adminShutdown          = "57P01"
	crashShutdown          = "57P02"
	idleTransactionTimeout = "25P03"
)

// conflict reads the column from the detail, "Key (email_folded)=(…) already exists.", of which
// translations keep the brackets.
func (postgresEngine) conflict(err error) (column string, ok bool) {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || fault.Code != uniqueViolation {
		return "", false
	}
	_, columns, _ := strings.Cut(fault.Detail, "(")
	column, _, _ = strings.Cut(columns, ")")
	column, _, _ = strings.Cut(column, ",")
	return column, true
}

func (postgresEngine) again(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (fault.Code == serializationFailure || fault.Code == deadlockDetected)
}

func (postgresEngine) locked(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && fault.Code == lockNotAvailable
}

func (postgresEngine) lost(err error) bool {
	if _, connecting := errors.AsType[*pgconn.ConnectError](err); connecting {
		return false
	}
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.Contains([]string{readOnlyTransaction, adminShutdown, crashShutdown, idleTransactionTimeout}, fault.Code)
	}
	for _, end := range []error{driver.ErrBadConn, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
