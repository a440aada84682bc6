package store

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"modernc.org/sqlite"
)

// sqliteVersion tells whether anybody has changed a SQLite file, on a connection of its own that
// changes nothing.
//
// SQLite itself tells so by the header of the WAL-index, the memory that all who have the file open
// share: each commit changes it, and each transaction begins by comparing it with what it was
// (https://www.sqlite.org/walformat.html#the_wal_index_header). Where that memory can be seen, the
// header is compared here, which takes next to no time. Otherwise SQLite is asked, which takes a
// tenth of a request for `me`, since it locks and unlocks a file for it.
type sqliteVersion struct {
	mu     sync.Mutex
	conn   driver.Conn
	query  driver.StmtQueryContext // nil: closed
	index  []byte                  // the WAL-index; nil where it cannot be seen
	header [walHeader]byte         // what it was
	count  int64                   // how often it was another one
}

const (
	// walHeader is the size of the WAL-index's header, the first of its two copies.
	walHeader = 48
	// walVersion is the version of the WAL-index that it begins with.
	walVersion = 3007000
)

// openSQLiteVersion opens the connection to the file at path. It does not wait where a file is
// locked as a whole: whoever reads it then waits.
func openSQLiteVersion(path, address string) (*sqliteVersion, error) {
	conn, err := (&sqlite.Driver{}).Open(address)
	if err != nil {
		return nil, err
	}
	query, err := conn.(driver.ConnPrepareContext).PrepareContext(context.Background(), "PRAGMA data_version")
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	v := &sqliteVersion{conn: conn, query: query.(driver.StmtQueryContext)}
	if _, err := v.ask(); err == nil { // so that the connection keeps the index as long as it is open
		v.index = mapWALIndex(path)
	}
	if v.index != nil && binary.NativeEndian.Uint32(v.index) != walVersion {
		v.unmap()
	}
	return v, nil
}

// read returns a number that is another one after each commit on another connection, of whichever
// process.
func (v *sqliteVersion) read() (int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.query == nil:
		return 0, errors.New("the database is closed")
	case v.index == nil:
		return v.ask()
	}
	if now := [walHeader]byte(v.index); now != v.header {
		v.header = now
		v.count++
	}
	return v.count, nil
}

// ask asks SQLite (https://www.sqlite.org/pragma.html#pragma_data_version), without package
// database/sql between, which would take a third more time, and more than that under a context.
func (v *sqliteVersion) ask() (version int64, err error) {
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

func (v *sqliteVersion) unmap() {
	unmapWALIndex(v.index)
	v.index = nil
}

func (v *sqliteVersion) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.query == nil {
		return nil
	}
	v.unmap()
	err := errors.Join(v.query.(driver.Stmt).Close(), v.conn.Close())
	v.query = nil
	return err
}
