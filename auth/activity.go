package auth

import (
	"sync"
	"time"
)

// activity tells when something begins to be done, and when it has not been done for a while.
type activity struct {
	pause time.Duration
	tell  func(active bool) // is called once at a time

	mu      sync.Mutex
	running int
	active  bool
	stopped bool
	quiet   *time.Timer // tells of the end; nil before the first
}

// begin counts one more who does it.
func (a *activity) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running++
	if !a.active && !a.stopped {
		a.active = true
		a.tell(true)
	}
}

// end counts one less.
func (a *activity) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	if a.running > 0 || a.stopped {
		return
	}
	if a.quiet != nil {
		a.quiet.Reset(a.pause)
		return
	}
	a.quiet = time.AfterFunc(a.pause, a.rest)
}

// rest tells of the end unless somebody has begun again.
func (a *activity) rest() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running == 0 && a.active && !a.stopped {
		a.active = false
		a.tell(false)
	}
}

// stop tells of nothing more.
func (a *activity) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
	if a.quiet != nil {
		a.quiet.Stop()
	}
}
