package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// newDatabase returns the file of a closed database whose one user has the name.
func newDatabase(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".db")
	db := storetest.OpenAt(t, "sqlite:"+path)
	if err := db.InsertUser(t.Context(), user("usr_"+name, "", name)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// newBackup returns a backup of a database whose one user has the name.
func newBackup(t *testing.T, name string) string {
	t.Helper()
	db := storetest.OpenAt(t, "sqlite:"+newDatabase(t, name))
	path := filepath.Join(t.TempDir(), "backup.db")
	if _, err := db.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// copyOf returns a copy of a file that nobody writes.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	another := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(another, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return another
}

// holdUsers holds a database to the users with these names.
func holdUsers(t *testing.T, path string, want ...string) {
	t.Helper()
	db, err := store.OpenExisting(t.Context(), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	for _, name := range want {
		if _, err := db.UserByUsername(t.Context(), name); err != nil {
			t.Errorf("%s has no user %s: %v", path, name, err)
		}
	}
	if n, err := db.CountUsers(t.Context(), store.UserFilter{}, 1000); err != nil || n != len(want) {
		t.Errorf("%s has %d users, want %d: %v", path, n, len(want), err)
	}
}

// holdFolder holds a folder to the names of what is in it.
func holdFolder(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("in the folder are %v, want %v", got, want)
	}
}

// TestABackupHoldsOneMoment backs up while pairs of rows are written, each in one transaction.
func TestABackupHoldsOneMoment(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	writer, reader := storetest.OpenAt(t, address), storetest.OpenAt(t, address)
	ctx, stop := context.WithCancel(t.Context())
	written, begun := make(chan int, 1), make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			if ctx.Err() != nil {
				written <- n
				return
			}
			err := writer.Tx(t.Context(), func(ctx context.Context, tx *store.Store) error {
				id := fmt.Sprint("usr_", n)
				return errors.Join(tx.InsertUser(ctx, user(id, "", id)),
					tx.InsertCredential(ctx, &model.Credential{ID: fmt.Sprint("crd_", n), UserID: id, Kind: model.KindPassword, Secret: "x"}))
			})
			if err != nil {
				t.Error(err)
			}
			if n == 10 {
				close(begun)
			}
		}
	}()
	<-begun
	for i := range 5 {
		path := filepath.Join(t.TempDir(), "backup.db")
		rows, err := reader.Backup(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if rows["users"] < 10 || rows["users"] != rows["credentials"] {
			t.Errorf("backup %d has %d users and %d credentials", i, rows["users"], rows["credentials"])
		}
		backup, _, err := store.OpenBackup(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := backup.CountUsers(t.Context(), store.UserFilter{}, 1000); err != nil || n != rows["users"] {
			t.Errorf("backup %d has %d users, and said %d: %v", i, n, rows["users"], err)
		}
		if err := backup.InsertUser(t.Context(), user("usr_x", "", "x")); err == nil {
			t.Error("a backup is written to")
		}
		if err := backup.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if n := <-written; n < 15 {
		t.Errorf("only %d pairs were written meanwhile", n)
	}
}

func TestABackupIsForItsOwnerAndAlone(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	path := newBackup(t, "ada")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info.Mode(), err)
	}
	holdFolder(t, filepath.Dir(path), "backup.db")
	backup, rows, err := store.OpenBackup(t.Context(), path)
	if err != nil || rows["users"] != 1 {
		t.Fatalf("%v, %v", rows, err)
	}
	holdFolder(t, filepath.Dir(path), "backup.db") // also while it is open
	if err := backup.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestABackupLeavesOutWhatWasDeleted(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	path := newDatabase(t, "deleted-long-ago")
	db := storetest.OpenAt(t, "sqlite:"+path)
	if _, err := db.DeleteUser(t.Context(), "usr_deleted-long-ago"); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "backup.db")
	if _, err := db.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]bool{path: true, copied: false} {
		text, err := os.ReadFile(file)
		if err != nil || bytes.Contains(text, []byte("deleted-long-ago")) != want {
			t.Errorf("%s holds what was deleted: %v, want %v: %v", filepath.Base(file), !want, want, err)
		}
	}
}

func TestABackupIsComparedWithTheDatabase(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	db := storetest.OpenAt(t, "sqlite:"+newDatabase(t, "ada"))
	backup := newBackup(t, "ada")
	for _, test := range []struct {
		spoil       string
		othersWrote bool
		want        string
	}{
		{"SELECT 1", false, ""},
		{"DELETE FROM users", false, "the copy has these rows: "},
		{"DELETE FROM users", true, ""}, // another may have done so
		{"DELETE FROM migrations WHERE number > 1", true, "the copy is at migration 1, "},
		{"INSERT INTO credentials VALUES ('x', 'nobody', 'password', 'x', 1, 1)", true, "the copy is of no use: it is damaged"},
		{"DROP TABLE migrations", true, "the copy is of no use: it is not a database of authgraph"},
	} {
		path := copyOf(t, backup)
		storetest.Exec(t, "sqlite:"+path, test.spoil)
		err := db.VerifyCopy(t.Context(), path, test.othersWrote)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("after %s: got %v, want %q", test.spoil, err, test.want)
		}
	}
}

func TestAFailedBackupLeavesNothing(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	db := storetest.OpenAt(t, "sqlite:"+newDatabase(t, "ada"))
	folder := t.TempDir()
	path := filepath.Join(folder, "backup.db")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Backup(done, path); !errors.Is(err, context.Canceled) {
		t.Errorf("when it is cancelled: %v", err)
	}
	holdFolder(t, folder)
	if _, err := db.Backup(t.Context(), filepath.Join(folder, "nowhere", "backup.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that is not there: %v", err)
	}
	holdFolder(t, folder)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Backup(t.Context(), path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("a file was written over: %q, %v", text, err)
	}
	if err := os.Symlink("elsewhere", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Backup(t.Context(), filepath.Join(folder, "link")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a link: %v", err)
	}
	holdFolder(t, folder, "backup.db", "link")
	empty, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "empty.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	if _, err := empty.Backup(t.Context(), filepath.Join(folder, "other.db")); err == nil || !strings.Contains(err.Error(), "not a database of authgraph") {
		t.Errorf("of another database: %v", err)
	}
	holdFolder(t, folder, "backup.db", "link")
	if _, err := store.OpenExisting(t.Context(), "sqlite:"+filepath.Join(folder, "nowhere.db"), store.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a database that is not there: %v", err)
	}
	holdFolder(t, folder, "backup.db", "link")
}

func TestPostgreSQLIsNotBackedUpToAFile(t *testing.T) {
	t.Parallel()
	db := storetest.OpenAt(t, storetest.Postgres(t))
	folder := t.TempDir()
	if _, err := db.Backup(t.Context(), filepath.Join(folder, "backup.db")); err == nil || !strings.Contains(err.Error(), "only a SQLite database") {
		t.Errorf("got %v", err)
	}
	holdFolder(t, folder)
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	write := func(path string, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change := func(change func(text []byte) []byte) func(path string) {
		return func(path string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(path, change(text))
		}
	}
	whole := newBackup(t, "ada")
	exec := func(statement string) func(path string) {
		return func(path string) { storetest.Exec(t, "sqlite:"+path, statement) }
	}
	for name, test := range map[string]struct {
		spoil func(path string)
		want  string
	}{
		"as it is":              {func(string) {}, ""},
		"with a log by others":  {exec("PRAGMA journal_mode = WAL"), ""}, // closed, so that the log is gone
		"gone":                  {func(path string) { _ = os.Remove(path) }, "no such file"},
		"a folder":              {func(path string) { _ = os.Remove(path); _ = os.Mkdir(path, 0o700) }, "not a file"},
		"empty":                 {change(func([]byte) []byte { return nil }), "not a database of authgraph"},
		"text":                  {change(func([]byte) []byte { return []byte(strings.Repeat("precious ", 1000)) }), "not a database"},
		"cut off":               {change(func(text []byte) []byte { return text[:len(text)/2] }), "malformed"},
		"with a page of zeroes": {change(func(text []byte) []byte { clear(text[8192:12288]); return text }), "damaged"},
		"another program's":     {exec("DROP TABLE migrations"), "not a database of authgraph"},
		"by another lineage":    {exec("UPDATE migrations SET name = 'other'"), "not a database of authgraph"},
		"with an orphan":        {exec("INSERT INTO credentials VALUES ('x', 'nobody', 'password', 'x', 1, 1)"), "belong to rows that are not there"},
		"newer":                 {exec("INSERT INTO migrations VALUES (9999, 'from the future', 0)"), "newer than this program"},
		"with its log":          {func(path string) { write(path+"-wal", []byte("x")) }, "lies beside it"},
		"with its journal":      {func(path string) { write(path+"-journal", nil) }, "lies beside it"},
	} {
		path := copyOf(t, whole)
		test.spoil(path)
		backup, _, err := store.OpenBackup(t.Context(), path)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
		if err == nil {
			_ = backup.Close()
		}
	}
}

// TestALinkToADatabaseInUseIsNoBackup holds what lies beside a file to the file's own name.
func TestALinkToADatabaseInUseIsNoBackup(t *testing.T) {
	t.Parallel()
	storetest.SQLite(t)
	address := storetest.Address(t)
	storetest.OpenAt(t, address)
	link := filepath.Join(t.TempDir(), "link.backup")
	if err := os.Symlink(store.File(address), link); err != nil {
		t.Fatal(err)
	}
	if backup, _, err := store.OpenBackup(t.Context(), link); err == nil {
		_ = backup.Close()
		t.Error("a database in use is taken for a backup, without what is in its log")
	}
}

func TestARestoreTakesThePlaceOfNothingUnlessItIsTold(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	backup, path := newBackup(t, "ada"), newDatabase(t, "eve")
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	holdUsers(t, path, "eve")
	holdFolder(t, filepath.Dir(path), "eve.db")
	if _, err := store.Restore(t.Context(), path, "sqlite:"+path, true); err == nil {
		t.Error("a database is restored from itself")
	}
	for _, address := range []string{"sqlite::memory:", "postgres://localhost/authgraph"} {
		if _, err := store.Restore(t.Context(), backup, address, true); err == nil {
			t.Errorf("%s is restored", address)
		}
	}
	fresh := filepath.Join(t.TempDir(), "new.db")
	if kept, err := store.Restore(t.Context(), backup, "sqlite:"+fresh, false); err != nil || kept != "" {
		t.Errorf("where nothing is: %q, %v", kept, err)
	}
	info, err := os.Stat(fresh)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the new database: %v, %v", info.Mode(), err)
	}
	holdFolder(t, filepath.Dir(fresh), "new.db")
	holdUsers(t, fresh, "ada")
}

// TestARestoreKeepsWhatWasThere replaces a database as a crash leaves it: its last rows are in the
// log, which must neither be lost nor become a part of the backup.
func TestARestoreKeepsWhatWasThere(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	backup := newBackup(t, "ada")
	running := newDatabase(t, "eve")
	db := storetest.OpenAt(t, "sqlite:"+running)
	if err := db.InsertUser(t.Context(), user("usr_late", "", "late")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "crashed.db")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		text, err := os.ReadFile(running + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, text, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := store.Restore(t.Context(), backup, "sqlite:"+path, true)
	if err != nil {
		t.Fatal(err)
	}
	holdFolder(t, filepath.Dir(path), "crashed.db", filepath.Base(kept))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the database changed its mode: %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what was kept: %v, %v", info.Mode(), err)
	}
	holdUsers(t, path, "ada")
	holdUsers(t, kept, "eve", "late")
}

func TestARestoreWaitsForTheServerToStop(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	backup, path := newBackup(t, "ada"), newDatabase(t, "eve")
	server := storetest.OpenAt(t, "sqlite:"+path)
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+path, true); !errors.Is(err, store.ErrInUse) {
		t.Errorf("while a server has it open: %v", err)
	}
	if _, err := server.UserByUsername(t.Context(), "eve"); err != nil {
		t.Error(err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+path, true); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	holdUsers(t, path, "ada")
}

func TestAFailedRestoreChangesNothing(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.db")
	if err := os.WriteFile(broken, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	path := newDatabase(t, "eve")
	if _, err := store.Restore(t.Context(), broken, "sqlite:"+path, true); err == nil {
		t.Error("what is no database is restored")
	}
	holdUsers(t, path, "eve")
	fresh := filepath.Join(t.TempDir(), "new.db")
	if _, err := store.Restore(t.Context(), broken, "sqlite:"+fresh, false); err == nil {
		t.Error("what is no database is restored")
	}
	holdFolder(t, filepath.Dir(fresh))

	backup := newBackup(t, "ada")
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+broken, true); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("over what cannot be opened: %v", err)
	}
	if err := os.WriteFile(fresh+"-wal", []byte("of another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+fresh, false); err == nil || !strings.Contains(err.Error(), "is left of a database") {
		t.Errorf("beside the log of another database: %v", err)
	}
	holdFolder(t, filepath.Dir(fresh), "new.db-wal")
}

// TestARestoreThatIsCutOffIsTakenBack ends a restore after a part of the pages.
func TestARestoreThatIsCutOffIsTakenBack(t *testing.T) {
	storetest.SQLite(t)
	t.Parallel()
	path := newDatabase(t, "eve")
	large := storetest.OpenAt(t, "sqlite:"+newDatabase(t, "ada"))
	for n := range 40 { // 8 MB, more than are copied at once
		event := &model.AuditEvent{ID: fmt.Sprint("evt_", n), Kind: model.AuditLoggedIn, At: 1, Detail: model.OptionalString(strings.Repeat("x", 200_000))}
		if err := large.InsertAuditEvent(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := large.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	ctx := &endsDuringRestore{Context: t.Context(), path: path + "-journal"}
	if _, err := store.Restore(ctx, backup, "sqlite:"+path, true); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	holdUsers(t, path, "eve")
	if _, err := store.Restore(t.Context(), backup, "sqlite:"+filepath.Join(t.TempDir(), "new.db"), false); err != nil {
		t.Errorf("uninterrupted: %v", err)
	}
}

// endsDuringRestore is a context that ends once pages have been written over a database.
type endsDuringRestore struct {
	context.Context
	path string
}

func (c *endsDuringRestore) Err() error {
	if _, err := os.Stat(c.path); err == nil {
		return context.Canceled
	}
	return c.Context.Err()
}
