// Package store keeps what package model describes. All SQL of authgraph is here, one
// file per noun, and nothing here decides anything: that is package auth's.
//
// A Store is opened by Open and brought up to date by Migrate. Each exported method is
// one unit of work. Several of them become one by Tx, which hands out a Store bound to
// the transaction: the same type, so that each query exists once.
//
// Every failure is one of three: ErrNotFound, a *ConflictError, or an outage. An outage
// is never reported as an absence.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// writeDeadline bounds a write and a transaction. They do not end with the caller's
// context: a person who closes the tab while logging out is still logged out.
const writeDeadline = 15 * time.Second

// Store is a database, or one transaction on it.
type Store struct {
	db     *database
	writes bun.IDB // the only writer, or the transaction
	reads  bun.IDB // the pool of readers, or the transaction
	bound  *bun.Tx // the transaction, if this Store is bound to one
}

// database is what all Stores of one Open share.
type database struct {
	writer *bun.DB
	reader *bun.DB
	remove func() error // deletes what is private to this process

	byTokenHash, bySession, byAPIToken, byUser *statement
}

func newDatabase(writer, reader *bun.DB) *database {
	prepare := func(text string) *statement { return &statement{db: reader.DB, text: text} }
	return &database{
		writer: writer, reader: reader,
		byTokenHash: prepare(authorityByTokenHash),
		bySession:   prepare(authorityBySession),
		byAPIToken:  prepare(authorityByAPIToken),
		byUser:      prepare(authorityByUser),
	}
}

// Close finishes every query and closes the database. A Store cannot be used afterwards.
func (s *Store) Close() error {
	db := s.db
	return errors.Join(db.byTokenHash.close(), db.bySession.close(), db.byAPIToken.close(), db.byUser.close(),
		db.reader.Close(), db.writer.Close(), db.remove())
}

// inTx marks the context that is handed to the function given to Tx.
type inTx struct{}

// errUnbound says that the code inside a transaction used the Store outside it. On SQLite
// a write there would wait for ever on the one writer, and a read would not see what the
// transaction has written.
var errUnbound = errors.New("store: the unbound store was used inside a transaction")

// Tx runs fn in one transaction and commits it if fn returns nil. Inside fn only tx and the
// context given to fn may be used; the Store outside refuses that context. A Tx on
// a bound Store joins its transaction.
func (s *Store) Tx(ctx context.Context, fn func(ctx context.Context, tx *Store) error) error {
	if s.bound != nil {
		return fn(ctx, s)
	}
	if ctx.Value(inTx{}) != nil {
		return errUnbound
	}
	ctx, cancel := writeContext(ctx)
	defer cancel()
	return s.db.writer.RunInTx(context.WithValue(ctx, inTx{}, true), nil, func(ctx context.Context, tx bun.Tx) error {
		return fn(ctx, &Store{db: s.db, writes: tx, reads: tx, bound: &tx})
	})
}

// writeContext returns a context that outlives its caller but not writeDeadline.
func writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), writeDeadline)
}

// usable reports errUnbound where an unbound Store is used inside a transaction.
func (s *Store) usable(ctx context.Context) error {
	if s.bound == nil && ctx.Value(inTx{}) != nil {
		return errUnbound
	}
	return nil
}

// insert adds row, a pointer to a struct or to a slice of them.
func (s *Store) insert(ctx context.Context, row any) error {
	_, err := s.exec(ctx, s.writes.NewInsert().Model(row))
	return err
}

// exec runs a writing query and returns how many rows it touched. Every write passes here.
func (s *Store) exec(ctx context.Context, query interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}) (int, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	ctx, cancel := writeContext(ctx)
	defer cancel()
	result, err := query.Exec(ctx)
	if err != nil {
		return 0, mapError(err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// scan runs a reading query into its model or into dest. Every read by bun passes here.
func (s *Store) scan(ctx context.Context, query *bun.SelectQuery, dest ...any) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return mapError(query.Scan(ctx, dest...))
}

// count runs a counting query.
func (s *Store) count(ctx context.Context, query *bun.SelectQuery) (int, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	n, err := query.Count(ctx)
	return int(n), mapError(err)
}

// deleteSome removes up to limit rows of a table whose column is not after a time, and
// returns how many they were. A table with such a column has an index for it.
func (s *Store) deleteSome(ctx context.Context, table any, key, column string, until model.Time, limit int) (int, error) {
	some := s.reads.NewSelect().Model(table).Column(key).
		Where("? <= ?", bun.Ident(column), until).OrderExpr("?", bun.Ident(column)).Limit(int64(limit))
	return s.exec(ctx, s.writes.NewDelete().Model(table).Where("? IN (?)", bun.Ident(key), some))
}

// list writes values for `IN (?)`.
func list(values []string) any { return bun.List(values) }

// groupBy collects rows by a key, keeping their order.
func groupBy[T any](rows []T, key func(T) string) map[string][]T {
	groups := map[string][]T{}
	for _, row := range rows {
		groups[key(row)] = append(groups[key(row)], row)
	}
	return groups
}

// Ready reports whether the database answers and has every migration of this program.
func (s *Store) Ready(ctx context.Context) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if want := len(migrations); version != want {
		return fmt.Errorf("the database is at migration %d, this program at %d", version, want)
	}
	return nil
}
