package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// A cursor is a place in a sorted list of users, signed so that nobody can alter it: it goes
// into a query as it comes. It stays good when users before it are added or removed.

// cursorMAC is how many bytes of the HMAC-SHA-256 a cursor carries.
const cursorMAC = 16

type cursorPlace struct {
	Sort store.UserSort `json:"s"`
	Text string         `json:"t,omitempty"`
	Time model.Time     `json:"c,omitempty"`
	ID   string         `json:"i"`
}

// cursor returns the place of a user in a list sorted by sort.
func (s *Service) cursor(sort store.UserSort, user *model.User) string {
	place := cursorPlace{Sort: sort, ID: user.ID}
	switch key := sort.Key(user).(type) {
	case string:
		place.Text = key
	case model.Time:
		place.Time = key
	}
	payload, err := json.Marshal(place)
	if err != nil {
		panic(err) // strings and integers can always be written
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(s.Secret.key(0, "cursor"), payload), payload...))
}

// position reads a cursor of a list sorted by sort.
func (s *Service) position(field, cursor string, sort store.UserSort) (*store.UserPosition, error) {
	refused := badInput(field, "must be a cursor of this list")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorMAC || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return nil, refused
	}
	sum, payload := raw[:cursorMAC], raw[cursorMAC:]
	for i := range s.Secret.values {
		if !hmac.Equal(sum, cursorSum(s.Secret.key(i, "cursor"), payload)) {
			continue
		}
		var place cursorPlace
		if err := json.Unmarshal(payload, &place); err != nil || place.Sort != sort {
			return nil, refused
		}
		if sort == store.UsersByCreatedAt {
			return &store.UserPosition{Key: place.Time, ID: place.ID}, nil
		}
		return &store.UserPosition{Key: place.Text, ID: place.ID}, nil
	}
	return nil, refused
}

func cursorSum(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)[:cursorMAC]
}
