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

	DisabledAt Time `bun:",nullzero"` // zero while the account may be used
	CreatedAt  Time
	UpdatedAt  Time
}

// Active reports whether the account may be used.
func (u *User) Active() bool { return u.DisabledAt.IsZero() }

// IsNode marks User as an object that can be fetched by its id.
func (*User) IsNode() {}
