package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

func entry(id string) *model.AuditEvent {
	return &model.AuditEvent{ID: id, Kind: model.AuditLoggedIn, At: 1, Occurrences: 1}
}

func TestWhatCommitsIsToldAndNothingElse(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	var told []string
	db.Told(func(entries []*model.AuditEvent) {
		for _, entry := range entries {
			told = append(told, entry.ID)
		}
	})
	ctx := t.Context()
	undone := errors.New("undone")
	if err := db.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		return errors.Join(tx.InsertAuditEvent(ctx, entry("evt_undone")), undone)
	}); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if err := db.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		err := errors.Join(tx.InsertAuditEvent(ctx, entry("evt_1")), tx.InsertAuditEvents(ctx, []*model.AuditEvent{entry("evt_2"), entry("evt_3")}))
		if len(told) > 0 {
			t.Errorf("told before the commit: %v", told)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertAuditEvent(ctx, entry("evt_4")); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertAuditEvent(ctx, entry("evt_4")); err == nil {
		t.Error("an id is there twice")
	}
	if want := "evt_1 evt_2 evt_3 evt_4"; strings.Join(told, " ") != want {
		t.Errorf("told %v, want %s", told, want)
	}
}

func TestAuditEntriesComeInTheOrderOfTheirIDs(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	other := entry("evt_5")
	other.Kind = model.AuditLoginFailed
	for _, event := range []*model.AuditEvent{entry("evt_6"), entry("evt_2"), other, entry("evt_9"), entry("evt_4")} {
		if err := db.InsertAuditEvent(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(entries []*model.AuditEvent, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, entry := range entries {
			ids = append(ids, entry.ID)
		}
		return strings.Join(ids, " ")
	}
	kinds := []model.AuditKind{model.AuditLoggedIn, model.AuditLoggedOut}
	if got := ids(db.AuditEntries(t.Context(), "evt_2", kinds, 2)); got != "evt_4 evt_6" {
		t.Errorf("the first two after evt_2 are %s", got)
	}
	if got := ids(db.AuditEntries(t.Context(), "evt_6", kinds, 2)); got != "evt_9" {
		t.Errorf("the last is %s", got)
	}
	if got := ids(db.AuditEntriesByID(t.Context(), []string{"evt_9", "evt_2", "evt_7"})); got != "evt_2 evt_9" {
		t.Errorf("by id there are %s", got)
	}
}

func TestNotificationsReachOtherProcesses(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	db, other, stranger := storetest.OpenAt(t, address), storetest.OpenAt(t, address), storetest.Open(t)
	if !db.Notifies() {
		t.Skip("SQLite tells nobody")
	}
	listen := func(db *store.Store) (heard chan []string, stop func() error) {
		ctx, cancel := context.WithCancel(t.Context())
		listening, ended := make(chan struct{}), make(chan error, 1)
		heard = make(chan []string, 100)
		go func() {
			ended <- db.Listen(ctx, func() { close(listening) }, func(ids []string) { heard <- ids })
		}()
		select {
		case <-listening:
		case err := <-ended:
			t.Fatal(err)
		}
		return heard, func() error { cancel(); return <-ended }
	}
	heard, stop := listen(other)
	elsewhere, stopElsewhere := listen(stranger)
	var ids []string
	for i := range 450 { // more than one notification holds
		ids = append(ids, fmt.Sprintf("evt_%026d", i))
	}
	if err := db.Notify(t.Context(), ids); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < len(ids) {
		select {
		case some := <-heard:
			got = append(got, some...)
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d ids were heard", len(got), len(ids))
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("what was heard is not what was told")
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("listening ends with %v", err)
	}
	if err := stopElsewhere(); !errors.Is(err, context.Canceled) || len(elsewhere) > 0 {
		t.Errorf("another database of the server heard %d notifications: %v", len(elsewhere), err)
	}
}
