package store

import (
	"context"
	"database/sql"
	"errors"
)

// lookup is one way to find what a credential stands for: by the value of a unique column. A value that
// the database cannot take would fail the lookups of others too, so none is as a client wrote it: it is
// a hash, or what this program found before or has signed.
type lookup struct {
	one     *statement
	several *statement         // for an array of values: the place of one, from 1, and then the row
	gather  *gather[Authority] // nil where nothing is gained by looking for several at once
	column  columnType
	empty   func() (a *Authority, fields []any)
}

// newLookup returns the lookup by a query, for which so many statements may be under way. What it reads is
// what empty returns: the fields, and behind them those of the user and their roles.
func (s *Store) newLookup(query string, column columnType, atOnce int, empty func() (a *Authority, fields []any)) *lookup {
	engine, pool := s.db.engine, s.db.reader.DB
	l := &lookup{one: engine.statement(pool, query), column: column, empty: empty}
	if several := engine.several(query, column); several != "" {
		l.several = engine.statement(pool, several)
		l.gather = newGather(atOnce,
			func(ctx context.Context, value string) (*Authority, error) { return l.find(ctx, s, value) },
			func(ctx context.Context, values []string) ([]*Authority, error) { return l.findEach(ctx, s, values) })
	}
	return l
}

// find returns what has a value, or ErrNotFound.
func (l *lookup) find(ctx context.Context, s *Store, value string) (found *Authority, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		found = nil
		err := l.one.query(ctx, s, l.column.value(value), func(row *sql.Rows) (err error) {
			found, err = l.scan(row)
			return err
		})
		if err == nil && found == nil {
			err = ErrNotFound
		}
		return err
	})
	return found, err
}

// findEach returns what has each of the values, in their order, and nil where nothing has.
func (l *lookup) findEach(ctx context.Context, s *Store, values []string) (found []*Authority, err error) {
	err = s.read(ctx, func(ctx context.Context) error {
		found = make([]*Authority, len(values))
		return l.several.query(ctx, s, l.column.values(values), func(row *sql.Rows) error {
			var place int
			a, err := l.scan(row, &place)
			if err == nil {
				found[place-1] = a
			}
			return err
		})
	})
	return found, err
}

// scan reads a row, of which other fields stand before those of the lookup.
func (l *lookup) scan(row *sql.Rows, before ...any) (*Authority, error) {
	var roles sql.NullString
	a, fields := l.empty()
	if err := row.Scan(append(append(before, fields...), userFields(a.User, &roles)...)...); err != nil {
		return nil, err
	}
	a.Roles = splitRoles(roles.String)
	return a, nil
}

// close closes what the lookup has prepared.
func (l *lookup) close() error {
	if l.several == nil {
		return l.one.close()
	}
	return errors.Join(l.one.close(), l.several.close())
}

// columnType is the type of a column.
type columnType string

const (
	textColumn columnType = "TEXT"
	blobColumn columnType = "BLOB"
)

// value returns a value as a query takes it.
func (c columnType) value(value string) any {
	if c == blobColumn {
		return []byte(value)
	}
	return value
}

// values returns several values as a query takes them, as one array.
func (c columnType) values(values []string) any {
	if c != blobColumn {
		return values
	}
	blobs := make([][]byte, len(values))
	for i, value := range values {
		blobs[i] = []byte(value)
	}
	return blobs
}
