package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNotFound says that the row asked for does not exist. It is never an outage.
var ErrNotFound = errors.New("store: not found")

// ConflictError says that a row with the same unique value exists.
type ConflictError struct {
	Column string // the column that is unique, such as email_folded
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("store: another row has the same %s", e.Column)
}

// mapError translates what a driver says. It is the only place that knows drivers' errors.
func mapError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if fault, ok := errors.AsType[*sqlite.Error](err); ok {
		switch fault.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return &ConflictError{Column: sqliteColumn(fault.Error())}
		}
	}
	return err
}

// sqliteColumn returns the first column that a message like
// "constraint failed: UNIQUE constraint failed: users.email_folded (2067)" names.
func sqliteColumn(message string) string {
	_, columns, _ := strings.Cut(message, "UNIQUE constraint failed: ")
	first, _, _ := strings.Cut(columns, ",")
	first, _, _ = strings.Cut(first, " ")
	_, column, _ := strings.Cut(first, ".")
	return column
}
