package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyAnswersOfOneShapeAreCompared(t *testing.T) {
	t.Parallel()
	serve := func(text string) *child {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
		t.Cleanup(s.Close)
		return &child{address: s.Listener.Addr().String()}
	}
	ours := serve(`{"data": {"me": {"id": "a", "roles": [{"name": "b"}, {"name": "c"}]}}}`)
	for _, test := range []struct {
		theirs string
		same   bool
	}{
		{`{"data": {"me": {"roles": [{"name": "x"}, {"name": "y"}], "id": 7}}}`, true},
		{`{"data": {"me": {"id": "a", "roles": [{"name": "b"}]}}}`, false},
		{`{"data": {"me": {"id": "a", "roles": [{"name": "b"}, {}]}}}`, false},
		{`{"data": {"me": null}}`, false},
		{`{"errors":[]}`, false},
		{`{"data"`, false},
	} {
		if err := sameShape(t.Context(), ours, serve(test.theirs), as("x")[0]); (err == nil) != test.same {
			t.Errorf("%s: %v", test.theirs, err)
		}
	}
}
