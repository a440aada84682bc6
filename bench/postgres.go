package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// filledPostgres returns the address of a schema of the PostgreSQL database with so many users, and
// a session for each, which is removed when the question is done.
func (r *rig) filledPostgres(ctx context.Context, t *trial, users int) (address string, err error) {
	if r.Postgres == "" {
		return "", skippedError("--postgres names no database")
	}
	server, err := url.Parse(r.Postgres)
	if err != nil {
		return "", err
	}
	schema := "bench_" + strings.ToLower(rand.Text())
	if err := execPostgres(ctx, r.Postgres, "CREATE SCHEMA "+schema); err != nil {
		return "", err
	}
	t.later(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return execPostgres(ctx, r.Postgres, "DROP SCHEMA "+schema+" CASCADE")
	})
	query := server.Query()
	query.Set("search_path", schema)
	server.RawQuery = query.Encode()
	return server.String(), r.fill(ctx, server.String(), users)
}

func execPostgres(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
