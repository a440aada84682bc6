package authgraph

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A session's token is good until the session ends, and can be renewed on the way. What the server
// says to that:
//
//   - The old token is good until the new one is used, and half a minute longer. So requests that
//     are on their way arrive, and an answer that was lost can be asked for again.
//   - An old token that is used after that is in two hands: it ends the session.
//   - The session ends when it would have ended.

// renewEvery is how old a session's token gets: whoever else has got hold of it can use it for no
// longer than that, or gives themselves away.
const renewEvery = time.Hour

// accessTokenMargin is how long before its end an access token is replaced, so that it does not end
// on its way.
const accessTokenMargin = 30 * time.Second

// Session is a client that logs in, and asks as the user from then on. Several goroutines may use
// it at once.
type Session struct {
	*Client
	tokens   *Tokens
	endpoint string
	base     http.RoundTripper
}

// NewSession returns a session at the GraphQL endpoint at a URL, in which nobody is logged in.
// Requests go through base; nil is http.DefaultTransport.
func NewSession(endpoint string, base http.RoundTripper) *Session {
	s := &Session{endpoint: endpoint, base: base}
	s.tokens = &Tokens{Base: base, Renew: s.successor}
	s.Client = NewClient(endpoint, s.tokens)
	return s
}

// LogIn logs a user in by their email address or user name.
func (s *Session) LogIn(ctx context.Context, identifier, password string) (*Account, error) {
	stranger := NewClient(s.endpoint, s.base)
	answer, err := LogIn(ctx, stranger, &LoginInput{Identifier: identifier, Password: password})
	if err != nil {
		return nil, err
	}
	success, ok := (*answer.Login).(*LogInLoginLoginSuccess)
	if !ok {
		return nil, errors.New("the server asks for more than a password")
	}
	s.tokens.Set(s.token(success.Token))
	return success.User, nil
}

// Renew gives the session a new token. After an hour that happens by itself.
func (s *Session) Renew(ctx context.Context) error { return s.tokens.RenewNow(ctx) }

// LogOut ends the session, on the server and here.
func (s *Session) LogOut(ctx context.Context) error {
	_, err := LogOut(ctx, s)
	if err == nil {
		s.tokens.Set(Token{})
	}
	return err
}

// AccessTokens returns what carries access tokens of the user who is logged in to a service, one of
// the server's AUTHGRAPH_AUDIENCES; "" is the server itself. It goes on until they log out.
func (s *Session) AccessTokens(audience string) *Tokens {
	input := new(IssueAccessTokenInput)
	if audience != "" {
		input.Audience = &audience
	}
	_, era := s.tokens.read()
	issue := func(ctx context.Context, _ string) (Token, error) {
		if _, now := s.tokens.read(); now != era {
			return Token{}, errOtherUser
		}
		answer, err := IssueAccessToken(ctx, s, input)
		if err != nil {
			return Token{}, err
		}
		lasts := time.Duration(answer.IssueAccessToken.ExpiresIn) * time.Second
		return Token{answer.IssueAccessToken.Token, s.tokens.now().Add(lasts - min(accessTokenMargin, lasts/2))}, nil
	}
	tokens := &Tokens{Base: s.base, Renew: issue, Now: s.tokens.Now}
	tokens.Set(Token{Due: tokens.now()})
	return tokens
}

// successor asks for the token that follows another one.
func (s *Session) successor(ctx context.Context, token string) (Token, error) {
	answer, err := RenewSession(ctx, NewClient(s.endpoint, bearer{s.base, token}))
	if err != nil {
		return Token{}, err
	}
	if answer.RenewSession.Token == nil {
		return Token{}, errors.New("the server answered no token")
	}
	return s.token(*answer.RenewSession.Token), nil
}

func (s *Session) token(text string) Token { return Token{text, s.tokens.now().Add(renewEvery)} }
