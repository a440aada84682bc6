package auth

import (
	"context"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// AuditRead is the permission to read the whole audit trail. The schema declares it.
const AuditRead = "audit:read"

// AuditQuery asks for a page of the audit trail, newest first.
type AuditQuery struct {
	Kind         model.AuditKind // "" for all
	UserID       string          // whom it concerns; "" for all
	ActorID      string          // who did it; "" for all
	Since, Until model.Time      // from and before these times; zero for no bound
	PageArguments
}

// AuditLog returns a page of the audit trail to a holder of audit:read.
func (s *Service) AuditLog(ctx context.Context, v *Viewer, query AuditQuery) (*Page[model.AuditEvent], error) {
	filter, err := s.auditFilter(v, query)
	if err != nil {
		return nil, err
	}
	return s.auditPage(ctx, filter, query.PageArguments)
}

// CountAuditLog returns how many events a query's filter matches, up to MaxCount, to a holder of
// audit:read.
func (s *Service) CountAuditLog(ctx context.Context, v *Viewer, query AuditQuery) (int, error) {
	filter, err := s.auditFilter(v, query)
	if err != nil {
		return 0, err
	}
	return s.store.CountFilteredAuditEvents(ctx, filter, MaxCount)
}

// SecurityEvents returns a page of what concerns a user: to the user themselves, or to a holder of
// audit:read.
func (s *Service) SecurityEvents(ctx context.Context, v *Viewer, user *model.User, page PageArguments) (*Page[model.AuditEvent], error) {
	if err := s.mayReadEvents(v, user); err != nil {
		return nil, err
	}
	return s.auditPage(ctx, store.AuditFilter{UserID: user.ID}, page)
}

// CountSecurityEvents returns how many events concern a user, up to MaxCount, under the same rule.
func (s *Service) CountSecurityEvents(ctx context.Context, v *Viewer, user *model.User) (int, error) {
	if err := s.mayReadEvents(v, user); err != nil {
		return 0, err
	}
	return s.store.CountFilteredAuditEvents(ctx, store.AuditFilter{UserID: user.ID}, MaxCount)
}

func (s *Service) mayReadEvents(v *Viewer, user *model.User) error {
	if v.Is(user.ID) {
		return nil
	}
	return s.CheckGuard(v, Guard{Permissions: []string{AuditRead}})
}

func (s *Service) auditFilter(v *Viewer, query AuditQuery) (store.AuditFilter, error) {
	filter := store.AuditFilter{Kind: query.Kind, UserID: query.UserID, ActorID: query.ActorID, Since: query.Since, Until: query.Until}
	if err := s.CheckGuard(v, Guard{Permissions: []string{AuditRead}}); err != nil {
		return filter, err
	}
	if query.UserID != "" {
		if err := checkID("userId", query.UserID, model.UserIDPrefix); err != nil {
			return filter, err
		}
	}
	if query.ActorID != "" && query.ActorID != operatorID {
		return filter, checkID("actorId", query.ActorID, model.UserIDPrefix)
	}
	return filter, nil
}

func (s *Service) auditPage(ctx context.Context, filter store.AuditFilter, page PageArguments) (*Page[model.AuditEvent], error) {
	place := func(event *model.AuditEvent) *store.Position {
		return &store.Position{Key: event.At, ID: event.ID}
	}
	return readPage(s, page, "audit events", place,
		func(backwards bool, page store.Page) (*store.Found[model.AuditEvent], error) {
			page.Descending = !backwards
			return s.store.AuditEvents(ctx, store.AuditPage{Filter: filter, Page: page})
		})
}
