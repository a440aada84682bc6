// Package people makes up people for measurements. They are the same everywhere, and each is
// known by a number: so a program that puts load on a server can log anybody in, and present the
// token of any session, without asking the database.
//
//   - The user with the number 7 has the user name user7 and the password Password.
//   - The session with the number 7 has the token ags_…, where … is the SHA-256 of
//     "authgraph bench session 7", in base64url without padding.
//
// Everybody is a member, and every third user, from the first on, an editor.
//
// Command bench/fill puts them into a database.
package people

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/authgraph/authgraph/model"
)

// Password is everyone's.
const Password = "violet harbour lantern 47"

// Hashes are what a server without a pepper keeps of Password, by the bcrypt cost. A server with
// another cost hashes it anew at the first log-in of each user.
var Hashes = map[int]string{
	10: "hmac-sha384:label:$2a$10$7/DCta2NjYo8VNkqrojYcOC3.MADtuHf2aGWweGmbH0D9AgzYSkjy",
	12: "hmac-sha384:label:$2a$12$ZRx3XqX2/wFNvnt3PEa22ewhGAw1OGyQiHrL.XDSpKCT82hqHu2ui",
}

// Roles are the roles that people hold.
var Roles = []*model.Role{
	role(0, "editor", "Writes and changes articles."),
	role(1, "member", "Reads articles."),
}

func role(n int, name, description string) *model.Role {
	return &model.Role{
		ID: id(model.RoleIDPrefix, firstSignUp, n), Name: name, Description: description,
		CreatedAt: firstSignUp, UpdatedAt: firstSignUp,
	}
}

// Crowd is some users, whose numbers begin with First, and their sessions, whose numbers do too.
// The sessions go round: everyone has one before anyone has a second.
type Crowd struct {
	First, Users, Sessions int
	Cost                   int // of the password's hash
}

// The first user signed up at the beginning of this day, and one followed each second. They
// logged in a month later.
var (
	firstSignUp = model.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	firstLogin  = firstSignUp.Add(30 * 24 * time.Hour)
)

// Username returns the user name of a user.
func Username(n int) string { return fmt.Sprint("user", n) }

// Token returns the token of a session.
func Token(n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "authgraph bench session %d", n))
	return "ags_" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func signUp(n int) model.Time { return firstSignUp.Add(time.Duration(n) * time.Second) }
func login(n int) model.Time  { return firstLogin.Add(time.Duration(n) * time.Second) }

// id returns the id of the n-th row of a kind, of the form that a server makes at that time.
func id(prefix string, at model.Time, n int) string {
	var uuid [16]byte
	binary.BigEndian.PutUint64(uuid[8:], 1<<63|uint64(n))
	binary.BigEndian.PutUint64(uuid[:8], uint64(at/1000)<<16|7<<12)
	return prefix + crockford.EncodeToString(uuid[:])
}

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// UserID returns the id of a user.
func UserID(n int) string { return id(model.UserIDPrefix, signUp(n), n) }

// SessionID returns the id of a session.
func SessionID(n int) string { return id(model.SessionIDPrefix, login(n), n) }

// The names of people, who come in every combination.
var (
	firstNames = strings.Fields("Ada Bela Chidi Dora Emil Fatima Goro Hana Ivan Jun Kofi Lena Mira Noor Olu Pia Quinn Rosa Sami Tove Uma Vera Wen Xenia Yara Zoe")
	lastNames  = strings.Fields("Adler Baker Costa Diaz Eriksson Fischer Garcia Hansen Ito Jensen Kim Lopez Meyer Nguyen Okafor Petrov Quist Rossi Silva Tanaka Ueda Vogel Weber Xu Yilmaz Zhang")
)

// name picks a name, as if by chance.
func name(names []string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", names[0], n))
	return names[int(binary.BigEndian.Uint32(sum[:]))%len(names)]
}

// User returns a user.
func (c Crowd) User(n int) *model.User {
	first, last := name(firstNames, n), name(lastNames, n)
	email := fmt.Sprintf("%s.%s%d@example.test", first, last, n)
	user := &model.User{
		ID:    UserID(n),
		Email: model.OptionalString(email), EmailFolded: strings.ToLower(email),
		Username: model.OptionalString(Username(n)), UsernameFolded: Username(n),
		FirstName: model.OptionalString(first), FirstNameFolded: strings.ToLower(first),
		LastName: model.OptionalString(last), LastNameFolded: strings.ToLower(last),
		CreatedAt: signUp(n), UpdatedAt: signUp(n),
	}
	if place := n - c.First; place < c.Sessions {
		user.LoginCount = (c.Sessions-place-1)/c.Users + 1
		latest := n + (user.LoginCount-1)*c.Users
		user.CurrentLoginAt, user.CurrentLoginAddress = login(latest), address
		if user.LoginCount > 1 {
			user.LastLoginAt, user.LastLoginAddress = login(latest-c.Users), address
		}
	}
	return user
}

const (
	address   = "192.0.2.1"
	userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// Credential returns the password of a user.
func (c Crowd) Credential(n int) *model.Credential {
	return &model.Credential{
		ID: id(model.CredentialIDPrefix, signUp(n), n), UserID: UserID(n), Kind: model.KindPassword,
		Secret: Hashes[c.Cost], CreatedAt: signUp(n), UpdatedAt: signUp(n),
	}
}

// owner returns the number of the user whose session it is.
func (c Crowd) owner(session int) int { return c.First + (session-c.First)%c.Users }

// Session returns a session, which never ends by itself.
func (c Crowd) Session(n int) *model.Session {
	hash, at := sha256.Sum256([]byte(Token(n))), login(n)
	return &model.Session{
		ID: SessionID(n), UserID: UserID(c.owner(n)), TokenHash: hash[:], UserAgent: userAgent, Address: address,
		CreatedAt: at, AuthenticatedAt: at, LastSeenAt: at, CookieIssuedAt: at,
	}
}

// Grants returns how many roles the users hold.
func (c Crowd) Grants() int { return c.Users + c.editors() }

func (c Crowd) editors() int { return (c.Users + 2) / 3 }

// Grant returns that a user holds a role, for numbers from 0 on.
func (c Crowd) Grant(n int) *model.UserRole {
	role, user := Roles[0], c.First+3*n
	if n >= c.editors() {
		role, user = Roles[1], c.First+n-c.editors()
	}
	return &model.UserRole{UserID: UserID(user), RoleID: role.ID, GrantedAt: signUp(user)}
}

// SignUp returns the event of a user's sign-up.
func (c Crowd) SignUp(n int) *model.AuditEvent {
	return c.event(model.AuditUserCreated, signUp(n), 2*n, n)
}

// Login returns the event with which a session began.
func (c Crowd) Login(n int) *model.AuditEvent {
	event := c.event(model.AuditLoggedIn, login(n), 2*n+1, c.owner(n))
	event.SessionID = model.OptionalString(SessionID(n))
	event.SubjectID = event.SessionID
	return event
}

func (c Crowd) event(kind model.AuditKind, at model.Time, n, user int) *model.AuditEvent {
	userID := model.OptionalString(UserID(user))
	return &model.AuditEvent{
		ID: id(model.AuditEventIDPrefix, at, n), Kind: kind, At: at, ActorID: userID, UserID: userID,
		Address: address, UserAgent: userAgent, RequestID: model.OptionalString(id("req_", at, n)), Occurrences: 1,
	}
}
