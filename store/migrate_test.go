package store_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

func TestMigrationsApplyOnce(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	var wg sync.WaitGroup
	applied := make([]int, 10)
	for i := range applied {
		wg.Go(func() {
			db, err := store.Open(t.Context(), address, store.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			names, err := db.Migrate(t.Context())
			if err != nil {
				t.Error(err)
			}
			applied[i] = len(names)
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range applied {
		total += n
	}
	files, err := os.ReadDir("migrations")
	if err != nil || total != len(files) {
		t.Errorf("ten starts applied %d migrations of %d, %v", total, len(files), err)
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	db := storetest.OpenAt(t, address)
	storetest.Exec(t, address, "INSERT INTO migrations VALUES (9999, 'from the future', 0)")
	if _, err := db.Migrate(t.Context()); !errors.Is(err, store.ErrNewer) {
		t.Errorf("got %v", err)
	}
	if err := db.Ready(t.Context()); err != nil {
		t.Errorf("a server that runs while others are replaced by newer ones is not ready: %v", err)
	}
}

func TestAnUnmigratedDatabaseIsNotReady(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), storetest.Address(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err == nil {
		t.Error("an empty database is ready")
	}
}

func openEmpty(t *testing.T, address string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), address, store.Options{Connections: storetest.Connections})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// files returns migrations with these texts.
func files(texts ...string) fstest.MapFS {
	set := fstest.MapFS{}
	for i, text := range texts {
		set["migrations/000"+string(rune('1'+i))+"_test.sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return set
}

func TestAFailedMigrationLeavesThePriorSchema(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	db := openEmpty(t, address)
	good := "CREATE TABLE a (id TEXT NOT NULL);"
	bad := "CREATE TABLE b (id TEXT NOT NULL); INSERT INTO nowhere VALUES (1);"
	_, err := db.MigrateFrom(t.Context(), files(good, bad))
	if err == nil || !strings.Contains(err.Error(), "0002_test.sql") || strings.Contains(err.Error(), "\n") {
		t.Fatalf("want one line that names the migration, not %v", err)
	}
	if got := storetest.Number(t, address, "SELECT count(*) FROM migrations"); got != 1 {
		t.Errorf("%d migrations are recorded, want the one that was whole", got)
	}
	if _, err := storetest.SQL(t, address).ExecContext(t.Context(), "SELECT * FROM b"); err == nil {
		t.Error("half of a migration is left")
	}
	applied, err := db.MigrateFrom(t.Context(), files(good, "CREATE TABLE b (id TEXT NOT NULL);"))
	if err != nil || !slices.Equal(applied, []string{"migrations/0002_test.sql"}) {
		t.Errorf("after the repair %v is applied, %v", applied, err)
	}
}

// TestAnIndexIsBuiltBesideWriters holds migrations that build indexes on large tables: a writer
// in the middle of a transaction keeps none of several migrating processes from the end.
func TestAnIndexIsBuiltBesideWriters(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	set := files("CREATE TABLE a (id TEXT NOT NULL, b TEXT NOT NULL);", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_by_b ON a (b);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS a_by_id ON a (id);\n")
	if _, err := openEmpty(t, address).MigrateFrom(t.Context(), files("CREATE TABLE a (id TEXT NOT NULL, b TEXT NOT NULL);")); err != nil {
		t.Fatal(err)
	}
	if storetest.OnPostgres() {
		// What is left of an index whose building was cut off: two rows that a unique one refuses.
		storetest.Exec(t, address, "INSERT INTO a VALUES ('1', 'x'), ('1', 'x')")
		if _, err := storetest.SQL(t, address).ExecContext(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY a_by_b ON a (b)"); err == nil {
			t.Fatal("the index of two equal rows is built")
		}
	}
	var wg sync.WaitGroup
	for range 5 {
		db := openEmpty(t, address)
		wg.Go(func() {
			if _, err := db.MigrateFrom(t.Context(), set); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if storetest.OnPostgres() {
		if got := storetest.Number(t, address, "SELECT count(*) FROM pg_index i WHERE i.indrelid = 'a'::regclass AND i.indisvalid AND NOT i.indisunique"); got != 2 {
			t.Errorf("%d of 2 indexes are valid", got)
		}
	}
	if got := storetest.Number(t, address, "SELECT count(*) FROM migrations"); got != 2 {
		t.Errorf("%d migrations are recorded", got)
	}
}
