package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

func TestAPasswordIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for n, secret := range []string{"one:a", "two:b", "on"} {
		id := fmt.Sprint("usr_", n)
		if err := errors.Join(db.InsertUser(t.Context(), user(id, "", id)),
			db.InsertCredential(t.Context(), &model.Credential{ID: id, UserID: id, Kind: model.KindPassword, Secret: secret})); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		prefixes []string
		want     string
	}{
		{[]string{"one:", "two:"}, "on"},
		{[]string{"on", "t"}, ""},
		{[]string{"on"}, "two:b"},
	} {
		got, err := db.PasswordWithout(t.Context(), test.prefixes)
		if test.want == "" && !errors.Is(err, store.ErrNotFound) || test.want != "" && (err != nil || got.Secret != test.want) {
			t.Errorf("without %v: %v, %v; want %q", test.prefixes, got, err, test.want)
		}
	}
}
