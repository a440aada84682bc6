package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Throttling slows down whoever guesses. The rules:
//
//   - An attempt is counted before the password is compared, in a transaction of its own, so
//     that neither parallel attempts nor a refusal that rolls back escape the count.
//   - It is counted under the account, whether that exists or not, and under the address. After
//     a number of attempts each further one makes the key wait, twice as long as the one
//     before. Nobody is shut out for good: an owner could be.
//   - A device that has signed in to the account before is counted by itself, not with the account
//     and not with its network, so that an attacker cannot keep the owner out.
//   - Who must wait is refused from a read. Such refusals are counted, and recorded once
//     a minute for each key, so that an attack cannot fill the disk.
//   - A log-in forgets the account's count. Other successes take back their own attempt alone.
//
// The counts are rows, so that all servers of a database share them. Besides, each process takes
// no more than a number of attempts a second.

// limit says how many attempts a key has before it must wait, and how the waiting grows.
type limit struct {
	free  int           // attempts without waiting
	first time.Duration // the wait after the last free one; it doubles with each further one
	most  time.Duration // the longest wait
	quiet time.Duration // after which, from the first attempt on, all is forgotten
}

// The limits. docs/security.md lists them, and tests hold both to the numbers.
var (
	limitAccount = limit{free: 5, first: time.Second, most: 15 * time.Minute, quiet: 24 * time.Hour}
	limitDevice  = limitAccount
	limitAddress = limit{free: 100, first: time.Second, most: time.Minute, quiet: 15 * time.Minute}
	limitSignUp  = limit{free: 15, first: 10 * time.Second, most: 10 * time.Minute, quiet: time.Hour}
	limitRenewal = limit{free: 60, first: time.Second, most: time.Minute, quiet: 10 * time.Minute}
)

// The limit of one process: passwords a second on average, and at once.
const (
	globalRate  = 100
	globalBurst = 500
)

// wait returns how long a key must wait after so many attempts.
func (l limit) wait(attempts int) time.Duration {
	doublings := attempts - l.free
	if doublings < 0 {
		return 0
	}
	wait := l.first
	for ; doublings > 0 && wait < l.most; doublings-- {
		wait *= 2
	}
	return min(wait, l.most)
}

// counter is a key and its limit.
type counter struct {
	key   string
	limit limit
}

func newGlobalLimit() *rate.Limiter { return rate.NewLimiter(globalRate, globalBurst) }

// network returns what an address is counted under: an IPv4 address itself, and of an IPv6
// address the first 64 bits, which is the least that a customer gets.
func network(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if address.Is6() {
		prefix, err := address.Prefix(64)
		if err == nil {
			return prefix.String()
		}
	}
	return address.String()
}

func (s *Service) addressCounter(v *Viewer, purpose string, limit limit) []counter {
	if !v.Client.Address.IsValid() {
		return nil // a command, on the server's own machine
	}
	return []counter{{key: purpose + " " + network(v.Client.Address), limit: limit}}
}

// passwordCounters returns what an attempt at an account's password is counted under: the
// identifier, whether it is anyone's or not, and the network; or, from a device that has signed
// in to the account since its password was set, the device alone.
func (s *Service) passwordCounters(v *Viewer, account account, identifier string) []counter {
	if device := s.knownDevice(v, account); device != "" {
		return []counter{{key: "device " + device, limit: limitDevice}}
	}
	return append(s.addressCounter(v, "address", limitAddress), accountCounter(identifier))
}

// accountCounter returns what attempts at an identifier are counted under: its folded form, so
// that no spelling has a count of its own, hashed, since it may be anything.
func accountCounter(identifier string) counter {
	folded, err := "", error(nil)
	if isEmail(identifier) {
		folded, err = foldEmail("identifier", identifier)
	} else {
		folded, err = foldUsername("identifier", identifier)
	}
	if err != nil {
		folded = fold(identifier)
	}
	return counter{key: "account " + hex.EncodeToString(hashToken(folded)), limit: limitAccount}
}

// accountCounters returns what attempts at a user's identifiers are counted under.
func accountCounters(user *model.User) (counters []counter) {
	for _, identifier := range []model.OptionalString{user.Email, user.Username} {
		if identifier != "" {
			counters = append(counters, accountCounter(string(identifier)))
		}
	}
	return counters
}

func keysOf(counters []counter) []string {
	keys := make([]string, len(counters))
	for i, counter := range counters {
		keys[i] = counter.key
	}
	return keys
}

// admit is checkWaiting and count, for what needs no password hashed in between.
func (s *Service) admit(ctx context.Context, v *Viewer, counters []counter) error {
	if err := s.checkWaiting(ctx, v, counters); err != nil {
		return err
	}
	return s.count(ctx, v, counters)
}

// checkWaiting refuses with RATE_LIMITED where one of the keys must wait. It only reads.
func (s *Service) checkWaiting(ctx context.Context, v *Viewer, counters []counter) error {
	if !s.RateLimits || len(counters) == 0 {
		return nil
	}
	now := s.now()
	waiting, err := s.store.Throttles(ctx, keysOf(counters), now)
	if err != nil {
		return fmt.Errorf("failed to look up attempts: %w", err)
	}
	var refusal error
	var longest time.Duration
	for _, throttle := range waiting {
		if wait := throttle.BlockedUntil.Sub(now); wait > longest {
			longest, refusal = wait, s.rateLimited(v, throttle.Key, wait)
		}
	}
	// Last, so that who must wait anyway does not use up what all others share.
	if refusal == nil && !s.global.AllowN(s.Now(), 1) {
		return s.rateLimited(v, "global", time.Second)
	}
	return refusal
}

// count counts an attempt under each key, in a transaction of its own, and refuses with
// RATE_LIMITED where one must wait by now. Where one refuses, none counts.
func (s *Service) count(ctx context.Context, v *Viewer, counters []counter) error {
	if !s.RateLimits || len(counters) == 0 {
		return nil
	}
	return s.store.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error { return s.countIn(ctx, tx, v, counters) })
}

// countIn is count in a transaction that undoes it where it fails.
func (s *Service) countIn(ctx context.Context, tx *store.Store, v *Viewer, counters []counter) error {
	if !s.RateLimits {
		return nil
	}
	now := s.now()
	for _, counter := range counters {
		attempts, err := tx.CountAttempt(ctx, counter.key, now, now.Add(counter.limit.quiet))
		if err != nil {
			return err
		}
		if attempts == 0 {
			waiting, err := tx.Throttles(ctx, []string{counter.key}, now)
			if err != nil || len(waiting) == 0 {
				return errors.Join(err, s.rateLimited(v, counter.key, counter.limit.first))
			}
			return s.rateLimited(v, counter.key, waiting[0].BlockedUntil.Sub(now))
		}
		if wait := counter.limit.wait(attempts); wait > 0 {
			if err := tx.Block(ctx, counter.key, now.Add(wait)); err != nil {
				return err
			}
		}
	}
	return nil
}

// rateLimited returns the refusal and notes it for the audit trail.
func (s *Service) rateLimited(v *Viewer, key string, wait time.Duration) error {
	s.refusals.add(s, v, key)
	seconds := int((wait + time.Second - 1) / time.Second)
	return &Error{
		Code: RateLimited, RetryAfter: seconds,
		Message: fmt.Sprintf("Too many attempts. Try again in %d s.", seconds),
	}
}

// forgive forgets the attempts at a user's identifiers after they logged in, and takes this
// attempt back from what else it was counted under. It is no part of the log-in, which so does not
// wait for others from the same address. The order of the rows is that of count.
func (s *Service) forgive(ctx context.Context, user *model.User, counters []counter) error {
	if !s.RateLimits {
		return nil
	}
	return s.store.TxReadCommitted(ctx, func(ctx context.Context, tx *store.Store) error {
		if err := s.uncount(ctx, tx, counters); err != nil {
			return err
		}
		return tx.ForgetAttempts(ctx, keysOf(accountCounters(user))...)
	})
}

// uncount takes back an attempt that was no guess.
func (s *Service) uncount(ctx context.Context, tx *store.Store, counters []counter) error {
	if !s.RateLimits {
		return nil
	}
	for _, counter := range counters {
		if err := tx.UncountAttempt(ctx, counter.key); err != nil {
			return err
		}
	}
	return nil
}

// UnlockUser forgets the attempts at the account of a user whom the viewer may manage, so that
// they need not wait. Their devices are counted by themselves.
func (s *Service) UnlockUser(ctx context.Context, v *Viewer, userID string) (user *model.User, err error) {
	err = s.manage(ctx, v, "id", userID, func(ctx context.Context, tx *store.Store, managed *model.User) error {
		user = managed
		if err := tx.ForgetAttempts(ctx, keysOf(accountCounters(user))...); err != nil {
			return err
		}
		return s.record(ctx, tx, v, about(model.AuditUserUnlocked, user.ID))
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}
