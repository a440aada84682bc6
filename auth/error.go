package auth

// Code says why something was refused. The schema publishes the same names as the enum
// ErrorCode.
type Code string

// The codes of the refusals that this package makes. Package graph adds those of requests
// that never reach it.
const (
	Unauthenticated          Code = "UNAUTHENTICATED"
	Forbidden                Code = "FORBIDDEN"
	ReauthenticationRequired Code = "REAUTHENTICATION_REQUIRED"
	InvalidCredentials       Code = "INVALID_CREDENTIALS"
	BadUserInput             Code = "BAD_USER_INPUT"
	NotFound                 Code = "NOT_FOUND"
	AlreadyExists            Code = "ALREADY_EXISTS"
	RateLimited              Code = "RATE_LIMITED"
	Overloaded               Code = "OVERLOADED"
)

// Error is a refusal, written for the person who is refused. It is the only kind of error
// whose text may leave the server; every other error is an outage, for the log alone.
type Error struct {
	Code       Code
	Message    string
	Field      string // the input at fault, if one is
	RetryAfter int    // in how many seconds to try again, where that is known
}

func (e *Error) Error() string {
	if e.Field != "" {
		return string(e.Code) + ": " + e.Field + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Message
}

// badInput says which rule the input of a field breaks.
func badInput(field, rule string) error {
	return &Error{Code: BadUserInput, Field: field, Message: field + " " + rule}
}

var errNotFound = &Error{Code: NotFound, Message: "There is no such object, or you may not see it."}
