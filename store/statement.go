package store

import (
	"context"
	"database/sql"
	"slices"
	"sync"
)

// statement is a query that is run so often that the database should parse it only once.
// bun writes arguments into the text, which the database then parses anew each time.
type statement struct {
	db   *sql.DB
	text string // as the engine takes it
	hint []any  // what goes before the arguments: how pgx should run it

	driverPrepares bool // whether the driver prepares what is run often, for each connection

	mu       sync.Mutex
	prepared *sql.Stmt
}

// query runs the statement and hands each row to scan: on the transaction where there is one, because
// what another pool prepared cannot run there, and as a prepared statement otherwise.
func (st *statement) query(ctx context.Context, s *Store, argument any, scan func(row *sql.Rows) error) error {
	rows, err := st.rows(ctx, s, append(slices.Clip(st.hint), argument))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (st *statement) rows(ctx context.Context, s *Store, args []any) (*sql.Rows, error) {
	if s.bound != nil {
		return s.bound.Conn.QueryContext(ctx, st.text, args...)
	}
	if st.driverPrepares {
		return st.db.QueryContext(ctx, st.text, args...)
	}
	prepared, err := st.prepare(ctx)
	if err != nil {
		return nil, err
	}
	return prepared.QueryContext(ctx, args...)
}

// prepare parses the statement at its first use; a failure is tried again at the next.
func (st *statement) prepare(ctx context.Context) (*sql.Stmt, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.prepared == nil {
		prepared, err := st.db.PrepareContext(context.WithoutCancel(ctx), st.text)
		if err != nil {
			return nil, err
		}
		st.prepared = prepared
	}
	return st.prepared, nil
}

func (st *statement) close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.prepared == nil {
		return nil
	}
	return st.prepared.Close()
}
