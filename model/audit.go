package model

// AuditKind says what happened.
type AuditKind string

// What is recorded. The schema publishes the same names as the enum AuditKind.
const (
	AuditUserCreated     AuditKind = "USER_CREATED"
	AuditUserUpdated     AuditKind = "USER_UPDATED"
	AuditUserDisabled    AuditKind = "USER_DISABLED"
	AuditUserEnabled     AuditKind = "USER_ENABLED"
	AuditUserDeleted     AuditKind = "USER_DELETED"
	AuditLoggedIn        AuditKind = "LOGGED_IN"
	AuditLoginFailed     AuditKind = "LOGIN_FAILED"
	AuditThrottled       AuditKind = "THROTTLED"
	AuditUserUnlocked    AuditKind = "USER_UNLOCKED"
	AuditLoggedOut       AuditKind = "LOGGED_OUT"
	AuditBasicVerified   AuditKind = "BASIC_VERIFIED"
	AuditSessionRenewed  AuditKind = "SESSION_RENEWED"
	AuditTokenIssued     AuditKind = "ACCESS_TOKEN_ISSUED"
	AuditReauthenticated AuditKind = "REAUTHENTICATED"
	AuditSessionRevoked  AuditKind = "SESSION_REVOKED"
	AuditTokenReused     AuditKind = "TOKEN_REUSED"
	AuditPasswordChanged AuditKind = "PASSWORD_CHANGED"
	AuditPasswordCode    AuditKind = "PASSWORD_CODE_CREATED"
	AuditAPITokenCreated AuditKind = "API_TOKEN_CREATED"
	AuditAPITokenRevoked AuditKind = "API_TOKEN_REVOKED"
	AuditRoleCreated     AuditKind = "ROLE_CREATED"
	AuditRoleUpdated     AuditKind = "ROLE_UPDATED"
	AuditRoleDeleted     AuditKind = "ROLE_DELETED"
	AuditRoleGranted     AuditKind = "ROLE_GRANTED"
	AuditRoleRevoked     AuditKind = "ROLE_REVOKED"
	AuditKeysRotated     AuditKind = "KEYS_ROTATED"
)

// AuditEvent is something that happened. It names others by id alone, since it outlives them.
type AuditEvent struct {
	ID        string `bun:",pk"`
	Kind      AuditKind
	At        Time
	ActorID   OptionalString `bun:",nullzero"` // who did it: a user's id or "operator"
	UserID    OptionalString `bun:",nullzero"` // whom it concerns
	SessionID OptionalString `bun:",nullzero"` // by which session it was done
	SubjectID OptionalString `bun:",nullzero"` // the role, session, token or key it is about
	Address   OptionalString `bun:",nullzero"`
	UserAgent OptionalString `bun:",nullzero"`
	RequestID OptionalString `bun:",nullzero"`
	Detail    OptionalString `bun:",nullzero"` // never a secret

	Occurrences int // how often it happened: once, unless refusals of a minute are counted together
}
