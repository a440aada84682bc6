package auth

import (
	"context"
	"time"

	"github.com/authgraph/authgraph/model"
)

// Stats are the figures of the whole service, each up to MaxCount.
type Stats struct {
	Users       int
	ActiveUsers int // who may sign in
	Sessions    int // also those that ended in the last minute
	LoginsToday int // of the last 24 hours
}

// Stats counts users, sessions and log-ins for a holder of users:read.
func (s *Service) Stats(ctx context.Context, v *Viewer) (*Stats, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersRead}}); err != nil {
		return nil, err
	}
	counts, err := s.store.Counts(ctx, MaxCount)
	if err != nil {
		return nil, err
	}
	logins, err := s.store.CountAuditEvents(ctx, model.AuditLoggedIn, s.now().Add(-24*time.Hour), MaxCount)
	if err != nil {
		return nil, err
	}
	stats := &Stats{Users: counts.Users, ActiveUsers: counts.Users, Sessions: counts.Sessions, LoginsToday: logins}
	if counts.Users < MaxCount { // otherwise nobody knows how many are left
		stats.ActiveUsers -= counts.DisabledUsers
	}
	return stats, nil
}
