package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// mapError translates what a driver says.
func (db *database) mapError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if column, ok := db.engine.conflict(err); ok {
		return &ConflictError{Column: column}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		if pool := db.writer.Stats(); pool.InUse >= pool.MaxOpenConnections {
			return fmt.Errorf("the database did not answer in time, and all %d connections are in use: %w", pool.InUse, err)
		}
		return fmt.Errorf("the database did not answer in time: %w", err)
	}
	return err
}
