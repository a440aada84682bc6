package graph_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
)

// from returns an option that lets tests come from any address, by X-Forwarded-For.
func behindProxy(o *auth.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// at makes a client one from another address.
func (c *client) at(address string) *client {
	if c.headers == nil {
		c.headers = map[string]string{}
	}
	c.headers["X-Forwarded-For"] = address
	return c
}

func (c *client) guess(identifier string) *reply {
	c.t.Helper()
	return c.run(loginMutation, "identifier", identifier, "password", "a wrong password")
}

// retryAfter returns in how many seconds a throttled client should try again.
func (r *reply) retryAfter() int {
	r.t.Helper()
	return r.refused(auth.RateLimited, "").json.Errors[0].Extensions.RetryAfter
}

func TestGuessesAtAnAccountWait(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ada@example.test", "nobody@example.test"} {
		s := newServer(t)
		s.signUp("ada@example.test")
		for range 5 {
			s.browser().guess(name).refused(auth.InvalidCredentials, "")
		}
		// The fifth is let in, the sixth is not; then each waits twice as long as the one before.
		for _, wait := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
			if got := s.browser().guess(name).retryAfter(); got != wait {
				t.Errorf("%s: retryAfter is %d, want %d", name, got, wait)
			}
			s.browser().run(loginMutation, "identifier", strings.ToUpper(name), "password", password).refused(auth.RateLimited, "")
			s.wait(time.Duration(wait)*time.Second - 10*time.Millisecond)
			s.browser().guess(name).refused(auth.RateLimited, "")
			s.wait(10 * time.Millisecond)
			s.browser().guess(name).refused(auth.InvalidCredentials, "")
		}
		s.wait(24 * time.Hour)
		for range 5 {
			s.browser().guess(name).refused(auth.InvalidCredentials, "") // all is forgotten
		}
	}
}

func TestASuccessForgetsTheGuesses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	for range 3 {
		for range 4 {
			s.browser().guess("ada").refused(auth.InvalidCredentials, "")
		}
		s.browser().logIn("ada")
	}
}

func TestEveryWayInMeetsTheSameThrottle(t *testing.T) {
	t.Parallel()
	wrong := `mutation { changePassword(input: {currentPassword: "a wrong password", newPassword: "` + anotherGood + `"}) { user { id } } }`
	ways := map[string]func(s *server, c *client) *reply{
		"log-in":             func(s *server, _ *client) *reply { return s.browser().guess("ada") },
		"Basic":              func(s *server, _ *client) *reply { return s.basic("ada", "a wrong password").run(me) },
		"re-authentication":  func(_ *server, c *client) *reply { return c.run(reauthenticate, "password", "a wrong password") },
		"change of password": func(_ *server, c *client) *reply { return c.run(wrong) },
	}
	for name, guess := range ways {
		s := newServer(t)
		s.signUp("ada")
		c := s.bearer(s.bearer("").logIn("ada"))
		for range 5 {
			if r := guess(s, c); r.json.Errors[0].Extensions.Code == "RATE_LIMITED" {
				t.Fatalf("%s waits too early: %s", name, r.body)
			}
		}
		guess(s, c).refused(auth.RateLimited, "")
		s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.RateLimited, "")
	}
}

func TestThrottledAccountsAreAlike(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	s.disable(s.signUp("eve"))
	bodies := map[string]string{}
	for _, name := range []string{"ada", "eve", "nobody", "nobody@example.test"} {
		for range 5 {
			s.browser().guess(name)
		}
		r := s.browser().run(loginMutation, "identifier", name, "password", password).refused(auth.RateLimited, "")
		bodies[strings.ReplaceAll(r.body, r.json.Errors[0].Extensions.RequestID, "ID")] = name
	}
	if len(bodies) != 1 {
		t.Errorf("throttled accounts are told apart: %v", bodies)
	}
}

func TestAKnownDeviceIsNotShutOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy)
	s.signUp("ada")
	owner := s.browser().at("192.0.2.1")
	owner.logIn("ada")
	owner.run(`mutation { logout { loggedOut } }`).ok()
	for range 20 {
		s.browser().at("203.0.113.9").guess("ada")
		s.wait(time.Second)
	}
	s.browser().at("198.51.100.7").run(loginMutation, "identifier", "ada", "password", password).refused(auth.RateLimited, "")
	owner.logIn("ada") // whose browser has been here before

	// A known device guesses no more than anyone, and is known to its own account alone.
	for range 5 {
		owner.guess("ada").refused(auth.InvalidCredentials, "")
	}
	owner.guess("ada").refused(auth.RateLimited, "")
	s.signUp("eve")
	for range 5 {
		s.browser().at("203.0.113.9").guess("eve")
	}
	owner.guess("eve").refused(auth.RateLimited, "")
	for _, forged := range []string{"x", "x.y", ".", strings.Repeat("A", 22) + "." + strings.Repeat("A", 43)} {
		c := s.bearer("").at("192.0.2.2")
		c.headers["Cookie"] = "authgraph_session_device=" + forged
		c.run(loginMutation, "identifier", "eve", "password", password).refused(auth.RateLimited, "")
	}
}

func TestGuessesFromANetworkWait(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(i int) string{
		"an IPv4 address":        func(int) string { return "192.0.2.1" },
		"the same, mapped":       func(i int) string { return []string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2] },
		"a network of IPv6":      func(i int) string { return fmt.Sprintf("2001:db8:1:2::%x", i) },
		"the same IPv6, written": func(i int) string { return []string{"2001:db8:1:2:0:0:0:1", "2001:DB8:1:2::1"}[i%2] },
	} {
		s := newServer(t, behindProxy)
		for i := range 100 {
			s.browser().at(address(i)).guess(fmt.Sprint("user", i)).refused(auth.InvalidCredentials, "")
		}
		if got := s.browser().at(address(100)).guess("another").retryAfter(); got != 1 {
			t.Errorf("%s: retryAfter is %d", name, got)
		}
		s.browser().at("2001:db8:1:3::1").guess("another").refused(auth.InvalidCredentials, "")
	}
}

func TestForwardedAddressesOfStrangersDoNotCount(t *testing.T) {
	t.Parallel()
	s := newServer(t) // without trusted proxies
	for i := range 100 {
		s.browser().at(fmt.Sprintf("192.0.2.%d", i)).guess(fmt.Sprint("user", i)).refused(auth.InvalidCredentials, "")
	}
	s.browser().at("192.0.2.200").guess("another").refused(auth.RateLimited, "")

	behind := newServer(t, behindProxy)
	behind.signUp("ada")
	c := behind.bearer("").at("6.6.6.6, 192.0.2.1, 127.0.0.9") // what the client wrote stands to the left
	c.logIn("ada")
	if got := behind.basic("ada", password).run(`{ me { currentLoginAddress } }`).ok().get("me.currentLoginAddress"); got != "192.0.2.1" {
		t.Errorf("the address is %s", got)
	}
}

func TestParallelGuessesAreAllCounted(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.HashWorkers = 8 })
	s.signUp("ada")
	codes := make([]string, 50)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { codes[i] = s.browser().guess("ada").json.Errors[0].Extensions.Code })
	}
	wg.Wait()
	if compared := len(slices.DeleteFunc(codes, func(code string) bool { return code != "INVALID_CREDENTIALS" })); compared != 5 {
		t.Errorf("%d of fifty guesses at once were compared, want 5", compared)
	}
}

func TestSignUpsArePaced(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy)
	signUp := func(i int, address string) *reply {
		return s.browser().at(address).run(createUserMutation, "input", map[string]any{"username": fmt.Sprint("user", i), "password": password})
	}
	for i := range 15 {
		signUp(i, "192.0.2.1").ok()
	}
	if got := signUp(15, "192.0.2.1").retryAfter(); got != 10 {
		t.Errorf("retryAfter is %d", got)
	}
	signUp(15, "192.0.2.2").ok()
	s.wait(10 * time.Second)
	signUp(16, "192.0.2.1").ok()
}

func TestRenewalsArePaced(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	c := s.bearer(s.bearer("").logIn("ada"))
	for range 60 {
		c.run(issueAccessToken).ok()
	}
	c.run(issueAccessToken).refused(auth.RateLimited, "")
	c.run(renewSession).refused(auth.RateLimited, "")
	s.wait(time.Second)
	c.run(issueAccessToken).ok()
}

func TestUnlockUser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := s.admin()
	id := s.signUp("ada")
	for range 5 {
		s.browser().guess("ada")
	}
	s.browser().run(loginMutation, "identifier", "ada", "password", password).refused(auth.RateLimited, "")
	admin.run(`mutation($id: ID!) { unlockUser(input: {id: $id}) { user { id } } }`, "id", id).ok()
	s.browser().logIn("ada")
}

func TestThrottlesSurviveARestartAndAreShared(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	for range 5 {
		s.browser().guess("ada")
	}
	other := newServerAt(t, s.address, func(o *auth.Options) { o.Now = s.clock })
	other.browser().guess("ada").refused(auth.RateLimited, "")
}

func TestLimitsCanBeOffForTestRigs(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *auth.Options) { o.RateLimits = false })
	s.signUp("ada")
	for range 120 {
		s.browser().guess("ada").refused(auth.InvalidCredentials, "")
	}
}

func TestAProcessTakesOnlySoManyPasswords(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy, func(o *auth.Options) { now := time.Now(); o.Now = func() time.Time { return now } })
	limited := 0
	for i := range 510 {
		r := s.browser().at(fmt.Sprintf("198.51.100.%d", i%256)).guess(fmt.Sprint("user", i))
		if r.json.Errors[0].Extensions.Code == "RATE_LIMITED" {
			limited++
		}
	}
	if limited != 10 {
		t.Errorf("%d of 510 attempts in a moment were refused, want 10", limited)
	}
}

func TestWhoMustWaitDoesNotUseUpWhatAllShare(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy)
	s.signUp("ada")
	for range 5 {
		s.browser().at("203.0.113.9").guess("victim")
	}
	for range 700 {
		s.browser().at("203.0.113.9").guess("victim").refused(auth.RateLimited, "")
	}
	s.browser().at("192.0.2.1").logIn("ada")
}

func TestEverySpellingOfAnIdentifierIsOne(t *testing.T) {
	t.Parallel()
	for _, exists := range []bool{true, false} {
		s := newServer(t)
		if exists {
			s.signUp("ada@example.test")
		}
		for _, spelling := range []string{"ada@example.test", "ADA@example.test", "ada@EXAMPLE.test", "ａda@example.test", "ada@example\u3002test"} {
			s.browser().guess(spelling).refused(auth.InvalidCredentials, "")
		}
		s.browser().guess("Ada@Example.Test").refused(auth.RateLimited, "")
	}
}

func TestAnEmailAndAUserNameDoNotTellThatTheyAreOnes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.browser().run(createUserMutation, "input", map[string]any{"email": "ada@example.test", "username": "ada", "password": password}).ok()
	for range 5 {
		s.browser().guess("ada@example.test").refused(auth.InvalidCredentials, "")
	}
	s.browser().guess("ada").refused(auth.InvalidCredentials, "")
	s.browser().logIn("ada") // and a log-in by either forgets both
	s.browser().logIn("ada@example.test")
}

func TestHonestMistakesBehindOneAddressAreForgotten(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	for range 120 {
		s.browser().guess("ada").refused(auth.InvalidCredentials, "")
		s.browser().logIn("ada")
		s.wait(10 * time.Minute)
	}
}

func TestASuccessTakesBackItsOwnAttemptAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy)
	s.signUp("mallory")
	for i := range 99 {
		s.browser().at("192.0.2.1").guess(fmt.Sprint("user", i)).refused(auth.InvalidCredentials, "")
	}
	for range 3 {
		s.browser().at("192.0.2.1").logIn("mallory")
		s.wait(time.Second)
	}
	s.browser().at("192.0.2.1").guess("another").refused(auth.InvalidCredentials, "")
	s.browser().at("192.0.2.1").guess("another").refused(auth.RateLimited, "")
}

func TestGuessingCodesAndNamesIsCounted(t *testing.T) {
	t.Parallel()
	for name, guess := range map[string]func(s *server, c *client, i int) *reply{
		"codes": func(s *server, _ *client, i int) *reply {
			return s.browser().run(setPassword, "code", fmt.Sprint("agp_", i), "password", anotherGood)
		},
		"names at sign-up": func(s *server, _ *client, _ int) *reply {
			return s.browser().run(createUserMutation, "input", map[string]any{"username": "ada", "password": password})
		},
		"names of one's own": func(_ *server, c *client, _ int) *reply {
			return c.run(updateMe, "input", map[string]any{"username": "ada"})
		},
	} {
		s := newServer(t)
		s.signUp("ada")
		c := s.as("eve")
		tries := 0
		for ; tries < 110; tries++ {
			if guess(s, c, tries).json.Errors[0].Extensions.Code == "RATE_LIMITED" {
				break
			}
		}
		if tries > 100 {
			t.Errorf("%s can be guessed %d times", name, tries)
		}
	}
}

func TestADeviceIsKnownUntilThePasswordChanges(t *testing.T) {
	t.Parallel()
	s := newServer(t, behindProxy)
	s.signUp("ada")
	device := s.browser().at("192.0.2.1")
	device.logIn("ada")
	block := func() {
		for range 5 {
			s.browser().at("203.0.113.9").guess("ada")
		}
	}
	block()
	device.guess("ada").refused(auth.InvalidCredentials, "")
	replica := newServerAt(t, s.address, behindProxy, func(o *auth.Options) {
		secret, err := auth.NewSecret(strings.Repeat("n", 32), "a secret of thirty-two characters")
		if err != nil {
			t.Fatal(err)
		}
		o.Secret = secret
	})
	again := *device
	again.url = replica.URL
	again.guess("ada").refused(auth.InvalidCredentials, "") // also under a replaced secret

	s.wait(25 * time.Hour) // until all is forgotten
	s.basic("ada", password).at("198.51.100.1").run(changePassword, "current", password, "new", anotherGood).ok()
	block()
	device.guess("ada").refused(auth.RateLimited, "")
}
