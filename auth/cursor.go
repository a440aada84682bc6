package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/authgraph/authgraph/model"
	"github.com/authgraph/authgraph/store"
)

// A cursor is a place in a sorted list, signed so that nobody can alter it: it goes into a query
// as it comes. It stays good when elements before it are added or removed.

// cursorMAC is how many bytes of the HMAC-SHA-256 a cursor carries.
const cursorMAC = 16

// cursorPlace is what a cursor says: the list, and the key and id of the element.
type cursorPlace struct {
	List string     `json:"l"`
	Text *string    `json:"t,omitempty"` // the key, unless it is a time
	Time model.Time `json:"c,omitempty"`
	ID   string     `json:"i"`
}

// cursor returns a place in a list, signed.
func (s *Service) cursor(list string, position *store.Position) string {
	place := cursorPlace{List: list, ID: position.ID}
	switch key := position.Key.(type) {
	case model.Time:
		place.Time = key
	case string:
		place.Text = &key
	default:
		panic("a cursor of a list that is sorted by neither time nor text")
	}
	payload, err := json.Marshal(place)
	if err != nil {
		panic(err) // strings and integers can always be written
	}
	return base64.RawURLEncoding.EncodeToString(append(cursorSum(s.cursorKeys[0], payload), payload...))
}

// position reads a cursor of a list.
func (s *Service) position(field, cursor, list string) (*store.Position, error) {
	refused := badInput(field, "must be a cursor of this list")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorMAC || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return nil, refused
	}
	sum, payload := raw[:cursorMAC], raw[cursorMAC:]
	for _, key := range s.cursorKeys {
		if !hmac.Equal(sum, cursorSum(key, payload)) {
			continue
		}
		var place cursorPlace
		if err := json.Unmarshal(payload, &place); err != nil || place.List != list {
			return nil, refused
		}
		if place.Text != nil {
			return &store.Position{Key: *place.Text, ID: place.ID}, nil
		}
		return &store.Position{Key: place.Time, ID: place.ID}, nil
	}
	return nil, refused
}

func cursorSum(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return mac.Sum(nil)[:cursorMAC]
}
