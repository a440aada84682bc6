package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store/storetest"
)

func startHasher(t *testing.T, cost, workers int, peppers ...string) *hasher {
	t.Helper()
	h, err := newHasher(cost, workers, peppers, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func (h *hasher) mustHash(t *testing.T, password string) string {
	t.Helper()
	stored, err := h.hash(t.Context(), password, atOnce)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func (h *hasher) check(t *testing.T, password, stored string, wantMatch, wantOutdated bool) {
	t.Helper()
	match, outdated, err := h.verify(t.Context(), password, stored, atOnce)
	if err != nil || match != wantMatch || outdated != wantOutdated {
		t.Errorf("verify(%.20q, %.30q) = %v, %v, %v, want %v, %v", password, stored, match, outdated, err, wantMatch, wantOutdated)
	}
}

func TestPasswordsAreHashedWhole(t *testing.T) {
	t.Parallel()
	h := startHasher(t, bcrypt.MinCost, 1)
	for _, password := range []string{"a", strings.Repeat("x", 72), strings.Repeat("é", 256), "a\x00b"} {
		stored := h.mustHash(t, password)
		h.check(t, password, stored, true, false)
		h.check(t, password+"x", stored, false, false)
		h.check(t, password+"\x00"+password, stored, false, false) // plain bcrypt takes this one
		if again := h.mustHash(t, password); again == stored {
			t.Error("two hashes of one password are equal: no salt")
		}
	}
	if stored := h.mustHash(t, "a"); !strings.HasPrefix(stored, "hmac-sha384:label:$2a$04$") {
		t.Errorf("a hash must tell its scheme, key and cost: %s", stored)
	}
}

func TestAnUnknownAccountNeverMatches(t *testing.T) {
	t.Parallel()
	h := startHasher(t, bcrypt.MinCost, 1)
	for _, password := range []string{"", "a", "password"} {
		h.check(t, password, "", false, false)
	}
	for cost := bcrypt.MinCost; cost <= bcrypt.MaxCost; cost++ {
		if got, err := bcrypt.Cost(dummyHash(cost)); err != nil || got != cost {
			t.Errorf("the dummy hash of cost %d: %d, %v", cost, got, err)
		}
	}
}

func TestOldHashesAreAcceptedAndReplaced(t *testing.T) {
	t.Parallel()
	plain := startHasher(t, bcrypt.MinCost, 1)
	peppered := startHasher(t, bcrypt.MinCost, 1, "the first pepper")
	newer := startHasher(t, bcrypt.MinCost+1, 1, "the second pepper", "the first pepper")

	old, first := plain.mustHash(t, "secret"), peppered.mustHash(t, "secret")
	newer.check(t, "secret", old, true, true)
	newer.check(t, "secret", first, true, true)
	newer.check(t, "wrong", first, false, false)
	newer.check(t, "secret", newer.mustHash(t, "secret"), true, false)
	peppered.check(t, "secret", old, true, true)

	if _, _, err := plain.verify(t.Context(), "secret", first, atOnce); err == nil {
		t.Error("a hash under a missing pepper must be an outage, not a wrong password")
	}
	if _, _, err := plain.verify(t.Context(), "secret", "$2a$04$broken", atOnce); err == nil {
		t.Error("a broken hash must be an outage, not a wrong password")
	}
}

func TestAFullQueueRefuses(t *testing.T) {
	t.Parallel()
	h := startHasher(t, bcrypt.MinCost, 1)
	started, release := make(chan struct{}), make(chan struct{})
	var working, waiting sync.WaitGroup
	working.Go(func() {
		if err := h.do(t.Context(), func() { close(started); <-release }); err != nil {
			t.Error(err)
		}
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	for range hashQueuePerWorker {
		waiting.Go(func() {
			if err := h.do(ctx, func() { t.Error("work that was given up is done") }); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for len(h.jobs) < hashQueuePerWorker {
		select {
		case <-t.Context().Done():
			t.Fatal("the queue never fills")
		default:
		}
	}
	if _, err := h.hash(t.Context(), "x", atOnce); !errors.Is(err, errOverloaded) {
		t.Errorf("got %v, want a refusal", err)
	}
	withoutStore := &Service{hasher: h} // nothing is looked up for whom the queue turns away
	if _, err := withoutStore.Login(t.Context(), new(Viewer), LoginInput{Identifier: "ada", Password: "x"}); !errors.Is(err, errOverloaded) {
		t.Errorf("a log-in got %v, want a refusal", err)
	}
	cancel()
	waiting.Wait() // all have given up while the worker is still at the first
	close(release)
	working.Wait()
	h.mustHash(t, "x")
}

func TestAClosedHasherAnswers(t *testing.T) {
	t.Parallel()
	h, err := newHasher(bcrypt.MinCost, 1, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.close()
	if _, err := h.hash(t.Context(), "x", atOnce); err == nil {
		t.Error("a closed hasher hashes")
	}
	for _, cost := range []int{0, 3, 32} {
		if _, err := newHasher(cost, 1, nil, nil); err == nil {
			t.Errorf("cost %d is taken", cost)
		}
	}
}

// TestEveryRefusalCostsTheSameWork counts the rounds of bcrypt that a wrong password costs, for an
// account that does not exist, one whose hash is as dear as new ones, and cheaper ones.
func TestEveryRefusalCostsTheSameWork(t *testing.T) {
	t.Parallel()
	h := startHasher(t, bcrypt.MinCost+3, 1, "a pepper")
	stored := map[string]string{"an unknown account": "", "a hash of today's cost": h.mustHash(t, "secret")}
	for cost := bcrypt.MinCost; cost < bcrypt.MinCost+3; cost++ {
		stored[fmt.Sprint("a hash of cost ", cost)] = startHasher(t, cost, 1).mustHash(t, "secret")
	}
	for name, hash := range stored {
		before := h.work.Load()
		h.check(t, "a wrong password", hash, false, false)
		if work := h.work.Load() - before; work != 1<<(bcrypt.MinCost+3) {
			t.Errorf("%s costs %d rounds, want %d", name, work, 1<<(bcrypt.MinCost+3))
		}
	}
}

func TestAPanicInAWorkerIsOneRequestsFailure(t *testing.T) {
	t.Parallel()
	h := startHasher(t, bcrypt.MinCost, 1)
	if err := h.do(t.Context(), func() { panic("fault") }); err == nil || errors.Is(err, errOverloaded) {
		t.Errorf("got %v", err)
	}
	h.check(t, "x", h.mustHash(t, "x"), true, false) // the worker lives
}

func TestPasswordsAreHeldToTheirPeppers(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	const first, second = "the first pepper", "the second pepper"
	for name, peppers := range map[string][]string{"label": nil, "first": {first}, "second": {second, first}} {
		user := &model.User{ID: "usr_" + name, UsernameFolded: name}
		if err := db.InsertUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		credential := &model.Credential{ID: "crd_" + name, UserID: user.ID, Kind: model.KindPassword,
			Secret: startHasher(t, bcrypt.MinCost, 1, peppers...).mustHash(t, "x")}
		if err := db.InsertCredential(t.Context(), credential); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		peppers []string
		missing string // which pepper
	}{
		{[]string{second, first}, ""},
		{[]string{"a third pepper", first, second}, ""},
		{[]string{first}, second},
		{[]string{second}, first},
	} {
		err := CheckPeppers(t.Context(), db, test.peppers)
		missing, _ := errors.AsType[*MissingPepperError](err)
		if test.missing == "" && err != nil || test.missing != "" && (missing == nil || missing.ID != pepperKeys([]string{test.missing})[0].id) {
			t.Errorf("with %q: got %v", test.peppers, err)
		}
	}
	if _, ok := errors.AsType[*MissingPepperError](CheckPeppers(t.Context(), db, nil)); !ok {
		t.Error("without any pepper nothing is missing")
	}
	if err := db.InsertUser(t.Context(), &model.User{ID: "usr_x", UsernameFolded: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := db.InsertCredential(t.Context(), &model.Credential{ID: "crd_x", UserID: "usr_x", Kind: model.KindPassword, Secret: "unknown"}); err != nil {
		t.Fatal(err)
	}
	if err := CheckPeppers(t.Context(), db, []string{second, first}); err == nil {
		t.Error("a hash of an unknown scheme is taken")
	}
}

func TestHashingIsTold(t *testing.T) {
	t.Parallel()
	told := make(chan bool, 1)
	h, err := newHasher(bcrypt.MinCost, 1, nil, func(active bool) { told <- active })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	h.mustHash(t, "x")
	select {
	case active := <-told:
		if !active {
			t.Error("the end is told first")
		}
	default:
		t.Error("nothing is told")
	}
}
