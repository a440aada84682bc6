package auth

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"github.com/authgraph/authgraph/model"
)

// crockford is Crockford's base 32 in lower case: no letters that look like digits, and
// texts that sort as the bytes do.
var crockford = base32.NewEncoding(crockfordDigits).WithPadding(base32.NoPadding)

const crockfordDigits = "0123456789abcdefghjkmnpqrstvwxyz"

// idLength is how many characters follow an id's prefix: 128 bits, five a character.
const idLength = 26

// newID returns a globally unique id: the prefix and a UUIDv7 (RFC 9562, section 5.7),
// which sorts by time. It is no secret.
func (s *Service) newID(prefix string) string {
	var uuid [16]byte
	_, _ = s.Random.Read(uuid[:]) // crypto/rand never fails
	now := s.Now()
	millis := now.UnixMilli()
	// Method 3 of section 6.2: the 12 bits behind the milliseconds count fractions of one.
	fraction := uint16(now.Sub(time.UnixMilli(millis)) * (1 << 12) / time.Millisecond)
	binary.BigEndian.PutUint32(uuid[0:], uint32(millis>>16))
	binary.BigEndian.PutUint16(uuid[4:], uint16(millis))
	binary.BigEndian.PutUint16(uuid[6:], 0x7000|fraction)
	uuid[8] = 0x80 | uuid[8]&0x3f
	return prefix + crockford.EncodeToString(uuid[:])
}

// firstID returns what sorts before every id with this prefix that is made from a time on.
func firstID(prefix string, t model.Time) string {
	var uuid [16]byte
	millis := max(0, t.Std().UnixMilli())
	binary.BigEndian.PutUint32(uuid[0:], uint32(millis>>16))
	binary.BigEndian.PutUint16(uuid[4:], uint16(millis))
	return prefix + crockford.EncodeToString(uuid[:])
}

// checkID refuses what cannot be an id with this prefix. A well-formed id of nothing is not
// its business.
func checkID(field, id, prefix string) error {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) != idLength || strings.Trim(rest, crockfordDigits) != "" {
		return badInput(field, "must be an id that begins with "+prefix)
	}
	return nil
}
