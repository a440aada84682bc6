package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store/storetest"
)

// ask asks one operation and reads its data.
func ask(t *testing.T, api http.Handler, body string, data any) (status int) {
	t.Helper()
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body)))
	answer := struct{ Data any }{data}
	if w.Code == http.StatusOK {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	return w.Code
}

func TestTheBareServerAnswersAboutSomeone(t *testing.T) {
	t.Parallel()
	var data struct{ Me user }
	if status := ask(t, new(api), `{"query": "query Me { me { id } }"}`, &data); status != http.StatusOK || data.Me != someone {
		t.Errorf("%d, %+v", status, data.Me)
	}
	for _, body := range []string{`{"query": "query Other { me { id } }"}`, `{"query": "query Page(`, `{"query": "query Page($after: String)"}`, ``} {
		if status := ask(t, new(api), body, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, status)
		}
	}
}

func TestThePageByHandShowsUsersWithWhatIsTheirs(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := storetest.OpenAt(t, "sqlite:"+path)
	if _, err := openPages(t.Context(), path+".other"); err == nil {
		t.Error("a file that is not there is opened")
	}
	pages, err := openPages(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pages.close() })
	page := func() (users connection, status int) {
		t.Helper()
		data := struct{ Users *connection }{&users}
		status = ask(t, &api{pages: pages}, `{"query": "query Page($after: String) {}"}`, &data)
		return users, status
	}
	if _, status := page(); status != http.StatusInternalServerError {
		t.Errorf("a page that is not full: %d", status)
	}
	storetest.People(t, db, pageSize+1)
	users, status := page()
	if status != http.StatusOK || len(users.Nodes) != pageSize || !users.PageInfo.HasNextPage || users.PageInfo.EndCursor == "" {
		t.Fatalf("%d, %d users, %+v", status, len(users.Nodes), users.PageInfo)
	}
	for i, one := range users.Nodes {
		if one.ID != people.UserID(i) || one.Username != people.Username(i) || len(one.Sessions) != 1 || one.Sessions[0].ID != people.SessionID(i) {
			t.Errorf("user %d is shown as %+v", i, one)
		}
	}
}
