package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// standingsAtOnce is how many credentials one statement looks up again.
const standingsAtOnce = 500

// standing is what became of a credential since it was presented.
type standing struct {
	roles       []string
	permissions model.Permissions
	created     model.Time // when the session began; zero where there is none
	ends        model.Time // when it ends by itself as things are; zero: never
	life        time.Duration
	refusal     error // why it does not count any more
}

// standings looks the credentials of many viewers up again, in few statements.
func (s *Service) standings(ctx context.Context, viewers []*Viewer) ([]standing, error) {
	read := map[CredentialKind]func(context.Context, []string) (map[string]*store.Standing, error){
		KindSession:  s.store.StandingsBySession,
		KindAPIToken: s.store.StandingsByAPIToken,
		KindPassword: s.store.StandingsByPassword,
	}
	ids := map[CredentialKind][]string{}
	for _, v := range viewers {
		kind, id := v.credential()
		ids[kind] = append(ids[kind], id)
	}
	found := map[string]*store.Standing{} // ids of different kinds differ
	for kind, ids := range ids {
		for some := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), standingsAtOnce) {
			rows, err := read[kind](ctx, some)
			if err != nil {
				return nil, fmt.Errorf("failed to look credentials up again: %w", err)
			}
			for id, row := range rows {
				found[id] = row
			}
		}
	}
	standings := make([]standing, len(viewers))
	for i, v := range viewers {
		_, id := v.credential()
		standings[i] = s.standing(v, found[id])
	}
	return standings, nil
}

// credential returns the kind and the id of the row that the viewer's credential stands on.
func (v *Viewer) credential() (CredentialKind, string) {
	switch v.Kind {
	case KindAPIToken:
		return KindAPIToken, v.apiTokenID
	case KindPassword:
		return KindPassword, v.User.ID
	default: // an access token stands on its session
		return KindSession, v.SessionID()
	}
}

// standing judges what was found of a viewer's credential; nil is nothing.
func (s *Service) standing(v *Viewer, found *store.Standing) standing {
	now := s.now()
	ended := standing{refusal: errSessionEnded}
	if found == nil || !found.DisabledAt.IsZero() || found.UserID != v.User.ID || !v.until.IsZero() && now >= v.until {
		return ended
	}
	holder := new(Viewer)
	roles := found.Roles()
	for i := range roles {
		s.addRole(holder, &roles[i])
	}
	is := standing{roles: holder.Roles, permissions: holder.Permissions}
	switch v.Kind {
	case KindPassword:
		if found.Secret != v.passwordHash {
			return ended
		}
	case KindAPIToken:
		is.roles, is.permissions, is.ends = nil, intersection(found.Scopes, is.permissions), found.ExpiresAt
	default:
		is.created, is.ends = found.CreatedAt, found.ExpiresAt
		if !is.ends.IsZero() {
			is.life = is.ends.Sub(found.CreatedAt)
		}
		if idle := s.IdleDuration; idle > 0 && (is.ends.IsZero() || found.LastSeenAt.Add(idle) < is.ends) {
			is.ends, is.life = found.LastSeenAt.Add(idle), idle
		}
	}
	if !is.ends.IsZero() && now >= is.ends {
		return ended
	}
	return is
}

// asOfNow returns the viewer with the authority that their credential has at this moment, or an
// UNAUTHENTICATED *Error where it has ended.
func (s *Service) asOfNow(ctx context.Context, v *Viewer) (*Viewer, error) {
	authority, err := s.lookUpAgain(ctx, s.store, v)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errSessionEnded
	case err != nil:
		return nil, fmt.Errorf("failed to look a credential up again: %w", err)
	case authority == nil:
		return nil, errSessionEnded
	case !authority.User.Active(),
		authority.Session != nil && authority.Session.Expired(s.now(), s.IdleDuration),
		authority.APIToken != nil && authority.APIToken.Expired(s.now()),
		!v.until.IsZero() && s.now() >= v.until:
		return nil, errSessionEnded
	}
	now := *v
	now.Roles, now.Permissions = nil, nil
	s.fillIn(&now, v.Kind, authority)
	if authority.APIToken != nil {
		now.Roles, now.Permissions = nil, intersection(authority.APIToken.Scopes, now.Permissions)
		s.noteAPITokenUse(authority.APIToken, s.now())
	}
	if now.Session != nil {
		if v.Kind == KindSession && !bytes.Equal(hashToken(v.token), now.Session.TokenHash) {
			now.superseded = true // whoever proved the password since has another token
		}
		s.noteSessionUse(ctx, &now, s.now())
	}
	return &now, nil
}
