package auth

import (
	"context"
	"errors"
	"slices"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// The permissions that this package asks for. The schema declares them.
const (
	UsersRead  = "users:read"
	UsersWrite = "users:write"
	RolesRead  = "roles:read"
	RolesWrite = "roles:write"
)

// CreateUserInput is a new account. Empty texts are absent.
type CreateUserInput struct {
	Email, Username     string
	Password            string
	FirstName, LastName string
	Locale              string // a language tag (BCP 47)
}

// CreateUser makes an account that signs in by password. It refuses with BAD_USER_INPUT,
// with ALREADY_EXISTS when the email or the user name is taken, and with FORBIDDEN when
// sign-up is closed.
func (s *Service) CreateUser(ctx context.Context, v *Viewer, in CreateUserInput) (*model.User, error) {
	return s.createUser(ctx, v, in, nil)
}

// createUser is CreateUser with roles, named, that the viewer may grant.
func (s *Service) createUser(ctx context.Context, v *Viewer, in CreateUserInput, roles []string) (*model.User, error) {
	if !s.SignupOpen && v.Kind != kindOperator {
		return nil, &Error{Code: Forbidden, Message: "Sign-up is closed."}
	}
	user, err := s.newUser(in)
	if err != nil {
		return nil, err
	}
	if err := s.checkOwnPassword("password", in.Password, user); err != nil {
		return nil, err
	}
	made, tried := s.addressCounter(v, "sign-up", limitSignUp), s.addressCounter(v, "address", limitAddress)
	if err := s.checkWaiting(ctx, v, slices.Concat(made, tried)); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, in.Password, func() error { return s.count(ctx, v, tried) })
	if err != nil {
		return nil, err
	}
	err = s.store.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		if err := tx.InsertUser(ctx, user); err != nil {
			return err
		}
		if err := s.countIn(ctx, tx, v, made); err != nil {
			return err
		}
		if err := s.uncount(ctx, tx, tried); err != nil { // who makes an account was not guessing names
			return err
		}
		if err := tx.InsertCredential(ctx, s.newPassword(user.ID, hash)); err != nil {
			return err
		}
		event := about(model.AuditUserCreated, user.ID)
		if !v.SignedIn() {
			event.ActorID = model.OptionalString(user.ID)
		}
		if err := s.record(ctx, tx, v, event); err != nil {
			return err
		}
		for _, role := range roles {
			if err := s.grant(ctx, tx, v, "roles", user.ID, role); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, taken(err)
	}
	return user, nil
}

// newUser checks a new user's identifiers and names.
func (s *Service) newUser(in CreateUserInput) (*model.User, error) {
	now := s.now()
	user := &model.User{ID: s.newID(model.UserIDPrefix), CreatedAt: now, UpdatedAt: now}
	return user, setTexts(user, UserChanges{
		Email: &in.Email, Username: &in.Username, FirstName: &in.FirstName, LastName: &in.LastName, Locale: &in.Locale,
	})
}

func (s *Service) newPassword(userID, hash string) *model.Credential {
	now := s.now()
	return &model.Credential{
		ID:     s.newID(model.CredentialIDPrefix),
		UserID: userID, Kind: model.KindPassword, Secret: hash,
		CreatedAt: now, UpdatedAt: now,
	}
}

// taken turns a conflict over an identifier into the refusal that names it.
func taken(err error) error {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok {
		return err
	}
	switch conflict.Column {
	case "email_folded":
		return &Error{Code: AlreadyExists, Field: "email", Message: "Another account has this email address."}
	case "username_folded":
		return &Error{Code: AlreadyExists, Field: "username", Message: "Another account has this user name."}
	case "name":
		return &Error{Code: AlreadyExists, Field: "name", Message: "Another role has this name."}
	default:
		return err
	}
}

// User returns a user whom the viewer may see: themselves, or anyone for holders of
// users:read. Otherwise, and where there is none, it refuses with NOT_FOUND.
func (s *Service) User(ctx context.Context, v *Viewer, id string) (*model.User, error) {
	return one(s.UsersByIDs(ctx, v, []string{id}))
}

// UsersByIDs is User for many: each of the ids has, at its place, either a user or a refusal. Nobody
// is read whom the viewer may not see, nor the viewer, who is known.
func (s *Service) UsersByIDs(ctx context.Context, v *Viewer, ids []string) ([]*model.User, []error, error) {
	read := func(ctx context.Context, ids []string) (map[string]*model.User, error) {
		users := map[string]*model.User{}
		if others := slices.DeleteFunc(slices.Clone(ids), v.Is); len(others) > 0 && v.Can(UsersRead) {
			var err error
			if users, err = s.store.UsersByIDs(ctx, others); err != nil {
				return nil, err
			}
		}
		if v.User != nil {
			users[v.User.ID] = v.User
		}
		return users, nil
	}
	return findByIDs(ctx, v, ids, model.UserIDPrefix, read, func(user *model.User) bool { return v.isOrCan(user.ID, UsersRead) })
}

// FindUser returns the user with this id, email address or user name to a holder of users:read.
// Where there is none, also for what no user can have, it refuses with NOT_FOUND. What looks
// like an id is one: nobody takes another's place by such a user name.
func (s *Service) FindUser(ctx context.Context, v *Viewer, identifier string) (*model.User, error) {
	if err := s.CheckGuard(v, Guard{Permissions: []string{UsersRead}}); err != nil {
		return nil, err
	}
	if checkID("id", identifier, model.UserIDPrefix) == nil {
		return found(s.store.UserByID(ctx, identifier))
	}
	return found(userByIdentifier(ctx, s.store, identifier))
}

// found turns a missing row into the refusal NOT_FOUND.
func found[T any](object *T, err error) (*T, error) {
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return object, nil
}
