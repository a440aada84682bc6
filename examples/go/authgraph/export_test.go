package authgraph

import "time"

// SetClock lets a test move the time by which a session's tokens are due.
func (s *Session) SetClock(now func() time.Time) { s.tokens.Now = now }

// Token returns the session's present token.
func (s *Session) Token() string {
	present, _ := s.tokens.read()
	return present.Text
}
