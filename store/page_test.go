package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// crowd fills a database with users of whom many share the beginning of some name, many hold the
// role common, two hold the role rare, and few are disabled.
func crowd(t *testing.T, db *store.Store) (users []*model.User, roles map[string][]string) {
	t.Helper()
	roles = map[string][]string{}
	for _, name := range []string{"common", "rare"} {
		if err := db.InsertRole(t.Context(), &model.Role{ID: "rol_" + name, Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30 {
		u := &model.User{ID: fmt.Sprintf("usr_%02d", i*17%30), CreatedAt: model.Time(1 + i/4), UpdatedAt: 1}
		if i%3 > 0 {
			u.EmailFolded = fmt.Sprintf("%c%d@example.test", "ab"[i%2], i*7%30)
		}
		if i%3 < 2 {
			u.UsernameFolded = fmt.Sprintf("%c-%d", "abc"[i%3], i*11%30)
		}
		if i%5 > 0 {
			u.FirstNameFolded, u.LastNameFolded = "anna", []string{"", "archer", "baker", "archer", "cook"}[i%5]
		}
		if i%10 == 9 {
			u.LastNameFolded = "zola"
		}
		if i%8 == 1 {
			u.DisabledAt = 1
		}
		if err := db.InsertUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		for role, holds := range map[string]bool{"common": i%2 == 0, "rare": i%15 == 9} {
			if holds {
				roles[u.ID] = append(roles[u.ID], role)
				if err := db.GrantRole(t.Context(), &model.UserRole{UserID: u.ID, RoleID: "rol_" + role}); err != nil {
					t.Fatal(err)
				}
			}
		}
		users = append(users, u)
	}
	return users, roles
}

// filters returns every combination of a search, a role and a state.
func filters() (filters []store.UserFilter) {
	for _, prefix := range []string{"", "a", "zo", "anna", "nobody"} {
		for _, role := range []string{"", "common", "rare", "unknown"} {
			for _, active := range []*bool{nil, new(true), new(false)} {
				filters = append(filters, store.UserFilter{Prefix: prefix, Role: role, Active: active})
			}
		}
	}
	return filters
}

// expected returns the ids of the users whom a page of all would list, found without SQL.
func expected(users []*model.User, roles map[string][]string, filter store.UserFilter, sort store.UserSort, descending bool) (ids []string) {
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b *model.User) int {
		order := 0
		switch sort {
		case store.UsersByCreatedAt:
			order = cmp.Compare(a.CreatedAt, b.CreatedAt)
		case store.UsersByEmail:
			order = strings.Compare(a.EmailFolded, b.EmailFolded)
		case store.UsersByUsername:
			order = strings.Compare(a.UsernameFolded, b.UsernameFolded)
		case store.UsersByLastName:
			order = strings.Compare(a.LastNameFolded, b.LastNameFolded)
		}
		return cmp.Or(order, strings.Compare(a.ID, b.ID))
	})
	for _, u := range users {
		begins := slices.ContainsFunc([]string{u.EmailFolded, u.UsernameFolded, u.FirstNameFolded, u.LastNameFolded},
			func(text string) bool { return strings.HasPrefix(text, filter.Prefix) })
		holds := filter.Role == "" || slices.Contains(roles[u.ID], filter.Role)
		if begins && holds && (filter.Active == nil || *filter.Active == u.Active()) {
			ids = append(ids, u.ID)
		}
	}
	if descending {
		slices.Reverse(ids)
	}
	return ids
}

// TestEveryPageOfUsersIsExact reads all pages of every filter in every order, by each way that a
// page is made, and finds every user who matches once and in their place.
func TestEveryPageOfUsersIsExact(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	users, roles := crowd(t, db)
	for name, bounds := range map[string]store.Bounds{
		"from few":             {Few: 1000, Look: 1},
		"by walking":           {Few: 0, Look: 11},
		"one way or the other": {Few: 4, Look: 31},
	} {
		for _, filter := range filters() {
			for _, sort := range []store.UserSort{store.UsersByCreatedAt, store.UsersByEmail, store.UsersByUsername, store.UsersByLastName} {
				for _, descending := range []bool{false, true} {
					want := expected(users, roles, filter, sort, descending)
					got := allPages(t, 6, func(page store.Page) (*store.Found[model.User], error) {
						page.Descending, page.Bounds = descending, bounds
						return db.Users(t.Context(), store.UserPage{Filter: filter, Sort: sort, Page: page})
					}, func(u *model.User) string { return u.ID })
					if !slices.Equal(got, want) {
						t.Errorf("%s: %s by %s, descending %v:\ngot  %v\nwant %v", name, describe(filter), sort, descending, got, want)
					}
				}
			}
		}
	}
}

func describe(f store.UserFilter) string {
	active := "any"
	if f.Active != nil {
		active = fmt.Sprint(*f.Active)
	}
	return fmt.Sprintf("search %q, role %q, active %s", f.Prefix, f.Role, active)
}

// allPages reads a list page by page and returns the ids that it holds.
func allPages[T any](t *testing.T, size int, read func(store.Page) (*store.Found[T], error), id func(*T) string) (ids []string) {
	t.Helper()
	page := store.Page{Limit: size}
	for range 1000 {
		found, err := read(page)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Rows) > size {
			t.Fatalf("a page of %d holds %d", size, len(found.Rows))
		}
		for _, row := range found.Rows {
			ids = append(ids, id(row))
		}
		if !found.More {
			return ids
		}
		if found.Last == nil || page.From != nil && *found.Last == *page.From {
			t.Fatalf("a page after %v does not tell where to go on", page.From)
		}
		page.From = found.Last
	}
	t.Fatal("the pages do not end")
	return nil
}

func TestAPageLooksAtSoManyRowsAndNoMore(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	crowd(t, db)
	all, err := db.Users(t.Context(), store.UserPage{Sort: store.UsersByCreatedAt, Page: store.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	read := func(few int) *store.Found[model.User] {
		found, err := db.Users(t.Context(), store.UserPage{
			Filter: store.UserFilter{Prefix: "zola"}, Sort: store.UsersByCreatedAt,
			Page: store.Page{Limit: 2, Bounds: store.Bounds{Few: few, Look: 5}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	// Three match: the 10th, the 20th and the 30th.
	if found := read(2); len(found.Rows) != 0 || !found.More || found.Last == nil || found.Last.ID != all.Rows[4].ID {
		t.Errorf("want nobody among the first five, and to go on after the fifth: %+v", found)
	}
	if found := read(3); len(found.Rows) != 2 || !found.More || found.Last.ID != found.Rows[1].ID {
		t.Errorf("want a full page out of the few who match: %+v", found)
	}
}

func TestFewDisabledUsersFillTheirPages(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	crowd(t, db)
	for _, sort := range []store.UserSort{store.UsersByCreatedAt, store.UsersByEmail, store.UsersByUsername, store.UsersByLastName} {
		found, err := db.Users(t.Context(), store.UserPage{
			Filter: store.UserFilter{Active: new(false)}, Sort: sort,
			Page: store.Page{Limit: 4, Bounds: store.Bounds{Few: 0, Look: 1}},
		})
		if err != nil || len(found.Rows) != 4 || found.More {
			t.Errorf("by %s: want all four at once: %+v, %v", sort, found, err)
		}
	}
}

// TestEveryPageOfEventsIsExact does the same with the audit trail.
func TestEveryPageOfEventsIsExact(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	var events []*model.AuditEvent
	for i := range 40 {
		event := &model.AuditEvent{ID: fmt.Sprintf("evt_%02d", i*23%40), At: model.Time(1 + i/3), Kind: "COMMON", UserID: "usr_often", Occurrences: 1}
		if i%3 == 0 {
			event.ActorID = "usr_actor"
		}
		if i%11 == 5 {
			event.Kind = "RARE"
		}
		if i%13 > 9 {
			event.UserID = "usr_seldom"
		}
		events = append(events, event)
		if err := db.InsertAuditEvent(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []model.AuditKind{"", "COMMON", "RARE", "NONE"} {
		for _, user := range []string{"", "usr_often", "usr_seldom", "usr_never"} {
			for _, actor := range []string{"", "usr_actor", "usr_never"} {
				for _, times := range [][2]model.Time{{}, {3, 0}, {0, 9}, {3, 9}} {
					for _, descending := range []bool{false, true} {
						filter := store.AuditFilter{Kind: kind, UserID: user, ActorID: actor, Since: times[0], Until: times[1]}
						want := expectedEvents(events, filter, descending)
						for _, look := range []int{4, 100} {
							got := allPages(t, 3, func(page store.Page) (*store.Found[model.AuditEvent], error) {
								page.Descending, page.Bounds.Look = descending, look
								return db.AuditEvents(t.Context(), store.AuditPage{Filter: filter, Page: page})
							}, func(event *model.AuditEvent) string { return event.ID })
							if !slices.Equal(got, want) {
								t.Errorf("%+v, descending %v, looking at %d:\ngot  %v\nwant %v", filter, descending, look, got, want)
							}
						}
					}
				}
			}
		}
	}
}

func expectedEvents(events []*model.AuditEvent, f store.AuditFilter, descending bool) (ids []string) {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b *model.AuditEvent) int {
		return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.ID, b.ID))
	})
	for _, event := range events {
		if (f.Kind == "" || f.Kind == event.Kind) && (f.UserID == "" || f.UserID == string(event.UserID)) &&
			(f.ActorID == "" || f.ActorID == string(event.ActorID)) &&
			(f.Since == 0 || event.At >= f.Since) && (f.Until == 0 || event.At < f.Until) {
			ids = append(ids, event.ID)
		}
	}
	if descending {
		slices.Reverse(ids)
	}
	return ids
}

// TestAPageOfEventsFollowsTheRarestCondition: of two conditions, one of which nearly all events
// meet, the other one leads.
func TestAPageOfEventsFollowsTheRarestCondition(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for i := range 50 {
		event := &model.AuditEvent{ID: fmt.Sprintf("evt_%02d", i), At: model.Time(i), Kind: "COMMON", UserID: "usr_often", ActorID: "usr_often", Occurrences: 1}
		if i == 2 {
			event.Kind = "RARE"
		}
		if i%10 == 2 {
			event.ActorID = "usr_seldom"
		}
		if err := db.InsertAuditEvent(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	for _, filter := range []store.AuditFilter{
		{Kind: "RARE", UserID: "usr_often"},
		{Kind: "RARE", ActorID: "usr_seldom"},
		{UserID: "usr_often", ActorID: "usr_seldom"},
	} {
		found, err := db.AuditEvents(t.Context(), store.AuditPage{Filter: filter,
			Page: store.Page{Limit: 5, Descending: true, Bounds: store.Bounds{Look: 6}}})
		if err != nil || found.More || len(found.Rows) == 0 || found.Rows[len(found.Rows)-1].ID != "evt_02" {
			t.Errorf("%+v: want all that match in one page: %+v, %v", filter, found, err)
		}
	}
}

// TestACountIsRightOrTheGreatest holds every count of users and events to the number of rows that
// match or, where too many rows would have to be looked at, to the limit.
func TestACountIsRightOrTheGreatest(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	users, roles := crowd(t, db)
	for _, atMost := range []int{1, 4, 8, 20, 29, 30, 31, 1000} {
		for _, filter := range filters() {
			want := len(expected(users, roles, filter, store.UsersByCreatedAt, false))
			got, err := db.CountUsers(t.Context(), filter, atMost)
			if err != nil || got != want && got != atMost || atMost == 1000 && got != want {
				t.Errorf("%s: counted %d of %d, at most %d: %v", describe(filter), got, want, atMost, err)
			}
		}
	}
	for _, test := range []struct {
		filter store.UserFilter
		atMost int
		want   int
	}{
		{store.UserFilter{}, 29, 29},
		{store.UserFilter{}, 30, 30},
		{store.UserFilter{Role: "rare"}, 3, 2},
		{store.UserFilter{Role: "rare", Active: new(true)}, 3, 1},
		{store.UserFilter{Prefix: "zo"}, 3, 3},
		{store.UserFilter{Prefix: "zo", Role: "common"}, 3, 0},
		{store.UserFilter{Prefix: "a", Role: "rare"}, 3, 2},
		{store.UserFilter{Active: new(false)}, 5, 4},
		{store.UserFilter{Active: new(false), Role: "common"}, 5, 0},
		{store.UserFilter{Active: new(true)}, 29, 29}, // too many to tell
	} {
		if got, err := db.CountUsers(t.Context(), test.filter, test.atMost); err != nil || got != test.want {
			t.Errorf("%s, at most %d: counted %d, want %d: %v", describe(test.filter), test.atMost, got, test.want, err)
		}
	}
}

func TestTheNewestLiveSessionsOfEachUserAreListed(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, id := range []string{"usr_many", "usr_few", "usr_none"} {
		if err := db.InsertUser(t.Context(), &model.User{ID: id, UsernameFolded: id, CreatedAt: 1, UpdatedAt: 1}); err != nil {
			t.Fatal(err)
		}
	}
	add := func(user string, created, expires, seen model.Time) {
		id := fmt.Sprintf("ses_%s_%02d", strings.TrimPrefix(user, "usr_"), created)
		if err := db.InsertSession(t.Context(), &model.Session{
			ID: id, UserID: user, TokenHash: []byte(id), CreatedAt: created, ExpiresAt: expires, LastSeenAt: seen,
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range model.Time(20) {
		expires, seen := model.Time(0), model.Time(90)
		switch i % 4 {
		case 1:
			expires = 100 // at this moment
		case 2:
			expires = 101
		case 3:
			seen = 50
		}
		add("usr_many", i+1, expires, seen)
	}
	add("usr_few", 5, 0, 90)
	add("usr_few", 7, 0, 50)
	for _, test := range []struct {
		live store.Live
		most int
		want string
	}{
		{store.Live{Now: 100}, 4, "few_07 few_05 many_20 many_19 many_17 many_16"},
		{store.Live{Now: 100, Used: 50}, 4, "few_05 many_19 many_17 many_15 many_13"},
		{store.Live{Now: 102, Used: 50}, 2, "few_05 many_17 many_13"},
		{store.Live{Now: 1, Used: 50}, 100, "few_05 many_19 many_18 many_17 many_15 many_14 many_13 many_11 many_10 many_09 many_07 many_06 many_05 many_03 many_02 many_01"},
	} {
		byUser, err := db.SessionsByUsers(t.Context(), []string{"usr_many", "usr_few", "usr_none"}, test.live, test.most)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, user := range []string{"usr_few", "usr_many", "usr_none"} {
			for _, session := range byUser[user] {
				got = append(got, strings.TrimPrefix(session.ID, "ses_"))
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%+v, %d at most: got %v, want %s", test.live, test.most, got, test.want)
		}
	}
}
