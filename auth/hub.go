package auth

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/authgraph/authgraph/model"
)

// The hub tells listeners what happens and ends what was opened by a credential that has ended. The
// rules:
//
//   - The audit trail is what counts. It is read once a second, for all listeners together, and only
//     while there are any. Whatever else tells of an event, this process when it commits or
//     PostgreSQL's notifications from others, only makes the hub look at once.
//   - Transactions commit in another order than that of their events' ids, and clocks differ. So a
//     stretch that was read before is read again, and what was seen is left out.
//   - Before anything is told, the credentials of those whom it concerns are looked up again; all
//     others every other second. One statement looks up hundreds.
//   - Nobody is waited for. A reader who falls behind is dropped.
//   - While the database does not answer, nothing is told and nothing ends. What happened meanwhile
//     is told afterwards.

const (
	// pollEvery is how often the audit trail is read.
	pollEvery = time.Second
	// recheckEvery is how often every credential is looked up again.
	recheckEvery = 2 * time.Second
	// turnPause is the least time between two turns, so that many commits, or many who come
	// back at once, are one.
	turnPause = 20 * time.Millisecond
	// readAgain is how much of the audit trail is read again: how far clocks may differ, and a
	// transaction that is given up by then. What commits later is not told.
	readAgain = 30 * time.Second
	// entriesAtOnce is how many events one statement reads.
	entriesAtOnce = 1000
	// maxHeard is how many events may wait to be looked at; the poll finds the others.
	maxHeard = 1000
	// listenAgain is how long the hub waits before it listens again after it lost its connection.
	listenAgain = time.Second
	// expiryWarning is how long before the end of a session its user is told, or a tenth of its life
	// where that is shorter.
	expiryWarning = time.Minute
)

type hub struct {
	service *Service
	ctx     context.Context // done when the hub is closed
	cancel  context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{}
	told    chan struct{} // wakes who notifies others

	mu        sync.Mutex
	watches   map[string]map[*Watch]struct{} // by user
	everyone  map[*Watch]int                 // how many of their streams tell of every account
	joining   []joining
	heard     []string // ids of events that may not have been seen
	outgoing  []string // ids of events to notify others of
	turning   bool
	listening bool

	// These belong to the turns, which come one after the other.
	seen      map[string]struct{} // ids after floor
	floor     string              // what comes before is told no more
	readUntil model.Time          // when the audit trail was last read; zero where it must be read anew
	rechecked time.Time
	failing   bool
}

// joining is a stream that waits for the turn in which it begins.
type joining struct {
	watch  *Watch
	stream *Stream
	done   chan error
}

func newHub(s *Service) *hub {
	ctx, cancel := context.WithCancel(context.Background())
	return &hub{service: s, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1), told: make(chan struct{}, 1),
		watches: map[string]map[*Watch]struct{}{}, everyone: map[*Watch]int{}}
}

// start makes the hub hear of what this process commits.
func (h *hub) start() {
	h.service.store.Told(h.committed)
	if h.service.store.Notifies() {
		h.running.Go(h.notify)
	}
}

func (h *hub) close() {
	h.mu.Lock()
	h.cancel()
	h.mu.Unlock()
	h.running.Wait()
}

// locked runs a function under the lock, which also a panic gives back.
func (h *hub) locked(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}

func signal(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// enter adds a watch. The first one sets the turns going.
func (h *hub) enter(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watches[w.user] == nil {
		h.watches[w.user] = map[*Watch]struct{}{}
	}
	h.watches[w.user][w] = struct{}{}
	if h.turning || h.ctx.Err() != nil {
		return
	}
	h.turning = true
	h.running.Go(h.turns)
	if !h.listening && h.service.store.Notifies() {
		h.listening = true
		h.running.Go(h.listen)
	}
}

// leave removes a watch whose connection is gone.
func (h *hub) leave(w *Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(w, errSessionEnded)
}

// end removes a watch and closes its streams, and reports whether it was there.
func (h *hub) end(w *Watch, reason error) bool {
	if w.over {
		return false
	}
	w.over = true
	for stream := range w.streams {
		h.endStream(w, stream, reason)
	}
	delete(h.watches[w.user], w)
	if len(h.watches[w.user]) == 0 {
		delete(h.watches, w.user)
	}
	w.release()
	return true
}

func (h *hub) endStream(w *Watch, stream *Stream, reason error) {
	if _, there := w.streams[stream]; !there {
		return
	}
	delete(w.streams, stream)
	if stream.all {
		if h.everyone[w]--; h.everyone[w] == 0 {
			delete(h.everyone, w)
		}
	}
	if reason == errForbidden {
		stream.forget()
	}
	stream.reason.Store(&reason)
	close(stream.events)
}

// join adds a stream to a watch. It returns when every event that has committed until now was
// told to others or never will be: the stream begins with the next one.
func (h *hub) join(ctx context.Context, w *Watch, stream *Stream) error {
	done := make(chan error, 1)
	h.mu.Lock()
	if w.over {
		h.mu.Unlock()
		return errSessionEnded
	}
	h.joining = append(h.joining, joining{w, stream, done})
	h.mu.Unlock()
	signal(h.wake)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		h.part(w, stream)
		return ctx.Err()
	case <-h.ctx.Done():
		return errStopping
	}
}

var errStopping = &Error{Code: Overloaded, Message: "The server is stopping. Try again."}

// part removes a stream whose reader is gone.
func (h *hub) part(w *Watch, stream *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	stream.parted = true
	h.endStream(w, stream, context.Canceled)
}

// committed hears of what this process has committed.
func (h *hub) committed(entries []*model.AuditEvent) {
	var ids, near []string
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, entry := range entries {
		effect, known := effects[entry.Kind]
		if !known {
			continue
		}
		ids = append(ids, entry.ID)
		if h.turning && (effect.everyone || len(h.everyone) > 0 || h.watches[string(entry.UserID)] != nil) {
			near = append(near, entry.ID)
		}
	}
	if len(ids) > 0 && h.service.store.Notifies() && len(h.outgoing) < maxHeard {
		h.outgoing = append(h.outgoing, ids...)
		signal(h.told)
	}
	h.hearLocked(near)
}

// hear hears of what others have committed.
func (h *hub) hear(ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hearLocked(ids)
}

func (h *hub) hearLocked(ids []string) {
	if len(ids) > 0 && h.turning && len(h.heard) < maxHeard {
		h.heard = append(h.heard, ids...)
		signal(h.wake)
	}
}

// turns runs turns until there is nobody to run them for.
func (h *hub) turns() {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	due := true
	for {
		began := time.Now()
		if !h.turn(due) {
			return
		}
		due = false
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			due = true
		case <-h.wake:
		}
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(turnPause - time.Since(began)):
		}
	}
}

// turn reads what happened, tells it and lets in who waits. It reports whether there will be
// another one: the last one to leave ends them.
func (h *hub) turn(due bool) (more bool) {
	h.mu.Lock()
	joining, heard := h.joining, h.heard
	h.joining, h.heard = nil, nil
	if len(h.watches) == 0 && len(joining) == 0 {
		h.turning = false
		h.seen, h.readUntil = nil, 0
		h.mu.Unlock()
		return false
	}
	h.mu.Unlock()
	err := h.look(due || len(joining) > 0, heard) // after a failure the next poll finds what was heard
	h.noteFailure(err)
	h.admit(joining, err)
	return true
}

// look is the part of a turn that the database may fail, and that a bug must not end.
func (h *hub) look(poll bool, heard []string) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
		}
	}()
	if time.Since(h.rechecked) >= recheckEvery {
		return h.recheck()
	}
	if poll {
		return h.poll()
	}
	if len(heard) == 0 {
		return nil
	}
	entries, err := h.service.store.AuditEntriesByID(h.ctx, heard)
	if err != nil {
		return fmt.Errorf("failed to read the audit trail: %w", err)
	}
	return h.tellNew(entries, false)
}

// poll reads the audit trail. The first time nothing of it is told: it is what was before.
func (h *hub) poll() error {
	now, first := h.service.now(), h.readUntil.IsZero()
	from := min(h.readUntil, now)
	if first {
		from, h.seen = now, map[string]struct{}{}
	}
	h.floor = firstID(model.AuditEventIDPrefix, from.Add(-readAgain))
	kinds := slices.Collect(maps.Keys(effects))
	for last := h.floor; ; {
		entries, err := h.service.store.AuditEntries(h.ctx, last, kinds, entriesAtOnce)
		if err != nil {
			return fmt.Errorf("failed to read the audit trail: %w", err)
		}
		more := len(entries) == entriesAtOnce
		if more {
			last = entries[len(entries)-1].ID
		}
		if err := h.tellNew(entries, first); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	h.readUntil = now
	maps.DeleteFunc(h.seen, func(id string, _ struct{}) bool { return id <= h.floor })
	return nil
}

// recheck looks every credential up again. Where some have ended, what ended them is told first:
// it committed in the same moment.
func (h *hub) recheck() error {
	if err := h.poll(); err != nil {
		return err
	}
	watches := h.concerned(nil, true)
	viewers, standings, err := h.standings(watches)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(standings, func(is standing) bool { return is.refusal != nil }) {
		if err := h.poll(); err != nil {
			return err
		}
	}
	over := map[*Watch]error{}
	h.locked(func() {
		for i, w := range watches {
			if is := standings[i]; is.refusal != nil {
				over[w] = is.refusal
			} else if !w.over {
				h.apply(w, viewers[i], is)
				if event := h.service.expiring(w, viewers[i], is); event != nil {
					h.deliver(over, w, event, false)
				}
			}
		}
	})
	h.finish(over)
	h.rechecked = time.Now()
	return nil
}

// tellNew tells those entries that were not seen before.
func (h *hub) tellNew(entries []*model.AuditEvent, before bool) error {
	entries = slices.DeleteFunc(entries, func(entry *model.AuditEvent) bool {
		_, seen := h.seen[entry.ID]
		_, known := effects[entry.Kind]
		return seen || !known || entry.ID <= h.floor
	})
	if len(entries) > 0 && !before {
		if err := h.tell(entries); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		h.seen[entry.ID] = struct{}{}
	}
	return nil
}

// concerned returns the watches of those whom entries concern, or all.
func (h *hub) concerned(entries []*model.AuditEvent, all bool) (watches []*Watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	users := map[string]struct{}{}
	for _, entry := range entries {
		all = all || effects[entry.Kind].everyone
		users[string(entry.UserID)] = struct{}{}
	}
	for user, theirs := range h.watches {
		if _, concerned := users[user]; concerned || all {
			watches = slices.AppendSeq(watches, maps.Keys(theirs))
		}
	}
	return watches
}

// standings looks up again what the viewers of watches stand on.
func (h *hub) standings(watches []*Watch) (viewers []*Viewer, standings []standing, err error) {
	for _, w := range watches {
		viewers = append(viewers, w.viewer.Load())
	}
	standings, err = h.service.standings(h.ctx, viewers)
	return viewers, standings, err
}

// tell looks up again whom entries concern, and then tells the entries. Whose credential has ended
// by something that was not read yet hears of that first, in the next turn.
func (h *hub) tell(entries []*model.AuditEvent) error {
	watches := h.concerned(entries, false)
	viewers, standings, err := h.standings(watches)
	if err != nil {
		return err
	}
	ends := map[string]bool{}
	for _, entry := range entries {
		ends[string(entry.UserID)] = ends[string(entry.UserID)] || effects[entry.Kind].ends
	}
	over := map[*Watch]error{}
	h.locked(func() {
		for i, w := range watches {
			switch is := standings[i]; {
			case w.over:
			case is.refusal == nil:
				h.apply(w, viewers[i], is)
			case ends[w.user]:
				over[w] = is.refusal
			default:
				h.rechecked = time.Time{}
				signal(h.wake)
			}
		}
		for _, entry := range entries {
			h.tellEntry(over, entry)
		}
	})
	h.finish(over)
	return nil
}

// finish ends watches and, without the lock, tells them why.
func (h *hub) finish(over map[*Watch]error) {
	h.locked(func() {
		maps.DeleteFunc(over, func(w *Watch, reason error) bool { return !h.end(w, reason) })
	})
	for w, reason := range over {
		w.ended(reason)
	}
}

// apply gives a watch's viewer the authority that they have now.
func (h *hub) apply(w *Watch, v *Viewer, now standing) {
	if !sameSet(w.roles, now.roles) || !sameSet(w.may, now.permissions) {
		w.changed, w.roles, w.may = true, now.roles, now.permissions
	}
	if !sameSet(v.Roles, now.roles) || !sameSet(v.Permissions, now.permissions) {
		fresh := *v
		fresh.Roles, fresh.Permissions = now.roles, now.permissions
		w.viewer.CompareAndSwap(v, &fresh) // otherwise Renew has been faster
	}
	for stream := range w.streams {
		if stream.all && !now.permissions.Contains(AuditRead) {
			h.endStream(w, stream, errForbidden)
		}
	}
}

// sameSet reports whether two lists without doubles hold the same.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(one string) bool { return !slices.Contains(b, one) })
}

// expiring returns the event that the session of a watch is about to end, when it is time.
func (s *Service) expiring(w *Watch, v *Viewer, is standing) *Event {
	now := s.now()
	if is.created.IsZero() || is.ends.IsZero() || is.ends == w.warned || now < is.ends.Add(-min(expiryWarning, is.life/10)) {
		return nil
	}
	w.warned = is.ends // which a use puts off where sessions end without
	return &Event{Kind: EventSessionExpiring, At: now, UserID: w.user, SessionID: model.OptionalString(v.SessionID())}
}

// tellEntry tells everyone whom it concerns of an entry.
func (h *hub) tellEntry(over map[*Watch]error, entry *model.AuditEvent) {
	effect, event := effects[entry.Kind], newEvent(entry)
	if effect.everyone {
		h.tellHolders(over, entry.At)
		return
	}
	if event.Kind == "" {
		return
	}
	for w := range h.watches[event.UserID] {
		if event.Kind == EventRolesChanged {
			w.changed = false
		}
		h.deliver(over, w, event, effect.ends)
	}
	for w := range h.everyone {
		if w.user != event.UserID {
			h.deliver(over, w, event, false)
		}
	}
}

// tellHolders tells whoever's roles permit something else than before.
func (h *hub) tellHolders(over map[*Watch]error, at model.Time) {
	for user, watches := range h.watches {
		for w := range watches {
			if w.changed {
				w.changed = false
				h.deliver(over, w, &Event{Kind: EventRolesChanged, At: at, UserID: user}, false)
			}
		}
	}
}

// deliver puts an event before the streams of a watch that want it. A watch one of whose streams
// has no room is over.
func (h *hub) deliver(over map[*Watch]error, w *Watch, event *Event, ends bool) {
	_, ended := over[w]
	v := w.viewer.Load()
	for stream := range w.streams {
		if !stream.all && event.UserID != w.user {
			continue
		}
		if !stream.send(event.seenBy(v, ended && ends)) && !ended {
			over[w] = errSlow
		}
	}
}

// admit lets streams in whose turn has come, with its outcome.
func (h *hub) admit(joining []joining, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, j := range joining {
		outcome := err
		if outcome == nil && j.watch.over {
			outcome = errSessionEnded
		}
		if outcome == nil && !j.stream.parted {
			j.watch.streams[j.stream] = struct{}{}
			if j.stream.all {
				h.everyone[j.watch]++
			}
		}
		j.done <- outcome
	}
}

// noteFailure logs that the database does not answer, once, and that it answers again.
func (h *hub) noteFailure(err error) {
	switch {
	case h.ctx.Err() != nil:
	case err != nil && !h.failing:
		h.service.Log.Error("failed to tell of events", "error", err)
	case err == nil && h.failing:
		h.service.Log.Info("events are told again")
	}
	h.failing = err != nil
}

// listen hears of what other processes commit, as long as the hub is open.
func (h *hub) listen() {
	failing := false
	for h.ctx.Err() == nil {
		err := h.service.store.Listen(h.ctx, func() { failing = false }, h.hear)
		if h.ctx.Err() != nil {
			return
		}
		if !failing { // the poll hears of everything anyway
			h.service.Log.Warn("failed to listen to PostgreSQL", "error", err)
		}
		failing = true
		select {
		case <-h.ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// notify tells other processes of what this one has committed, also of the last before the end.
func (h *hub) notify() {
	for {
		select {
		case <-h.told:
		case <-h.ctx.Done():
		}
		h.mu.Lock()
		ids := h.outgoing
		h.outgoing = nil
		h.mu.Unlock()
		if len(ids) > 0 {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), pollEvery)
			_ = h.service.store.Notify(ctx, ids) // others find out by their polls
			cancel()
		}
		if h.ctx.Err() != nil {
			return
		}
	}
}
