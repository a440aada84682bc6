package store

import (
	"context"
	"database/sql"
)

// engine is what the two kinds of database do differently. All else is the same SQL.
type engine interface {
	// begin returns the statement that begins a transaction.
	begin(isolation isolation) string
	// commit returns the statement that ends it.
	commit() string
	// confirmed returns an error where the commit that was just done on conn may not be kept.
	confirmed(conn *sql.Conn) error
	// statement returns a query, whose arguments are written ?, as this engine takes it.
	statement(db *sql.DB, text string) *statement
	// several returns a query for what another one finds by each of several values of a column: the
	// place of the value, from 1, and then what is found. It returns "" where several are found no
	// cheaper than one by one.
	several(query string, column columnType) string
	// schema returns a migration as this engine takes it.
	schema(migration string) string
	// migrationLock returns a query that tells, as a boolean, whether this transaction is the
	// only one that migrates, until it ends.
	migrationLock() string
	// tableExists returns a query that tells, as a boolean, whether the database was ever migrated.
	tableExists() string
	// showsUnkept reports whether others can see a change before it is kept as safely as whoever
	// made it was promised. A transaction then commits no sooner than what it has seen is.
	showsUnkept() bool
	// notify returns a statement that sends a text to whoever listens to this database, and ""
	// where nobody can.
	notify() string
	// listen hands each text that notify sends to hear, until ctx is done or the connection,
	// its own, is lost.
	listen(ctx context.Context, listening func(), hear func(text string)) error
	// rowLock ends a SELECT that locks what it finds against other transactions; "" where a
	// transaction has the database for itself anyway.
	rowLock() string
	// skipLocked ends a SELECT that passes over what other transactions have locked.
	skipLocked() string
	// conflict returns the column of the unique value that err says exists already.
	conflict(err error) (column string, ok bool)
	// again reports whether err undid the whole transaction for the sake of another one, so
	// that it may succeed when it is run anew.
	again(err error) bool
	// locked reports whether err says that a migration gave way to those who use a table.
	locked(err error) bool
	// lost reports whether err says that an open connection leads nowhere any more, or to a
	// server that cannot serve, such as a primary that has become a standby.
	lost(err error) bool
}

// isolation is how much transactions notice of each other.
type isolation int

const (
	// serializable transactions behave as if they ran one after the other.
	serializable isolation = iota
	// readCommitted transactions see in each statement what has committed before it.
	readCommitted
	// migration is readCommitted without a time limit.
	migration
)
