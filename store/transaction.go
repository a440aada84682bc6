package store

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

const (
	// commitTime is how long a COMMIT may take on top of the time that statements have. Where
	// it is over nobody is told of success.
	commitTime = 5 * time.Second
	// rollbackTime bounds the end of a transaction that failed, after its time may be up.
	rollbackTime = 5 * time.Second
	// longestPause is how long a transaction that was undone for another one waits at most
	// before it runs again.
	longestPause = 50 * time.Millisecond
)

// inTx marks the context that is handed to the function given to Tx.
type inTx struct{}

// errUnbound says that the code inside a transaction used the Store outside it. On SQLite
// a write there would wait for ever on the one writer, and a read would not see what the
// transaction has written.
var errUnbound = errors.New("store: the unbound store was used inside a transaction")

// Tx runs fn in one transaction and commits it if fn returns nil. Transactions are serializable:
// whatever runs at the same time, the outcome is that of one after the other. Where the database
// undoes one for that, fn runs again, so it may have no effect that a second run spoils. Tx
// gives up when the time for a write is over. One that changes nothing, since it was done already,
// is as safe when Tx returns as one that does.
//
// Inside fn only tx and the context given to fn may be used; the Store outside refuses that
// context. A Tx on a bound Store joins its transaction.
func (s *Store) Tx(ctx context.Context, fn func(ctx context.Context, tx *Store) error) error {
	return s.inTransaction(ctx, serializable, fn)
}

// TxReadCommitted is Tx for counters: rows that many transactions change at once, each by one
// statement that is whole by itself. They wait for each other instead of being undone.
func (s *Store) TxReadCommitted(ctx context.Context, fn func(ctx context.Context, tx *Store) error) error {
	return s.inTransaction(ctx, readCommitted, fn)
}

func (s *Store) inTransaction(ctx context.Context, isolation isolation, fn func(ctx context.Context, tx *Store) error) error {
	if s.bound != nil {
		return fn(ctx, s)
	}
	if ctx.Value(inTx{}) != nil {
		return errUnbound
	}
	ctx, cancel := s.db.writeContext(ctx)
	defer cancel()
	return s.db.untilUndisturbed(ctx, func() error { return s.db.transact(ctx, isolation, fn) })
}

// Settle returns when what others have committed by now is kept as safely as a change of one's own
// would be. A commit that was given up while it waited for a standby is visible all the same: to
// say that something is gone already promises as much as to remove it.
func (s *Store) Settle(ctx context.Context) error {
	if !s.db.engine.showsUnkept() {
		return nil
	}
	return s.TxReadCommitted(ctx, func(context.Context, *Store) error { return nil })
}

// writeContext returns a context that outlives its caller, so that a person who closes the tab
// while logging out is still logged out, but not the time that a write may take.
func (db *database) writeContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), db.timeout+commitTime)
}

// untilUndisturbed runs write until it is not undone for the sake of another transaction.
func (db *database) untilUndisturbed(ctx context.Context, write func() error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, longestPause) {
		err := write()
		if err == nil || !db.engine.again(err) {
			return db.mapError(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("other transactions were always faster: %w", err)
		case <-time.After(upTo(pause)):
		}
	}
}

// upTo returns a length of time by chance, so that transactions that disturbed each other do not
// meet again.
func upTo(longest time.Duration) time.Duration {
	var chance [1]byte
	_, _ = rand.Read(chance[:]) // never fails
	return longest * time.Duration(chance[0]) / 256
}

// transact runs fn once in one transaction.
func (db *database) transact(ctx context.Context, isolation isolation, fn func(ctx context.Context, tx *Store) error) (err error) {
	conn, err := db.begin(ctx, isolation)
	if err != nil {
		return err
	}
	committed := false
	defer func() { // also after a panic
		if !committed {
			db.rollback(ctx, conn, err)
		}
		_ = conn.Close() // gives it back
	}()
	tx := &Store{db: db, writes: conn, reads: conn, bound: &conn}
	if err := fn(context.WithValue(ctx, inTx{}, true), tx); err != nil {
		return err
	}
	_ = db.engine.confirmed(conn.Conn) // forgets what was warned of before the commit
	if _, err := conn.Conn.ExecContext(ctx, db.engine.commit()); err != nil {
		return fmt.Errorf("failed to commit: %w", err)
	}
	committed = true
	err = db.engine.confirmed(conn.Conn)
	db.tell(tx.entries)
	return err
}

// begin begins a transaction on a connection of its own. A connection that was lost since its
// last use, as all are when a server fails over, is replaced.
func (db *database) begin(ctx context.Context, isolation isolation) (bun.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, db.timeout)
	defer cancel()
	for {
		conn, err := db.writer.Conn(ctx)
		if err != nil {
			return bun.Conn{}, err
		}
		if _, err = conn.Conn.ExecContext(ctx, db.engine.begin(isolation)); err == nil {
			return conn, nil
		}
		lost := db.engine.lost(err)
		db.rollback(ctx, conn, err)
		_ = conn.Close()
		if !lost || ctx.Err() != nil {
			return bun.Conn{}, err
		}
	}
}

// rollback ends the transaction on a connection because of an error. A connection that cannot even
// do that, or that leads to the wrong server, is not used again.
func (db *database) rollback(ctx context.Context, conn bun.Conn, because error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTime)
	defer cancel()
	_, err := conn.Conn.ExecContext(ctx, "ROLLBACK")
	if err != nil || db.engine.lost(because) {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
}
