package authgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Token is a bearer token.
type Token struct {
	Text string    // "" for none
	Due  time.Time // when to get the next one; zero: only when it is refused
}

// Tokens is an http.RoundTripper that sends a bearer token with every request. When the token is
// due, or the server refuses it, Tokens gets the next one. The rules:
//
//   - However many requests find that out at once, one renewal is made, and all wait for it.
//   - The renewal goes on when the request that began it is given up: others wait for it, and what
//     it brings must not be lost.
//   - A token that is merely due is still good, so a renewal that fails costs no request its
//     answer. It is tried again after renewalPause.
//   - What was refused is sent once more, with the next token, unless a part of it was done.
//   - A request goes as whoever it began as, or as nobody: what a renewal brings after a log-out
//     or another log-in is neither kept nor used.
//
// The token goes wherever the requests go, so the client that uses Tokens must not follow
// redirects to elsewhere; NewClient makes one that follows none.
type Tokens struct {
	Base  http.RoundTripper                                      // nil: http.DefaultTransport
	Renew func(ctx context.Context, token string) (Token, error) // returns the token that follows another one
	Now   func() time.Time                                       // nil: time.Now

	mu      sync.Mutex
	present Token
	era     int     // how often Set was called
	flight  *flight // the renewal under way, nil for none
}

// flight is a renewal that all who need it wait for.
type flight struct {
	done  chan struct{}
	token Token
	err   error
}

const (
	// renewalTime is how long a renewal may take.
	renewalTime = 30 * time.Second
	// renewalPause is how long a token that could not be renewed is used before the next attempt.
	renewalPause = 10 * time.Second
	// maxAnswer is how much of an answer is read to learn whether a part of a request was done.
	maxAnswer = 1 << 20
)

var errOtherUser = errors.New("authgraph: somebody logged in or out meanwhile")

// Set makes a token the present one; the zero Token is none.
func (t *Tokens) Set(token Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.present, t.flight = token, nil
	t.era++
}

// RenewNow gets the next token, whether it is due or not.
func (t *Tokens) RenewNow(ctx context.Context) error {
	present, era := t.read()
	_, err := t.next(ctx, present.Text, era)
	return err
}

// RoundTrip implements http.RoundTripper.
func (t *Tokens) RoundTrip(request *http.Request) (*http.Response, error) {
	token, era, err := t.token(request.Context())
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	response, err := bearer{t.Base, token}.RoundTrip(request)
	if err != nil || token == "" || !refused(response) {
		return response, err
	}
	again, err := rewound(request)
	if err != nil {
		return response, nil
	}
	next, err := t.next(request.Context(), token, era)
	if err != nil {
		return response, nil // which tells why
	}
	_ = response.Body.Close()
	return bearer{t.Base, next}.RoundTrip(again)
}

// token returns the present token, or the next one where that is due.
func (t *Tokens) token(ctx context.Context) (token string, era int, err error) {
	present, era := t.read()
	if present.Due.IsZero() || t.now().Before(present.Due) {
		return present.Text, era, nil
	}
	next, err := t.next(ctx, present.Text, era)
	if err == nil {
		return next, era, nil
	}
	if present.Text == "" || ctx.Err() != nil {
		return "", era, err
	}
	return present.Text, era, nil
}

// next returns the token that follows another one: what others have got meanwhile, or what the one
// renewal brings.
func (t *Tokens) next(ctx context.Context, old string, era int) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.era != era {
		return "", errOtherUser
	}
	if t.present.Text != old {
		return t.present.Text, nil
	}
	if t.flight == nil {
		t.flight = &flight{done: make(chan struct{})}
		go t.renew(context.WithoutCancel(ctx), t.flight, old, era)
	}
	flight := t.flight
	t.mu.Unlock()
	defer t.mu.Lock()
	select {
	case <-flight.done:
		return flight.token.Text, flight.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// renew makes the one renewal.
func (t *Tokens) renew(ctx context.Context, flight *flight, old string, era int) {
	defer close(flight.done)
	ctx, cancel := context.WithTimeout(ctx, renewalTime)
	defer cancel()
	token, err := t.Renew(ctx, old)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.era != era:
		flight.err = errOtherUser
		return
	case err != nil:
		flight.err = err
		if old != "" {
			t.present.Due = t.now().Add(renewalPause)
		}
	default:
		flight.token = token
		t.present = token
	}
	t.flight = nil
}

func (t *Tokens) read() (present Token, era int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.present, t.era
}

func (t *Tokens) now() time.Time {
	if t.Now != nil {
		return t.Now()
	}
	return time.Now()
}

// bearer sends requests with one token, "" for none.
type bearer struct {
	base  http.RoundTripper
	token string
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	if b.token != "" {
		request = request.Clone(request.Context()) // which must not be changed
		request.Header.Set("Authorization", "Bearer "+b.token)
	}
	if b.base == nil {
		return http.DefaultTransport.RoundTrip(request)
	}
	return b.base.RoundTrip(request)
}

// refused reports whether the token does not count (RFC 6750, section 3.1) and nothing was done.
// GraphQL answers 200 to that, with the refusals in the body, and may have done a part.
func refused(response *http.Response) bool {
	if response.StatusCode == http.StatusUnauthorized {
		return true
	}
	if !strings.Contains(strings.Join(response.Header.Values("WWW-Authenticate"), ","), `error="invalid_token"`) {
		return false
	}
	body := response.Body
	read, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(read), body), body}
	var answer struct{ Data map[string]json.RawMessage }
	if err != nil || json.Unmarshal(read, &answer) != nil {
		return false
	}
	for _, field := range answer.Data {
		if string(field) != "null" {
			return false
		}
	}
	return true
}

// rewound returns a request that was sent, to be sent again.
func rewound(request *http.Request) (*http.Request, error) {
	again := request.Clone(request.Context())
	if request.Body == nil || request.Body == http.NoBody {
		return again, nil
	}
	if request.GetBody == nil {
		return nil, errors.New("the body cannot be read twice")
	}
	var err error
	again.Body, err = request.GetBody()
	return again, err
}
