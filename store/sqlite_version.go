package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
)

// sqliteVersion tells whether anybody has changed a SQLite file, on a connection of its own that
// changes nothing. It asks the driver without package database/sql between, which would take a
// third more time, and more than that under a context.
type sqliteVersion struct {
	mu    sync.Mutex
	conn  driver.Conn
	query driver.StmtQueryContext // nil: closed
}

// openSQLiteVersion opens the connection. It does not wait where a file is locked as a whole:
// whoever reads it then waits.
func openSQLiteVersion(address string) (*sqliteVersion, error) {
	conn, err := (&sqlite.Driver{}).Open(address)
	if err != nil {
		return nil, err
	}
	query, err := conn.(driver.ConnPrepareContext).PrepareContext(context.Background(), "PRAGMA data_version")
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &sqliteVersion{conn: conn, query: query.(driver.StmtQueryContext)}, nil
}

// read returns a number that is another one after each commit on another connection, of whichever
// process (https://www.sqlite.org/pragma.html#pragma_data_version).
func (v *sqliteVersion) read() (version int64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.query == nil {
		return 0, errors.New("the database is closed")
	}
	rows, err := v.query.QueryContext(context.Background(), nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var row [1]driver.Value
	if err := rows.Next(row[:]); err != nil {
		return 0, err
	}
	version, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("the version is a %T", row[0])
	}
	return version, nil
}

func (v *sqliteVersion) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.query == nil {
		return nil
	}
	err := errors.Join(v.query.(driver.Stmt).Close(), v.conn.Close())
	v.query = nil
	return err
}
