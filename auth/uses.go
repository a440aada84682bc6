package auth

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/authgraph/authgraph/model"
)

// It is known to about a minute when a session or an API token was last used. Which ones were
// is written down all at once some seconds later: one by one, a server that many use would write
// all the time, and whatever it recalls of the database holds only until the next write.
//
// Where sessions end by disuse a use is written at once, since other servers decide by it.

const (
	// seenEvery is how exactly it is known when a session or a token was last used. Writing it
	// more often would make every read a write.
	seenEvery = time.Minute
	// usesWithin is how long a use waits to be written down with others.
	usesWithin = 5 * time.Second
	// usesAtOnce is how many are written by one statement: some milliseconds of the one writer's time.
	usesAtOnce = 500
)

// uses are the sessions and API tokens that were used, by their ids, until that is written down.
type uses struct {
	mu        sync.Mutex
	sessions  map[string]string // and whose they are
	apiTokens map[string]string
	later     *time.Timer
}

// noteSessionUse makes sure that a use of a session is written down if the last one is long ago.
func (s *Service) noteSessionUse(ctx context.Context, v *Viewer, now model.Time) {
	if now < v.Session.LastSeenAt.Add(s.seenEvery()) {
		return
	}
	s.uses.add(s, &s.uses.sessions, v.Session.ID, v.Session.UserID)
	if s.IdleDuration > 0 {
		s.writeUses(ctx, v)
	}
}

// noteAPITokenUse is noteSessionUse for an API token.
func (s *Service) noteAPITokenUse(token *model.APIToken, now model.Time) {
	if used := token.LastUsedAt; used.IsZero() || now >= used.Add(seenEvery) {
		s.uses.add(s, &s.uses.apiTokens, token.ID, token.UserID)
	}
}

// seenEvery is how often the use of a session is noted: often enough for a short IdleDuration.
func (s *Service) seenEvery() time.Duration {
	if s.IdleDuration > 0 {
		return min(seenEvery, s.IdleDuration/10)
	}
	return seenEvery
}

func (u *uses) add(s *Service, to *map[string]string, id, userID string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[id] = userID
	if u.later == nil {
		u.later = time.AfterFunc(usesWithin, func() { s.writeUses(context.Background(), &Viewer{}) })
	}
}

// sessionsOf returns the sessions of a user that wait to be written down, and leaves them there.
func (u *uses) sessionsOf(userID string) (ids []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, owner := range u.sessions {
		if owner == userID {
			ids = append(ids, id)
		}
	}
	return ids
}

// take returns what waits to be written down, which nobody else then gets.
func (u *uses) take() (sessions, apiTokens []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.later != nil {
		u.later.Stop()
	}
	sessions, apiTokens = slices.Sorted(maps.Keys(u.sessions)), slices.Sorted(maps.Keys(u.apiTokens))
	u.sessions, u.apiTokens, u.later = nil, nil, nil
	return sessions, apiTokens
}

// writeUses writes down what was used. Requests can do without, so a failure is logged and no more.
func (s *Service) writeUses(ctx context.Context, v *Viewer) {
	sessions, apiTokens := s.uses.take()
	now := s.now()
	for ids := range slices.Chunk(sessions, usesAtOnce) {
		s.attempt(ctx, v, "note that sessions were used", s.store.SetSessionsSeen(ctx, ids, now, now.Add(-s.seenEvery())))
	}
	for ids := range slices.Chunk(apiTokens, usesAtOnce) {
		s.attempt(ctx, v, "note that API tokens were used", s.store.SetAPITokensUsed(ctx, ids, now, now.Add(-seenEvery)))
	}
}
