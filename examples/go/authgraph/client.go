// Package authgraph is a client of an authgraph server, for programs. It can be copied as it is.
//
// A Session logs in and keeps the session's token; the functions that genqlient makes of
// operations.graphql ask as whoever is logged in:
//
//	session := authgraph.NewSession("https://auth.example.com/graphql", nil)
//	account, err := session.LogIn(ctx, "ada@example.com", password)
//	answer, err := authgraph.Me(ctx, session)
//
// What the server refuses is an *Error with the code that it gives. Tokens is the
// http.RoundTripper that carries a token and gets the next one, by itself.
package authgraph

import (
	"context"
	"net/http"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// requestTime is how long a request may take, whatever its context says. A log-in may wait some
// seconds for its turn.
const requestTime = time.Minute

// Client asks a server. It is the graphql.Client that generated functions take.
type Client struct{ client graphql.Client }

// NewClient returns a client of the GraphQL endpoint at a URL. The transport says as whom it asks;
// nil is nobody. It follows no redirects: the token would go along.
func NewClient(endpoint string, transport http.RoundTripper) *Client {
	return &Client{graphql.NewClient(endpoint, &http.Client{
		Transport:     transport,
		Timeout:       requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})}
}

// MakeRequest implements graphql.Client. What the server refuses is an *Error.
func (c *Client) MakeRequest(ctx context.Context, request *graphql.Request, response *graphql.Response) error {
	return translate(c.client.MakeRequest(ctx, request, response))
}
