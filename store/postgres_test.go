package store_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// postgresOnly skips a test in the round on SQLite, because it is about PostgreSQL alone.
func postgresOnly(t *testing.T) {
	t.Helper()
	if !storetest.OnPostgres() {
		t.Skip("about PostgreSQL alone")
	}
}

// with returns an address with another value in its query.
func with(t *testing.T, address, name, value string) string {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query()
	query.Set(name, value)
	at.RawQuery = query.Encode()
	return at.String()
}

// TestAHostThatIsSilentIsPassedOver has a machine that is lost before the one that lives: it takes
// connections and never answers, or would, if it were there.
func TestAHostThatIsSilentIsPassedOver(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if at.Port() == "" {
		at.Host += ":5432"
	}
	for range 2 {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = silent.Close() })
		at.Host = silent.Addr().String() + "," + at.Host
	}
	db, err := store.Open(t.Context(), at.String(), store.Options{Timeout: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatChangeWhatIsReadAreRefused(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	for name, value := range map[string]string{"bytea_output": "escape"} {
		_, err := store.Open(t.Context(), with(t, address, name, value), store.Options{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s = %s: %v", name, value, err)
		}
	}
	// These two it sets itself.
	for name, value := range map[string]string{"standard_conforming_strings": "off", "client_encoding": "LATIN1"} {
		db := storetest.OpenAt(t, with(t, address, name, value))
		if err := db.SetFact(t.Context(), name, `\'é`); err != nil {
			t.Fatal(err)
		}
		if got, err := db.Fact(t.Context(), name); err != nil || got != `\'é` {
			t.Errorf("%s = %s: %s, %v", name, value, got, err)
		}
	}
}

// TestAMigrationGivesWay has a table that somebody reads for long, as a dump does. The migration
// that waits for it keeps no other reader waiting.
func TestAMigrationGivesWay(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	first := "CREATE TABLE a (id TEXT NOT NULL);"
	told := make(chan error, 1)
	db, err := store.Open(t.Context(), address, store.Options{Waiting: func(why error) { told <- why }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.MigrateFrom(t.Context(), files(first)); err != nil {
		t.Fatal(err)
	}
	dump, err := storetest.SQL(t, address).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dump.ExecContext(t.Context(), "SELECT * FROM a"); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := db.MigrateFrom(t.Context(), files(first, "ALTER TABLE a ADD COLUMN b TEXT;"))
		migrated <- err
	}()
	if why := <-told; why == nil {
		t.Error("nobody is told why it waits")
	}
	reader := storetest.SQL(t, address)
	for range 20 {
		if _, err := reader.ExecContext(t.Context(), "SELECT id FROM a"); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-migrated:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	if err := dump.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

// TestARoleWithoutRightsStartsOnAMigratedDatabase lets somebody else migrate.
func TestARoleWithoutRightsStartsOnAMigratedDatabase(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	storetest.OpenAt(t, address)
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := at.Query().Get("search_path")
	storetest.Exec(t, address, "CREATE ROLE "+name+" LOGIN; GRANT USAGE ON SCHEMA "+name+" TO "+name+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "+name+" TO "+name)
	pool := storetest.SQL(t, address)
	t.Cleanup(func() {
		if _, err := pool.ExecContext(context.Background(), "DROP OWNED BY "+name+"; DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	at.User = url.User(name)
	db := storetest.OpenAt(t, at.String())
	if err := db.InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestALostServerKeepsNobodyWaiting has a server vanish in the middle of a transaction, as one does
// whose machine is lost. PostgreSQL gives its rows to others after a while.
func TestALostServerKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	if err := storetest.OpenAt(t, address).InsertUser(t.Context(), user("usr_1", "", "ada")); err != nil {
		t.Fatal(err)
	}
	open := func() *store.Store {
		db, err := store.Open(t.Context(), address, store.Options{Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	lock := func(db *store.Store, then func()) error {
		return db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
			_, err := tx.LockUser(ctx, "usr_1")
			then()
			return err
		})
	}
	lost, alive := open(), open()
	err := lock(lost, func() {
		for deadline := time.Now().Add(time.Minute); ; {
			err := lock(alive, func() {})
			if err == nil {
				return
			}
			if errors.Is(err, store.ErrNotFound) || time.Now().After(deadline) {
				t.Error(err)
				return
			}
		}
	})
	if err == nil {
		t.Error("what lost its rows is kept")
	}
}

// TestAWarningIsNoLostCommit has the database warn of something else in a transaction.
func TestAWarningIsNoLostCommit(t *testing.T) {
	t.Parallel()
	postgresOnly(t)
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	storetest.Exec(t, address, `CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'hello'; RETURN NEW; END $$;
		CREATE TRIGGER warn BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION warn()`)
	err := db.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
		return tx.InsertUser(ctx, user("usr_1", "", "ada"))
	})
	if err != nil {
		t.Errorf("a commit is not believed: %v", err)
	}
}
