package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/store"
)

// Password hashes are kept as
//
//	hmac-sha384:KEY:BCRYPT
//
// BCRYPT is the bcrypt hash of base64(HMAC-SHA-384(key, password)). Those 64 characters fit
// into the 72 bytes that bcrypt looks at and hold no NUL, so no password is cut. The key is
// the operator's pepper or, without one, a fixed label, so that digests leaked from elsewhere
// are of no use as passwords here. KEY names it, so that peppers can be replaced.
const passwordScheme = "hmac-sha384"

const (
	// hashQueuePerWorker is how many passwords wait for each worker before more are refused: as
	// many as a core hashes in hashWait at the default cost.
	hashQueuePerWorker = 50
	// hashWait is how long a password waits for a worker before it is refused.
	hashWait = 10 * time.Second
	// hashPause is how long no password is hashed before that is told.
	hashPause = 10 * time.Second
)

var errOverloaded = &Error{Code: Overloaded, Message: "Too many people are signing in. Try again in a few seconds."}

// hasher hashes and verifies passwords on a few threads of low priority, so that a flood of
// log-ins delays log-ins only.
type hasher struct {
	cost int
	keys []pepper // the current one first
	jobs chan *hashJob
	stop chan struct{}
	once sync.Once // closes stop
	busy activity
	work atomic.Uint64 // rounds of bcrypt done so far: 2^cost for each hash
	done sync.WaitGroup
}

type pepper struct {
	id    string
	value []byte
}

// hashJob is done by whoever claims it first: a worker, or the caller who gives up.
type hashJob struct {
	claimed atomic.Bool
	work    func()
	fault   error // why the work was not done to its end
	done    chan struct{}
}

// run does the work. A panic in it is that of the caller's request alone.
func (j *hashJob) run() {
	defer close(j.done)
	defer func() {
		if reason := recover(); reason != nil {
			j.fault = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	j.work()
}

// newHasher starts the workers. Without peppers the fixed label is the key. hashing, where it is not
// nil, is told when passwords begin to be hashed, and when none has been for hashPause.
func newHasher(cost, workers int, peppers []string, hashing func(bool)) (*hasher, error) {
	if cost < bcrypt.MinCost || cost > bcrypt.MaxCost {
		return nil, fmt.Errorf("a bcrypt cost is %d to %d", bcrypt.MinCost, bcrypt.MaxCost)
	}
	if hashing == nil {
		hashing = func(bool) {}
	}
	h := &hasher{busy: activity{pause: hashPause, tell: hashing}, cost: cost, keys: pepperKeys(peppers), jobs: make(chan *hashJob, workers*hashQueuePerWorker), stop: make(chan struct{})}
	for range workers {
		h.done.Go(h.run)
	}
	return h, nil
}

// pepperKeys returns the keys that hashes are made and verified under.
func pepperKeys(peppers []string) (keys []pepper) {
	for _, value := range peppers {
		id := sha256.Sum256([]byte("authgraph pepper id\x00" + value))
		keys = append(keys, pepper{id: hex.EncodeToString(id[:4]), value: []byte(value)})
	}
	// Last, so that hashes from before the first pepper are still accepted.
	return append(keys, pepper{id: "label", value: []byte("authgraph password")})
}

// MissingPepperError says that passwords of a database cannot be verified.
type MissingPepperError struct {
	ID string // names the pepper and tells nothing about it
}

func (e *MissingPepperError) Error() string {
	return fmt.Sprintf("passwords are hashed under the pepper %s, which is not configured", e.ID)
}

// CheckPeppers returns a *MissingPepperError where a password of the database is hashed under
// none of the peppers.
func CheckPeppers(ctx context.Context, db *store.Store, peppers []string) error {
	var known []string
	for _, key := range pepperKeys(peppers) {
		known = append(known, passwordScheme+":"+key.id+":")
	}
	credential, err := db.PasswordWithout(ctx, known)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	id, _, err := splitHash(credential.Secret)
	if err != nil {
		return err
	}
	return &MissingPepperError{ID: id}
}

// run does jobs until close. Its thread dies with it, because a lowered priority cannot be
// raised again.
func (h *hasher) run() {
	runtime.LockOSThread()
	lowerThreadPriority()
	for {
		select {
		case job := <-h.jobs:
			if job.claimed.CompareAndSwap(false, true) {
				job.run()
			}
		case <-h.stop:
			return
		}
	}
}

// close ends the workers once they have done the jobs they are at. It may be called again.
func (h *hasher) close() {
	h.once.Do(func() { close(h.stop) })
	h.done.Wait()
	h.busy.stop()
}

// full reports whether so many passwords wait that another would be refused.
func (h *hasher) full() bool { return len(h.jobs) == cap(h.jobs) }

// do has a worker do the work. It returns errOverloaded where none is free in time.
func (h *hasher) do(ctx context.Context, work func()) error {
	h.busy.begin()
	defer h.busy.end()
	job := &hashJob{work: work, done: make(chan struct{})}
	select {
	case h.jobs <- job:
	default:
		return errOverloaded
	}
	timeout := time.NewTimer(hashWait)
	defer timeout.Stop()
	var err error
	select {
	case <-job.done:
		return job.fault
	case <-timeout.C:
		err = errOverloaded
	case <-ctx.Done():
		err = ctx.Err()
	case <-h.stop:
		err = errors.New("the password hasher is closed")
	}
	if job.claimed.CompareAndSwap(false, true) {
		return err
	}
	<-job.done // a worker is at it already
	return job.fault
}

// hash returns what is kept of a new password. The worker calls before first; its error stands
// for the whole.
func (h *hasher) hash(ctx context.Context, password string, before func() error) (stored string, err error) {
	var hash []byte
	var fault error
	key := h.keys[0]
	if err := h.do(ctx, func() {
		if fault = before(); fault != nil {
			return
		}
		h.work.Add(1 << h.cost)
		hash, fault = bcrypt.GenerateFromPassword(prehash(key, password), h.cost)
	}); err != nil {
		return "", err
	}
	if fault != nil {
		return "", fmt.Errorf("failed to hash a password: %w", fault) // keeps a refusal readable by errors.As
	}
	return passwordScheme + ":" + key.id + ":" + string(hash), nil
}

// verify reports whether the password is the one of which stored was kept, and whether it
// should be hashed again because the key or the cost has changed. A stored of "" stands for
// an account that does not exist: it never matches, and costs the same work.
//
// The worker calls before first; its error stands for the whole.
func (h *hasher) verify(ctx context.Context, password, stored string, before func() error) (match, outdated bool, err error) {
	key, hash := h.keys[0], dummyHash(h.cost)
	if stored != "" {
		if key, hash, err = h.parse(stored); err != nil {
			return false, false, err
		}
	}
	cost, err := bcrypt.Cost(hash)
	if err != nil {
		return false, false, fmt.Errorf("a stored password hash is broken: %w", err)
	}
	var refused, fault error
	if err := h.do(ctx, func() {
		if refused = before(); refused != nil {
			return
		}
		fault = h.compare(hash, key, password)
		// A hash of a lower cost is topped up: 2^c + 2^c + 2^(c+1) + … = 2^h.cost.
		for ; cost < h.cost; cost++ {
			_ = h.compare(dummyHash(cost), key, password)
		}
	}); err != nil {
		return false, false, err
	}
	if refused != nil {
		return false, false, refused
	}
	if errors.Is(fault, bcrypt.ErrMismatchedHashAndPassword) {
		return false, false, nil
	}
	if fault != nil {
		return false, false, fmt.Errorf("failed to verify a password: %w", fault)
	}
	original, _ := bcrypt.Cost(hash)
	return stored != "", original != h.cost || key.id != h.keys[0].id, nil
}

// compare compares a password with a bcrypt hash.
func (h *hasher) compare(hash []byte, key pepper, password string) error {
	if cost, err := bcrypt.Cost(hash); err == nil {
		h.work.Add(1 << cost)
	}
	return bcrypt.CompareHashAndPassword(hash, prehash(key, password))
}

// parse splits what hash returned.
func (h *hasher) parse(stored string) (pepper, []byte, error) {
	id, hash, err := splitHash(stored)
	if err != nil {
		return pepper{}, nil, err
	}
	for _, key := range h.keys {
		if key.id == id {
			return key, []byte(hash), nil
		}
	}
	return pepper{}, nil, &MissingPepperError{ID: id}
}

// splitHash splits what is kept of a password into the key's id and the bcrypt hash.
func splitHash(stored string) (id, hash string, err error) {
	parts := strings.SplitN(stored, ":", 3)
	if len(parts) != 3 || parts[0] != passwordScheme {
		return "", "", errors.New("a stored password hash is of an unknown scheme")
	}
	return parts[1], parts[2], nil
}

func prehash(key pepper, password string) []byte {
	mac := hmac.New(sha512.New384, key.value)
	mac.Write([]byte(password))
	return []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// atOnce is the before of work that nothing must come before.
func atOnce() error { return nil }

// dummyHash returns a hash of that cost which no password has been found for. It is written
// down and not computed: hashing at start would take longer than the rest of it.
func dummyHash(cost int) []byte {
	return fmt.Appendf(nil, "$2a$%02d$abcdefghijklmnopqrstuu%s", cost, strings.Repeat(".", 31))
}
