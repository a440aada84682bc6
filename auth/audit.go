package auth

import (
	"context"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// operatorID is how the audit trail names whoever runs commands on the server's machine.
const operatorID = "operator"

// record writes into the audit trail what the viewer did, in the transaction of the change.
// The event says whom and what it concerns; who did it, and from where, comes from the viewer.
func (s *Service) record(ctx context.Context, db *store.Store, v *Viewer, event model.AuditEvent) error {
	event = s.newEvent(v, event)
	return db.InsertAuditEvent(ctx, &event)
}

// newEvent fills in who did something, when and from where.
func (s *Service) newEvent(v *Viewer, event model.AuditEvent) model.AuditEvent {
	event.ID = s.newID(model.AuditEventIDPrefix)
	event.At = s.now()
	if event.ActorID == "" {
		event.ActorID = model.OptionalString(v.ID())
	}
	if v.Kind == kindOperator {
		event.ActorID = operatorID
	}
	if v.Session != nil && event.SessionID == "" {
		event.SessionID = model.OptionalString(v.Session.ID)
	}
	event.Address = model.OptionalString(v.Client.address())
	event.UserAgent = model.OptionalString(printable(v.Client.UserAgent))
	event.RequestID = model.OptionalString(v.Client.RequestID)
	event.Occurrences = 1
	return event
}

// about returns an event that concerns a user.
func about(kind model.AuditKind, userID string) model.AuditEvent {
	return model.AuditEvent{Kind: kind, UserID: model.OptionalString(userID)}
}

// aboutSubject returns an event that concerns a user, if userID is not "", and something else.
func aboutSubject(kind model.AuditKind, userID, subjectID string) model.AuditEvent {
	return model.AuditEvent{Kind: kind, UserID: model.OptionalString(userID), SubjectID: model.OptionalString(subjectID)}
}
