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
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// Store is a database, or one transaction on it.
type Store struct {
	db     *database
	writes bun.IDB   // the pool of writers, or the transaction
	reads  bun.IDB   // the pool of readers, or the transaction
	bound  *bun.Conn // the transaction's connection, if this Store is bound to one

	entries []*model.AuditEvent // what the transaction has recorded
}

// database is what all Stores of one Open share. PostgreSQL has one pool for reading and
// writing.
type database struct {
	engine  engine
	writer  *bun.DB
	reader  *bun.DB
	timeout time.Duration // of each statement
	waiting func(why error)
	remove  func() error // deletes what is private to this process
	recall  *recall      // nil where the database does not tell whether it has changed

	byTokenHash, bySession, byAPIToken, byUser *lookup

	told atomic.Pointer[func(entries []*model.AuditEvent)]
}

func newStore(engine engine, writer, reader *bun.DB, options Options) *Store {
	s := &Store{writes: writer, reads: reader, db: &database{
		engine: engine, writer: writer, reader: reader, timeout: options.Timeout, waiting: options.Waiting,
		remove: func() error { return nil },
	}}
	atOnce := max(1, options.Connections/gatherShare)
	s.db.byTokenHash = s.newLookup(authorityByTokenHash, blobColumn, atOnce, emptySession)
	s.db.bySession = s.newLookup(authorityBySession, textColumn, atOnce, emptySession)
	s.db.byAPIToken = s.newLookup(authorityByAPIToken, blobColumn, atOnce, emptyAPIToken)
	s.db.byUser = s.newLookup(authorityByUser, textColumn, atOnce, emptyUser)
	return s
}

// Close finishes every query and closes the database. A Store cannot be used afterwards.
func (s *Store) Close() error {
	db := s.db
	err := errors.Join(db.recall.close(), db.byTokenHash.close(), db.bySession.close(), db.byAPIToken.close(), db.byUser.close(), db.reader.Close())
	if db.writer != db.reader {
		err = errors.Join(err, db.writer.Close())
	}
	return errors.Join(err, db.remove())
}

// usable reports errUnbound where an unbound Store is used inside a transaction.
func (s *Store) usable(ctx context.Context) error {
	if s.bound == nil && ctx.Value(inTx{}) != nil {
		return errUnbound
	}
	return nil
}

// read runs one reading statement, which has so much time, as has the wait for a connection to run
// it on. Connections that were lost since their last use, as all are when a server fails over,
// are passed over.
func (s *Store) read(ctx context.Context, statement func(ctx context.Context) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.db.timeout)
	defer cancel()
	err := statement(ctx)
	if s.bound == nil {
		for range s.db.reader.Stats().MaxOpenConnections {
			if !s.db.engine.lost(err) && !s.db.engine.again(err) {
				break
			}
			err = statement(ctx)
		}
	}
	return s.db.mapError(err)
}

// insert adds row, a pointer to a struct or to a slice of them.
func (s *Store) insert(ctx context.Context, row any) error {
	_, err := s.exec(ctx, s.writes.NewInsert().Model(row))
	return err
}

// exec runs a writing query and returns how many rows it touched. Every write passes here.
func (s *Store) exec(ctx context.Context, query interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}) (n int, err error) {
	err = s.write(ctx, func(ctx context.Context) error {
		result, err := query.Exec(ctx)
		if err != nil {
			return err
		}
		rows, err := result.RowsAffected()
		n = int(rows)
		return err
	})
	return n, err
}

// write runs one writing statement: in the transaction, or else as one by itself.
func (s *Store) write(ctx context.Context, statement func(ctx context.Context) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if s.bound != nil {
		return s.db.mapError(statement(ctx))
	}
	ctx, cancel := s.db.writeContext(ctx)
	defer cancel()
	return s.db.untilUndisturbed(ctx, func() error { return statement(ctx) })
}

// scan runs a reading query into its model or into dest. Every read by bun passes here.
func (s *Store) scan(ctx context.Context, query interface {
	Scan(ctx context.Context, dest ...any) error
}, dest ...any) error {
	return s.read(ctx, func(ctx context.Context) error { return query.Scan(ctx, dest...) })
}

// count runs a counting query.
func (s *Store) count(ctx context.Context, query *bun.SelectQuery) (n int, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		counted, err := query.Count(ctx)
		n = int(counted)
		return err
	})
	return n, err
}

// lock ends a query so that other transactions that lock the same rows wait for the end of
// this one.
func (s *Store) lock(query *bun.SelectQuery) *bun.SelectQuery {
	if lock := s.db.engine.rowLock(); lock != "" {
		query.For(lock)
	}
	return query
}

// number returns what a query for one number returns.
func (s *Store) number(ctx context.Context, text string, arguments ...any) (n int, err error) {
	err = s.scan(ctx, s.reads.NewRaw(text, arguments...), &n)
	return n, err
}

// countUpTo counts the rows of a query and stops at atMost.
func (s *Store) countUpTo(ctx context.Context, query *bun.SelectQuery, atMost int) (int, error) {
	return s.number(ctx, "SELECT count(*) FROM (?) AS counted", query.ColumnExpr("1").Limit(int64(atMost)))
}

// deleteSome removes up to limit rows of a table whose column is not after a time, and
// returns how many they were. A table with such a column has an index for it.
func (s *Store) deleteSome(ctx context.Context, table any, key, column string, until model.Time, limit int) (int, error) {
	some := s.reads.NewSelect().Model(table).Column(key).
		Where("? <= ?", bun.Ident(column), until).OrderExpr("?", bun.Ident(column)).Limit(int64(limit))
	if skip := s.db.engine.skipLocked(); skip != "" {
		some.For(skip) // another server may be removing them
	}
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

// byIDs returns the rows of a table that have one of these ids, by id.
func byIDs[T any](ctx context.Context, s *Store, ids []string, id func(*T) string) (map[string]*T, error) {
	var rows []*T
	if err := s.scan(ctx, s.reads.NewSelect().Model(&rows).Where("id IN (?)", list(ids))); err != nil {
		return nil, err
	}
	found := make(map[string]*T, len(rows))
	for _, row := range rows {
		found[id(row)] = row
	}
	return found, nil
}

// Ready reports whether the database answers and has every migration of this program. It may
// have later ones: while servers are replaced one by one, the old ones go on.
func (s *Store) Ready(ctx context.Context) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if want := len(migrations.names); version < want {
		return fmt.Errorf("the database is at migration %d, this program at %d", version, want)
	}
	return nil
}
