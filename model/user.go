package model

// OptionalString is a text or, when it is empty, the absence of one: NULL in the database and
// null in GraphQL.
type OptionalString string

// User is a person who can sign in. It has an email address or a user name, or both.
type User struct {
	ID       string         `bun:",pk"`
	Email    OptionalString `bun:",nullzero"` // as typed
	Username OptionalString `bun:",nullzero"` // as typed

	// The folded forms are what two equal identifiers have in common (see auth.foldEmail
	// and its neighbours). They are unique where that matters, indexed for search and order,
	// and empty rather than NULL, so that every database sorts absent values alike.
	EmailFolded     string
	UsernameFolded  string
	FirstName       OptionalString `bun:",nullzero"`
	FirstNameFolded string
	LastName        OptionalString `bun:",nullzero"`
	LastNameFolded  string

	Locale OptionalString `bun:",nullzero"` // a language tag (BCP 47)

	DisabledAt  Time `bun:",nullzero"` // zero while the account may be used
	ConfirmedAt Time `bun:",nullzero"` // zero until an administrator vouches for the account
	CreatedAt   Time
	UpdatedAt   Time

	// Tracked log-ins: the one before the current one, and the current one.
	LastLoginAt         Time           `bun:",nullzero"`
	LastLoginAddress    OptionalString `bun:",nullzero"`
	CurrentLoginAt      Time           `bun:",nullzero"`
	CurrentLoginAddress OptionalString `bun:",nullzero"`
	LoginCount          int
}

// Active reports whether the account may be used.
func (u *User) Active() bool { return u.DisabledAt.IsZero() }

// IsNode marks User as an object that can be fetched by its id.
func (*User) IsNode() {}
