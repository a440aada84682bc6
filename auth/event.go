package auth

import (
	"context"
	"errors"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// Events are what listeners hear of while it happens (Watch.Listen). They are made from the audit
// trail, whose rows commit with the change that they record: nobody hears of what did not happen.

// EventKind is what happened to an account. The schema publishes the same names as the enum
// AuthEventKind.
type EventKind string

// What listeners are told of.
const (
	EventSignedIn        EventKind = "SIGNED_IN"
	EventSignedOut       EventKind = "SIGNED_OUT"
	EventSessionRevoked  EventKind = "SESSION_REVOKED"
	EventSessionExpiring EventKind = "SESSION_EXPIRING"
	EventPasswordChanged EventKind = "PASSWORD_CHANGED"
	EventProfileChanged  EventKind = "PROFILE_CHANGED"
	EventRolesChanged    EventKind = "ROLES_CHANGED"
	EventAccountCreated  EventKind = "ACCOUNT_CREATED"
	EventAccountDisabled EventKind = "ACCOUNT_DISABLED"
	EventAccountEnabled  EventKind = "ACCOUNT_ENABLED"
	EventAccountDeleted  EventKind = "ACCOUNT_DELETED"
)

// Event is something that happened to an account.
type Event struct {
	Kind      EventKind
	At        model.Time
	UserID    string
	SessionID model.OptionalString // the session that it is about, where it is about one
	Current   bool                 // whether that is the listener's own
}

// effect is what an entry of the audit trail means to those who listen.
type effect struct {
	kind EventKind // "" where nobody is told
	// ends is whether sessions or tokens of the user may have ended by it; which ones, where it
	// names none, is seen by looking them up.
	ends bool
	// everyone is whether it may concern users whom it does not name: the holders of a role.
	everyone bool
}

// effects is the one table of what is told of the audit trail. What is missing concerns no listener.
var effects = map[model.AuditKind]effect{
	model.AuditLoggedIn:        {kind: EventSignedIn},
	model.AuditLoggedOut:       {kind: EventSignedOut, ends: true},
	model.AuditSessionRevoked:  {kind: EventSessionRevoked, ends: true},
	model.AuditTokenReused:     {kind: EventSessionRevoked, ends: true},
	model.AuditPasswordChanged: {kind: EventPasswordChanged, ends: true},
	model.AuditUserUpdated:     {kind: EventProfileChanged},
	model.AuditRoleGranted:     {kind: EventRolesChanged},
	model.AuditRoleRevoked:     {kind: EventRolesChanged},
	model.AuditUserCreated:     {kind: EventAccountCreated},
	model.AuditUserDisabled:    {kind: EventAccountDisabled, ends: true},
	model.AuditUserEnabled:     {kind: EventAccountEnabled},
	model.AuditUserDeleted:     {kind: EventAccountDeleted, ends: true},
	model.AuditAPITokenRevoked: {ends: true},
	model.AuditRoleUpdated:     {everyone: true},
	model.AuditRoleDeleted:     {everyone: true},
}

// newEvent returns what an entry of the audit trail tells.
func newEvent(entry *model.AuditEvent) *Event {
	event := &Event{Kind: effects[entry.Kind].kind, At: entry.At, UserID: string(entry.UserID)}
	if checkID("", string(entry.SubjectID), model.SessionIDPrefix) == nil {
		event.SessionID = entry.SubjectID
	}
	return event
}

// UserOf returns the user of an event as they are now, and nil where they are gone or the viewer
// may not see them.
func (s *Service) UserOf(ctx context.Context, v *Viewer, event *Event) (*model.User, error) {
	if !v.Is(event.UserID) && !v.Can(UsersRead) {
		return nil, nil
	}
	user, err := s.store.UserByID(ctx, event.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return user, err
}
