package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// apiTokenPrefix tells an API token from other kinds.
const apiTokenPrefix = "agt_"

// maxAPITokens is how many API tokens a user can have.
const maxAPITokens = 100

// authenticateAPIToken fills in the viewer to whom an API token belongs, or why it does not
// count. It may do what its scopes say, as far as its owner still may, and acts by no role.
func (s *Service) authenticateAPIToken(ctx context.Context, v *Viewer, token string) {
	authority, err := s.store.AuthorityByAPIToken(ctx, hashToken(token))
	now := s.now()
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.refusal = errSessionEnded
	case err != nil:
		v.refusal = fmt.Errorf("failed to look up an API token: %w", err)
	case authority.APIToken.Expired(now) || !authority.User.Active():
		v.refusal = errSessionEnded
	default:
		s.fillIn(v, KindAPIToken, authority)
		v.token, v.apiTokenID = token, authority.APIToken.ID
		v.Roles, v.Permissions = nil, intersection(authority.APIToken.Scopes, v.Permissions)
		s.noteAPITokenUse(authority.APIToken, now)
	}
}

// intersection returns the permissions that are in both sets, sorted.
func intersection(a, b model.Permissions) model.Permissions {
	both := model.Permissions{}
	for _, permission := range a {
		if b.Contains(permission) {
			both = append(both, permission)
		}
	}
	slices.Sort(both)
	return both
}

// CreateAPITokenInput is a new API token.
type CreateAPITokenInput struct {
	Name      string
	Scopes    []string
	ExpiresAt model.Time // zero: never by itself
}

// CreateAPIToken makes an API token of the viewer's and returns it with the token itself, which
// nobody can read again. It needs a fresh proof of the password.
func (s *Service) CreateAPIToken(ctx context.Context, v *Viewer, in CreateAPITokenInput) (*model.APIToken, string, error) {
	if err := s.checkUser(v); err != nil {
		return nil, "", err
	}
	if err := s.checkFresh(v); err != nil {
		return nil, "", err
	}
	if in.Name == "" {
		return nil, "", badInput("name", "must not be empty")
	}
	if err := checkText("name", in.Name, maxName); err != nil {
		return nil, "", err
	}
	scopes, err := s.checkPermissions("scopes", v, in.Scopes)
	if err != nil {
		return nil, "", err
	}
	now := s.now()
	if !in.ExpiresAt.IsZero() && in.ExpiresAt <= now {
		return nil, "", badInput("expiresAt", "must lie in the future")
	}
	secret := s.newToken(apiTokenPrefix)
	token := &model.APIToken{
		ID: s.newID(model.APITokenIDPrefix), UserID: v.User.ID, Name: in.Name, TokenHash: hashToken(secret),
		Scopes: scopes, CreatedAt: now, ExpiresAt: in.ExpiresAt,
	}
	err = s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if _, err := tx.LockUser(ctx, v.User.ID); err != nil {
			return ended(err)
		}
		count, err := tx.CountAPITokens(ctx, v.User.ID)
		if err != nil {
			return err
		}
		if count >= maxAPITokens {
			return badInput("name", fmt.Sprintf("would be the %dth API token; revoke another first", maxAPITokens+1))
		}
		if err := tx.InsertAPIToken(ctx, token); err != nil {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditAPITokenCreated, v.User.ID, token.ID))
	})
	return token, secret, err
}

// checkPermissions returns names as a set that the viewer holds all of.
func (s *Service) checkPermissions(field string, v *Viewer, names []string) (model.Permissions, error) {
	set := model.Permissions(slices.Compact(slices.Sorted(slices.Values(names))))
	for _, name := range set {
		if !s.Permissions.Contains(name) {
			return nil, badInput(field, "must be permissions that the schema declares")
		}
		if !v.Can(name) {
			return nil, &Error{Code: Forbidden, Field: field, Message: "You lack the permission " + name + "."}
		}
	}
	return set, nil
}

// APITokensByUsers returns the live API tokens of each user, in the users' order, newest first.
// Who may see them, and where the refusals stand, is as with RolesByUsers.
func (s *Service) APITokensByUsers(ctx context.Context, v *Viewer, users []*model.User) ([][]*model.APIToken, []error, error) {
	s.writeUses(ctx, v) // so that the list tells of them
	tokens, refusals, err := readByUsers(ctx, s, v, users, s.store.APITokensByUsers)
	for i := range tokens {
		tokens[i] = slices.DeleteFunc(tokens[i], func(token *model.APIToken) bool { return token.Expired(s.now()) })
	}
	return tokens, refusals, err
}

// apiTokensByIDs returns live API tokens, the viewer's own or anyone's to a holder of users:read, as
// findByIDs returns them.
func (s *Service) apiTokensByIDs(ctx context.Context, v *Viewer, ids []string) ([]*model.APIToken, []error, error) {
	return findByIDs(ctx, v, ids, model.APITokenIDPrefix, s.store.APITokensByIDs, func(token *model.APIToken) bool {
		return v.isOrCan(token.UserID, UsersRead) && !token.Expired(s.now())
	})
}

// RevokeAPIToken ends one of the viewer's own API tokens, or anyone's whose account the viewer
// may manage.
func (s *Service) RevokeAPIToken(ctx context.Context, v *Viewer, id string) (*model.APIToken, error) {
	if v.Kind == KindAPIToken {
		return nil, errForbidden
	}
	token, err := one(findByIDs(ctx, v, []string{id}, model.APITokenIDPrefix, s.store.APITokensByIDs,
		func(token *model.APIToken) bool { return v.isOrCan(token.UserID, UsersWrite) }))
	if err != nil {
		return nil, s.settled(ctx, err, err)
	}
	return token, s.act(ctx, v, func(ctx context.Context, tx *store.Store) error {
		if !v.Is(token.UserID) {
			if err := s.mayManage(ctx, tx, v, token.UserID); err != nil {
				return err
			}
		}
		was, err := tx.DeleteAPIToken(ctx, token.ID)
		if err != nil || !was {
			return err
		}
		return s.record(ctx, tx, v, aboutSubject(model.AuditAPITokenRevoked, token.UserID, token.ID))
	})
}

// recut takes from a user's API tokens what the user may no longer do.
func (s *Service) recut(ctx context.Context, tx *store.Store, userID string) error {
	permissions, err := s.permissionsOfUser(ctx, tx, userID)
	if err != nil {
		return err
	}
	tokens, err := tx.APITokensByUsers(ctx, []string{userID})
	if err != nil {
		return err
	}
	for _, token := range tokens[userID] {
		if left := intersection(token.Scopes, permissions); len(left) < len(token.Scopes) {
			if err := tx.SetAPITokenScopes(ctx, token.ID, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// recutAll takes from the API tokens of a role's holders what they may no longer do when the role
// permits only so much.
func (s *Service) recutAll(ctx context.Context, tx *store.Store, role *model.Role, left model.Permissions) error {
	for _, permission := range role.Permissions {
		if left.Contains(permission) {
			continue
		}
		if err := tx.CutScopes(ctx, role.ID, permission); err != nil {
			return err
		}
	}
	return nil
}
