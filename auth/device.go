package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// A device that has signed in keeps a cookie that says so. It proves nothing but that: it only
// lets the device's attempts at that account be counted by themselves (see throttle.go).

// deviceLifetime is how long a browser keeps the cookie at most (RFC 6265bis, 400 days).
const deviceLifetime = 400 * 24 * time.Hour

// deviceCookie is the cookie of known devices: the session cookie's twin.
func (s *Service) deviceCookie() Cookie {
	cookie := s.Cookie
	cookie.Name += "_device"
	return cookie
}

// newDevice returns the value of a new device's cookie for a user: a random id, and a code
// that binds it to the user.
func (s *Service) newDevice(userID string) string {
	id := make([]byte, 16)
	_, _ = s.Random.Read(id) // crypto/rand never fails
	name := base64.RawURLEncoding.EncodeToString(id)
	return name + "." + s.deviceMAC(0, name, userID)
}

func (s *Service) deviceMAC(i int, name, userID string) string {
	mac := hmac.New(sha256.New, s.Secret.key(i, "device"))
	mac.Write([]byte(name + " " + userID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// knownDevice returns what the viewer's device is counted under, and "" where it has not signed
// in to this account before.
func (s *Service) knownDevice(v *Viewer, userID string) string {
	name, mac, _ := strings.Cut(v.device, ".")
	if name == "" {
		return ""
	}
	for i := range s.Secret.values {
		if hmac.Equal([]byte(mac), []byte(s.deviceMAC(i, name, userID))) {
			return hex.EncodeToString(hashToken(v.device))
		}
	}
	return ""
}

// rememberDevice gives a browser that has just signed in the cookie of known devices, unless it
// has the user's already.
func (s *Service) rememberDevice(w http.ResponseWriter, v *Viewer) {
	if s.RateLimits && s.knownDevice(v, v.User.ID) == "" {
		s.deviceCookie().write(w, s.newDevice(v.User.ID), deviceLifetime)
	}
}
