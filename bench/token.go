package main

import (
	"context"
	"encoding/json"
	"errors"
)

// meByAccessToken: and to tell an application that presents an access token, whose session has to
// be there still?
var meByAccessToken = question{
	name: "me-access-token", title: "me by access token, on SQLite", short: true,
	open: func(ctx context.Context, r *rig) (*trial, error) {
		t := new(trial)
		database, err := r.filled(ctx, r.Tokens)
		if err != nil {
			return t, err
		}
		server, err := r.serve(ctx, t, database)
		if err != nil {
			return t, err
		}
		credentials, err := accessTokens(ctx, server, r.Tokens)
		if err != nil {
			return t, err
		}
		return t, r.againstBare(ctx, t, server, meRequests(credentials), atMost(4.5))
	},
}

// accessTokens has an access token issued for each of the first sessions, as good for as long as
// one can be, and returns the headers that present them.
func accessTokens(ctx context.Context, server *child, n int) (headers []string, err error) {
	c, err := dial(ctx, server.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, cookie := range cookies(firstSessions(n)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var issued struct {
			IssueAccessToken struct{ Token string }
		}
		if err := c.query(&issued, `mutation { issueAccessToken(input: {lifetimeSeconds: 3600}) { token } }`, nil, cookie); err != nil {
			return nil, err
		}
		headers = append(headers, "Authorization: Bearer "+issued.IssueAccessToken.Token)
	}
	return headers, nil
}

// query asks one operation and reads its data.
func (c *connection) query(data any, query string, variables map[string]any, headers ...string) error {
	status, err := c.ask(newOperation(query, variables, headers...))
	if err != nil {
		return err
	}
	if err := mustSucceed(status, c.body.Bytes()); err != nil {
		return err
	}
	var answer struct{ Data json.RawMessage }
	return errors.Join(json.Unmarshal(c.body.Bytes(), &answer), json.Unmarshal(answer.Data, data))
}
