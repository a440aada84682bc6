package main

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// pageSize is how many users a page has.
const pageSize = 50

// connection is a page of users.
type connection struct {
	Nodes    []*listed `json:"nodes"`
	PageInfo pageInfo  `json:"pageInfo"`
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// listed is a user in a page.
type listed struct {
	user
	Roles    []role    `json:"roles"`
	Sessions []session `json:"sessions"`
}

type role struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

type session struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"createdAt"`
	LastSeenAt time.Time `json:"lastSeenAt"`
	Address    string    `json:"address"`
}

// pages reads pages of users by three prepared statements.
type pages struct {
	db                     *sql.DB
	users, roles, sessions *sql.Stmt
}

// openPages opens a SQLite file to be read only.
func openPages(ctx context.Context, path string) (*pages, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: url.Values{
		"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)", "cache_size(-8000)"},
	}.Encode()}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(8)
	db.SetMaxOpenConns(8)
	p := &pages{db: db}
	these := " IN (?" + strings.Repeat(", ?", pageSize-1) + ")"
	for text, statement := range map[string]**sql.Stmt{
		`SELECT id, COALESCE(email, ''), COALESCE(username, ''), COALESCE(first_name, ''), COALESCE(last_name, ''), created_at
			FROM users ORDER BY created_at, id LIMIT ?`: &p.users,
		`SELECT ur.user_id, r.id, r.name, r.description FROM user_roles ur JOIN roles r ON r.id = ur.role_id
			WHERE ur.user_id` + these + ` ORDER BY r.name`: &p.roles,
		`SELECT user_id, id, created_at, last_seen_at, address FROM sessions
			WHERE user_id` + these + ` ORDER BY created_at DESC, id DESC`: &p.sessions,
	} {
		if *statement, err = db.PrepareContext(ctx, text); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return p, nil
}

func (p *pages) close() error { return p.db.Close() }

// first returns the first page.
func (p *pages) first(ctx context.Context) (*connection, error) {
	page := new(connection)
	byID := make(map[string]*listed, pageSize)
	ids := make([]any, 0, pageSize)
	err := each(ctx, p.users, []any{pageSize + 1}, func(rows *sql.Rows) error {
		if len(ids) == pageSize {
			page.PageInfo.HasNextPage = true
			return nil
		}
		one, created := new(listed), int64(0)
		if err := rows.Scan(&one.ID, &one.Email, &one.Username, &one.FirstName, &one.LastName, &created); err != nil {
			return err
		}
		one.CreatedAt = time.UnixMicro(created).UTC()
		page.PageInfo.EndCursor = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", created, one.ID))
		page.Nodes, byID[one.ID], ids = append(page.Nodes, one), one, append(ids, one.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(ids) < pageSize {
		return nil, fmt.Errorf("there are only %d users", len(ids))
	}
	err = each(ctx, p.roles, ids, func(rows *sql.Rows) error {
		var id string
		var r role
		err := rows.Scan(&id, &r.ID, &r.Name, &r.Description)
		byID[id].Roles = append(byID[id].Roles, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, each(ctx, p.sessions, ids, func(rows *sql.Rows) error {
		var id string
		var s session
		var created, seen int64
		err := rows.Scan(&id, &s.ID, &created, &seen, &s.Address)
		s.CreatedAt, s.LastSeenAt = time.UnixMicro(created).UTC(), time.UnixMicro(seen).UTC()
		byID[id].Sessions = append(byID[id].Sessions, s)
		return err
	})
}

// each runs a statement and takes its rows one by one.
func each(ctx context.Context, statement *sql.Stmt, args []any, take func(*sql.Rows) error) error {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
