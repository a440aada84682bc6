package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/authgraph/authgraph/store"
)

// target is a database that rows are put into past its program, which would add them one by one.
type target interface {
	// load adds rows: pointers to structs of model, all of one type.
	load(ctx context.Context, count int, row func(i int) any, progress progress) error
	// close ends it and leaves the database as one that has grown to this size would be.
	close(ctx context.Context) error
}

func open(ctx context.Context, address string) (target, error) {
	if store.File(address) == "" {
		conn, err := pgx.Connect(ctx, address)
		return postgres{conn}, err
	}
	return openSQLite(address)
}

// table says how the rows of a type are kept.
type table struct{ *schema.Table }

var tables = schema.NewTables(sqlitedialect.New()) // which names tables and columns as PostgreSQL's does

func tableOf(row any) table { return table{tables.Get(reflect.TypeOf(row).Elem())} }

func (t table) columns() (names []string) {
	for _, field := range t.Fields {
		names = append(names, field.Name)
	}
	return names
}

// values returns the values of a row as drivers take them.
func (t table) values(row any) ([]any, error) {
	values := make([]any, len(t.Fields))
	for i, field := range t.Fields {
		value := field.Value(reflect.ValueOf(row).Elem())
		if field.NullZero && value.IsZero() {
			continue
		}
		converted, err := driver.DefaultParameterConverter.ConvertValue(value.Interface())
		if err != nil {
			return nil, err
		}
		values[i] = converted
	}
	return values, nil
}

// postgres takes rows by COPY.
type postgres struct{ conn *pgx.Conn }

func (p postgres) load(ctx context.Context, count int, row func(i int) any, progress progress) error {
	t, next := tableOf(row(0)), 0
	_, err := p.conn.CopyFrom(ctx, pgx.Identifier{t.Name}, t.columns(), pgx.CopyFromFunc(func() ([]any, error) {
		if next == count {
			return nil, nil
		}
		values, err := t.values(row(next))
		next++
		progress(1)
		return values, err
	}))
	return err
}

// close lets the planner and index-only scans know of the rows, as autovacuum would after a while.
func (p postgres) close(ctx context.Context) error {
	_, err := p.conn.Exec(ctx, "VACUUM ANALYZE users, credentials, user_roles, sessions, audit_events")
	return errors.Join(err, p.conn.Close(ctx))
}

// sqlite takes rows by prepared statements, each of many, in long transactions.
type sqlite struct{ db *sql.DB }

const (
	rowsPerStatement   = 100
	rowsPerTransaction = 50_000
)

func openSQLite(address string) (target, error) {
	path, err := filepath.Abs(store.File(address))
	if err != nil {
		return nil, err
	}
	source := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "synchronous(OFF)", "cache_size(-500000)"}, // KiB; most of the indexes
	}.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return sqlite{db}, nil
}

func (s sqlite) load(ctx context.Context, count int, row func(i int) any, progress progress) error {
	for from := 0; from < count; from += rowsPerTransaction {
		if err := s.loadSome(ctx, from, min(from+rowsPerTransaction, count), row, progress); err != nil {
			return err
		}
	}
	return nil
}

// loadSome adds rows in one transaction.
func (s sqlite) loadSome(ctx context.Context, from, to int, row func(i int) any, progress progress) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	t := tableOf(row(from))
	many, err := tx.PrepareContext(ctx, t.insert(rowsPerStatement))
	if err != nil {
		return err
	}
	defer many.Close()
	for ; from < to; from += rowsPerStatement {
		n := min(rowsPerStatement, to-from)
		var values []any
		for i := range n {
			one, err := t.values(row(from + i))
			if err != nil {
				return err
			}
			values = append(values, one...)
		}
		if n == rowsPerStatement {
			_, err = many.ExecContext(ctx, values...)
		} else {
			_, err = tx.ExecContext(ctx, t.insert(n), values...)
		}
		if err != nil {
			return err
		}
		progress(n)
	}
	return tx.Commit()
}

// insert returns a statement that adds so many rows.
func (t table) insert(rows int) string {
	columns := t.columns()
	one := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return "INSERT INTO " + t.Name + " (" + strings.Join(columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

// close makes what was written safe.
func (s sqlite) close(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, s.db.Close())
}
