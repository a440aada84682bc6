package auth

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// Each target has seeds and an invariant. `go test` runs the seeds; `go test -run '^$' -fuzz NAME
// -fuzztime 10m ./auth` looks for more.

func fuzzService(f *testing.F) *Service {
	f.Helper()
	options := DefaultOptions()
	options.BcryptCost = bcrypt.MinCost
	options.Secret = Secret{values: []string{strings.Repeat("s", 32)}}
	options.RateLimits = false
	s, err := New(f.Context(), storetest.Open(f), options)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	return s
}

// FuzzEmail: folding an address is idempotent, and what is taken is one address.
func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"ada@example.test", "Ada@EXAMPLE.test", "Straße@bücher.test", "a@xn--bcher-kva.test", "ａ＠ｂ.test", "a@b@c", "\"a b\"@c", "a@[1.2.3.4]", "a\x00@b", "", "@", "ꭰ@b.test", strings.Repeat("a", 300) + "@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, email string) {
		folded, err := foldEmail("email", email)
		if err != nil {
			return
		}
		again, err := foldEmail("email", folded)
		if err != nil || again != folded {
			t.Errorf("%q folds to %q, which folds to %q, %v", email, folded, again, err)
		}
		if strings.Count(folded, "@") != 1 || strings.ContainsFunc(folded, unicode.IsControl) || strings.ContainsFunc(folded, unicode.IsSpace) || !utf8.ValidString(folded) {
			t.Errorf("%q folds to %q", email, folded)
		}
		if !isEmail(email) {
			t.Errorf("%q could pass for a user name", email)
		}
	})
}

// FuzzUsername: folding a user name is idempotent, does not depend on letter case, and what is
// taken can never be an email address.
func FuzzUsername(f *testing.F) {
	for _, seed := range []string{"ada", "Ada.Lovelace", "Ａｄａ", "ᎠᎡᎢ", "ß", "ﬁ", "İ", "a_b-c.d", "..", "a@b", "a b", "\u200b", "", strings.Repeat("x", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		folded, err := foldUsername("username", name)
		if err != nil {
			return
		}
		again, err := foldUsername("username", folded)
		if err != nil || again != folded {
			t.Errorf("%q folds to %q, which folds to %q, %v", name, folded, again, err)
		}
		if isEmail(name) || isEmail(folded) || strings.ContainsAny(folded, "@ ,:/\\<>'\"") {
			t.Errorf("%q is taken as %q", name, folded)
		}
	})
}

// FuzzCursor: only what this server signed for this list is taken, in one spelling.
func FuzzCursor(f *testing.F) {
	s := fuzzService(f)
	good := s.cursor("users created_at", &store.Position{Key: model.Time(1), ID: "usr_1"})
	for _, seed := range []string{good, good + "A", good + "\n", good[:len(good)-1], "", "!", base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", 40)))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		if position, err := s.position("after", cursor, "users created_at"); err == nil && (cursor != good || position.ID != "usr_1") {
			t.Errorf("%q is taken as %+v", cursor, position)
		}
		if _, err := s.position("after", cursor, "another list"); err == nil {
			t.Errorf("%q is taken for another list", cursor)
		}
	})
}

// FuzzCredentials: no header signs anyone in who does not hold a credential, and none makes the
// middleware fail.
func FuzzCredentials(f *testing.F) {
	s := fuzzService(f)
	for _, seed := range []struct{ authorization, token, cookie string }{
		{"", "", ""}, {"Bearer x", "", ""}, {"Bearer", "", ""}, {"Basic YTpi", "", ""}, {"Basic " + strings.Repeat("A", 1000), "", ""},
		{"bearer\tags_" + strings.Repeat("A", 43), "", ""}, {"", "agt_" + strings.Repeat("A", 43), ""}, {"", "eyJ.eyJ.x", ""},
		{"", "", "authgraph_session=ags_" + strings.Repeat("A", 43)}, {"", "", "authgraph_session=\"x\"; authgraph_session=y; authgraph_session_device=a.b"},
	} {
		f.Add(seed.authorization, seed.token, seed.cookie)
	}
	f.Fuzz(func(t *testing.T, authorization, token, cookie string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.Header = http.Header{"Authorization": {authorization}, "Authentication-Token": {token}, "Cookie": {cookie}}
		w := httptest.NewRecorder()
		s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			v := ViewerFrom(r.Context())
			if v.SignedIn() || v.User != nil || v.Check() == nil {
				t.Errorf("%q, %q, %q sign in as %+v", authorization, token, cookie, v)
			}
		})).ServeHTTP(w, r)
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%q, %q, %q set a cookie", authorization, token, cookie)
		}
	})
}

// FuzzAccessToken: nothing but the token itself verifies.
func FuzzAccessToken(f *testing.F) {
	s := fuzzService(f)
	key, err := s.keys.signing(f.Context(), s)
	if err != nil {
		f.Fatal(err)
	}
	viewer := &Viewer{User: &model.User{ID: "usr_1"}, Session: &model.Session{ID: "ses_1"}}
	signed, err := s.sign(viewer, key, s.PublicURL, maxAccessToken*1e9)
	if err != nil {
		f.Fatal(err)
	}
	good := signed.Token
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	for _, seed := range []string{good, good + "=", good[:len(good)-1], none + "." + parts[1] + ".", parts[0] + "." + parts[1] + ".", "..", "eyJ.eyJ.AAAA", "{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.verifyAccessToken(t.Context(), token); err == nil && token != good {
			t.Errorf("%q is taken", token)
		}
	})
}

// FuzzForwardedFor: without trusted proxies the header counts for nothing; with one, what stands
// to the left of the first stranger counts for nothing.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"", "1.2.3.4", "1.2.3.4, 10.0.0.1", "x, y", "::1", "::ffff:1.2.3.4", "1.2.3.4:80", ",,,", "fe80::1%eth0", "10.0.0.1"} {
		f.Add(seed)
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.RemoteAddr = "10.0.0.9:1234"
		r.Header["X-Forwarded-For"] = []string{header}
		if got := clientAddress(r, nil); got != netip.MustParseAddr("10.0.0.9") {
			t.Errorf("%q counts without a proxy: %v", header, got)
		}
		r.Header["X-Forwarded-For"] = []string{header + ", 192.0.2.7"}
		if got := clientAddress(r, proxies); got != netip.MustParseAddr("192.0.2.7") {
			t.Errorf("%q counts behind a stranger: %v", header, got)
		}
		if got := network(clientAddress(r, proxies)); got != "192.0.2.7" {
			t.Errorf("the network is %s", got)
		}
	})
}
