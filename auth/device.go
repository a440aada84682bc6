package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/authgraph/authgraph/model"
)

// A device that has signed in keeps a cookie that says so. It proves nothing but that: it only
// lets the device's attempts at that account be counted by themselves (see throttle.go), until
// the account's password changes.

// deviceLifetime is how long a browser keeps the cookie at most (RFC 6265bis, 400 days).
const deviceLifetime = 400 * 24 * time.Hour

// deviceCookie is the cookie of known devices: the session cookie's twin.
func (s *Service) deviceCookie() Cookie {
	cookie := s.Cookie
	cookie.Name += "_device"
	return cookie
}

// newDevice returns the value of a new device's cookie: a random id, when it was made, and a code
// that binds both to a user's present password.
func (s *Service) newDevice(passwordID string) string {
	id := make([]byte, 16)
	_, _ = s.Random.Read(id) // crypto/rand never fails
	name := base64.RawURLEncoding.EncodeToString(id) + "." + strconv.FormatInt(int64(s.now()), 36)
	return name + "." + s.deviceMAC(0, name, passwordID)
}

func (s *Service) deviceMAC(i int, name, passwordID string) string {
	mac := hmac.New(sha256.New, s.Secret.key(i, "device"))
	mac.Write([]byte(name + " " + passwordID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// knownDevice returns what the viewer's device is counted under, and "" where it has not signed
// in to this account since its password was set, or too long ago.
func (s *Service) knownDevice(v *Viewer, account account) string {
	end := strings.LastIndexByte(v.device, '.')
	if end < 0 || account.password == nil {
		return ""
	}
	name, mac := v.device[:end], v.device[end+1:]
	_, text, _ := strings.Cut(name, ".")
	made, err := strconv.ParseInt(text, 36, 64)
	if err != nil || s.now() >= model.Time(made).Add(deviceLifetime) {
		return ""
	}
	for i := range s.Secret.values {
		if hmac.Equal([]byte(mac), []byte(s.deviceMAC(i, name, account.password.ID))) {
			return hex.EncodeToString(hashToken(v.device))
		}
	}
	return ""
}

// rememberDevice gives a browser that has just signed in the cookie of known devices, unless it
// has the account's already.
func (s *Service) rememberDevice(w http.ResponseWriter, v *Viewer) {
	own := account{user: v.User, password: &model.Credential{ID: v.passwordID}}
	if s.RateLimits && v.passwordID != "" && s.knownDevice(v, own) == "" {
		s.deviceCookie().write(w, s.newDevice(v.passwordID), deviceLifetime)
	}
}
