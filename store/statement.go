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

// queryRow runs the statement for one row: on the transaction where there is one, because
// what another pool prepared cannot run there, and as a prepared statement otherwise.
func (st *statement) queryRow(ctx context.Context, s *Store, args []any, dest ...any) error {
	args = slices.Concat(st.hint, args)
	return s.read(ctx, func(ctx context.Context) error {
		if s.bound != nil {
			return s.bound.Conn.QueryRowContext(ctx, st.text, args...).Scan(dest...)
		}
		if st.driverPrepares {
			return st.db.QueryRowContext(ctx, st.text, args...).Scan(dest...)
		}
		prepared, err := st.prepare(ctx)
		if err != nil {
			return err
		}
		return prepared.QueryRowContext(ctx, args...).Scan(dest...)
	})
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
