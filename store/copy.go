package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/authgraph/authgraph/model"
)

// This file makes one database hold what another holds, whichever kinds of database they are.
// Rows are found by their keys and compared value by value, so that copying can be broken off and
// taken up again, and so that it is known in the end that both hold the same.

// models are what is in the tables whose rows are copied: all but migrations, of which every
// database has its own. What others refer to comes before them. Facts, which tell whose database
// it is, are last.
var models = []any{
	model.User{}, model.Credential{}, model.Role{}, model.UserRole{}, model.Session{}, model.SupersededToken{},
	model.APIToken{}, model.PasswordCode{}, model.SigningKey{}, model.AuditEvent{}, model.Throttle{},
	fact{},
}

// rowsAtOnce is how many rows are read, or written in one transaction, before the next.
const rowsAtOnce = 1000

// table is what it takes to read and write the rows of one.
type table struct {
	name    bun.Ident
	columns []bun.Ident
	types   []reflect.Type // of the columns in the model
	key     []int          // which columns are the primary key
}

// row has one value for each column: nil, a bool, an int64, a string or a []byte.
type row []any

// tables returns the tables of models.
func (s *Store) tables() (tables []table) {
	for _, one := range models {
		description := s.db.reader.Table(reflect.TypeOf(one))
		t := table{name: bun.Ident(description.Name)}
		for i, field := range description.Fields {
			t.columns = append(t.columns, bun.Ident(field.Name))
			t.types = append(t.types, field.IndirectType)
			if field.IsPK {
				t.key = append(t.key, i)
			}
		}
		tables = append(tables, t)
	}
	return tables
}

// keyColumns returns the columns of the primary key.
func (t table) keyColumns() (columns []bun.Ident) {
	for _, i := range t.key {
		columns = append(columns, t.columns[i])
	}
	return columns
}

// keyOf returns the primary key of a row.
func (t table) keyOf(r row) (key row) {
	for _, i := range t.key {
		key = append(key, r[i])
	}
	return key
}

// compareKeys orders keys as the databases do, by their bytes.
func compareKeys(a, b row) int {
	return slices.CompareFunc(a, b, func(a, b any) int {
		switch a := a.(type) {
		case string:
			return cmp.Compare(a, b.(string))
		case []byte:
			return bytes.Compare(a, b.([]byte))
		default:
			panic("a key that is neither text nor bytes")
		}
	})
}

// RowCounts counts the rows of each table whose rows are copied.
func (s *Store) RowCounts(ctx context.Context) (RowCounts, error) {
	counts := RowCounts{}
	for _, t := range s.tables() {
		n, err := s.count(ctx, s.reads.NewSelect().TableExpr("?", t.name))
		if err != nil {
			return nil, err
		}
		counts[string(t.name)] = n
	}
	return counts, nil
}

// Origin returns what tells databases apart: the time when a database was made, in microseconds.
// One that was restored from a backup has that of the first.
func (s *Store) Origin(ctx context.Context) (string, error) {
	var madeAt int64
	err := s.scan(ctx, s.reads.NewSelect().TableExpr("migrations").Column("applied_at").Where("number = 1"), &madeAt)
	return fmt.Sprint(madeAt), err
}

// MigrateNew is Migrate for a database that has never been migrated. Another one stays as it is.
func (s *Store) MigrateNew(ctx context.Context) error {
	migrated, err := s.migrated(ctx)
	if err != nil || migrated {
		return err
	}
	_, err = s.Migrate(ctx)
	return err
}

// UpToDate returns an error unless the last migration of the database is that of this program.
func (s *Store) UpToDate(ctx context.Context) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if want := len(migrations.names); version != want {
		return fmt.Errorf("it is at migration %d, this program at %d", version, want)
	}
	return nil
}

// Progress is told, now and then, of a table on which work goes on, and of how many rows more are
// done.
type Progress func(table string, rows int)

// CopyRows makes every table but facts hold the rows that it holds in the source, and no others.
// Rows that are the same already are left alone: a copy that was broken off goes on. It writes
// only to a database that is marked by FactUnfinishedCopy.
func (s *Store) CopyRows(ctx context.Context, source *Store, progress Progress) error {
	tables := s.tables()
	for _, t := range tables[:len(tables)-1] {
		if err := s.copyTable(ctx, source, t, progress); err != nil {
			return fmt.Errorf("failed to copy the table %s: %w", t.name, err)
		}
	}
	return nil
}

func (s *Store) copyTable(ctx context.Context, source *Store, t table, progress Progress) error {
	there, err := s.page(ctx, t, nil, 1)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		// What differs goes before anything comes, so that no two rows meet that may not have the
		// same value. What refers to it goes with it, and comes again with its own table.
		differing := batch{write: func(rows []row) error {
			return s.changeCopy(ctx, func(ctx context.Context, tx *Store) error { return tx.deleteRows(ctx, t, rows) })
		}}
		err := walk(ctx, t, source, s, func(wanted, found row) error {
			if found == nil || reflect.DeepEqual(wanted, found) {
				return nil
			}
			return differing.add(found)
		})
		if err := firstOf(err, differing.flush); err != nil {
			return err
		}
	}
	missing := batch{write: func(rows []row) error {
		return s.changeCopy(ctx, func(ctx context.Context, tx *Store) error { return tx.insertRows(ctx, t, rows) })
	}}
	count := counter{table: string(t.name), progress: progress}
	err = walk(ctx, t, source, s, func(wanted, found row) error {
		count.one()
		if found != nil {
			return nil
		}
		return missing.add(wanted)
	})
	if err := firstOf(err, missing.flush); err != nil {
		return err
	}
	count.report()
	return nil
}

// CompareRows compares every table but facts with that of the source. It returns how many rows
// are the same in both, and of each table in which rows are not, how many.
func (s *Store) CompareRows(ctx context.Context, source *Store, progress Progress) (same, different RowCounts, err error) {
	same, different = RowCounts{}, RowCounts{}
	tables := s.tables()
	for _, t := range tables[:len(tables)-1] {
		name := string(t.name)
		count := counter{table: name, progress: progress}
		err := walk(ctx, t, source, s, func(wanted, found row) error {
			count.one()
			if reflect.DeepEqual(wanted, found) {
				same[name]++
			} else {
				different[name]++
			}
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("failed to compare the table %s: %w", t.name, err)
		}
		count.report()
	}
	return same, different, nil
}

// CopyFacts makes the facts those of the source, all at once. So the mark of an unfinished copy
// goes when all the rest is there.
func (s *Store) CopyFacts(ctx context.Context, source *Store) error {
	tables := s.tables()
	t := tables[len(tables)-1]
	facts, err := source.page(ctx, t, nil, rowsAtOnce)
	if err != nil {
		return err
	}
	return s.changeCopy(ctx, func(ctx context.Context, tx *Store) error {
		there, err := tx.page(ctx, t, nil, rowsAtOnce)
		if err != nil {
			return err
		}
		if err := tx.deleteRows(ctx, t, there); err != nil {
			return err
		}
		return tx.insertRows(ctx, t, facts)
	})
}

// changeCopy is Tx for an unfinished copy alone: where another process has finished it, a server
// may have written to it since, and that must not be taken for rows that are left over.
func (s *Store) changeCopy(ctx context.Context, change func(ctx context.Context, tx *Store) error) error {
	return s.Tx(ctx, func(ctx context.Context, tx *Store) error {
		_, err := tx.Fact(ctx, FactUnfinishedCopy)
		if errors.Is(err, ErrNotFound) {
			return errors.New("the target is not, or not any more, an unfinished copy")
		}
		if err != nil {
			return err
		}
		return change(ctx, tx)
	})
}

// counter reports rows, some at a time.
type counter struct {
	table    string
	rows     int
	progress Progress
}

func (c *counter) one() {
	if c.rows++; c.rows == rowsAtOnce {
		c.report()
	}
}

func (c *counter) report() {
	c.progress(c.table, c.rows)
	c.rows = 0
}

// walk goes through a table in two databases by key, and hands out the row that each has under a
// key: nil where it has none.
func walk(ctx context.Context, t table, source, target *Store, each func(wanted, found row) error) error {
	a, b := cursor{store: source, table: t}, cursor{store: target, table: t}
	for {
		wanted, err := a.peek(ctx)
		if err != nil {
			return err
		}
		found, err := b.peek(ctx)
		if err != nil {
			return err
		}
		switch {
		case wanted == nil && found == nil:
			return nil
		case wanted == nil:
			b.next()
		case found == nil:
			a.next()
		default:
			order := compareKeys(t.keyOf(wanted), t.keyOf(found))
			if order <= 0 {
				a.next()
			} else {
				wanted = nil
			}
			if order >= 0 {
				b.next()
			} else {
				found = nil
			}
		}
		if err := each(wanted, found); err != nil {
			return err
		}
	}
}

// cursor reads a table by key, some rows at a time.
type cursor struct {
	store *Store
	table table
	ahead []row // read, and not passed yet
	last  row   // the last of those that were read
	end   bool  // whether there are no more
}

// peek returns the row that the cursor stands at, or nil behind the last one.
func (c *cursor) peek(ctx context.Context) (row, error) {
	if len(c.ahead) == 0 && !c.end {
		rows, err := c.store.page(ctx, c.table, c.last, rowsAtOnce)
		if err != nil {
			return nil, err
		}
		c.ahead, c.end = rows, len(rows) < rowsAtOnce
		if len(rows) > 0 {
			c.last = rows[len(rows)-1]
		}
	}
	if len(c.ahead) == 0 {
		return nil, nil
	}
	return c.ahead[0], nil
}

// next passes the row that peek returned.
func (c *cursor) next() { c.ahead = c.ahead[1:] }

// batch writes rows, some at a time.
type batch struct {
	rows  []row
	write func(rows []row) error
}

func (b *batch) add(r row) error {
	b.rows = append(b.rows, r)
	if len(b.rows) < rowsAtOnce {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	rows := b.rows
	b.rows = nil
	if len(rows) == 0 {
		return nil
	}
	return b.write(rows)
}

// firstOf returns err or, where that is nil, what then returns.
func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// page returns up to limit rows of a table, by key: those behind a row, or the first ones.
func (s *Store) page(ctx context.Context, t table, after row, limit int) (page []row, err error) {
	query := s.reads.NewSelect().TableExpr("?", t.name).Limit(int64(limit))
	for _, column := range t.columns {
		query.ColumnExpr("?", column)
	}
	for _, column := range t.keyColumns() {
		query.OrderExpr("?", column)
	}
	if after != nil {
		query.Where("? > ?", bun.Tuple(t.keyColumns()), t.keyOf(after))
	}
	err = s.read(ctx, func(ctx context.Context) error {
		page = nil
		rows, err := query.Rows(ctx)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r := make(row, len(t.columns))
			fields := make([]any, len(t.columns))
			for i, kind := range t.types {
				fields[i] = &value{kind: kind, to: &r[i]}
			}
			if err := rows.Scan(fields...); err != nil {
				return err
			}
			page = append(page, r)
		}
		return rows.Err()
	})
	return page, err
}

// value reads a value as the same type from every database.
type value struct {
	kind reflect.Type
	to   *any
}

// Scan implements sql.Scanner.
func (v *value) Scan(from any) error {
	if from == nil {
		*v.to = nil
		return nil
	}
	switch {
	case v.kind.Kind() == reflect.Bool:
		return scanInto[bool](v.to, from)
	case v.kind.Kind() == reflect.Int, v.kind.Kind() == reflect.Int64:
		return scanInto[int64](v.to, from)
	case v.kind == reflect.TypeFor[[]byte]():
		*v.to = append([]byte{}, from.([]byte)...) // never nil, which would be NULL
		return nil
	default:
		return scanInto[string](v.to, from)
	}
}

func scanInto[T any](to *any, from any) error {
	var read sql.Null[T]
	if err := read.Scan(from); err != nil {
		return err
	}
	*to = read.V
	return nil
}

// insertRows adds rows in one statement.
func (s *Store) insertRows(ctx context.Context, t table, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	_, err := s.exec(ctx, s.writes.NewRaw("INSERT INTO ? ? VALUES ?", t.name, bun.Tuple(t.columns), tuples(rows)))
	return err
}

// deleteRows removes rows, and what refers to them.
func (s *Store) deleteRows(ctx context.Context, t table, rows []row) error {
	for _, r := range rows {
		_, err := s.exec(ctx, s.writes.NewRaw("DELETE FROM ? WHERE ? = ?", t.name, bun.Tuple(t.keyColumns()), t.keyOf(r)))
		if err != nil {
			return err
		}
	}
	return nil
}

// AppendQuery implements schema.QueryAppender: (1, 'a', NULL).
func (r row) AppendQuery(generator schema.QueryGen, text []byte) ([]byte, error) {
	text = append(text, '(')
	for i, value := range r {
		if i > 0 {
			text = append(text, ", "...)
		}
		text = generator.Append(text, value)
	}
	return append(text, ')'), nil
}

// tuples writes rows for VALUES.
type tuples []row

// AppendQuery implements schema.QueryAppender: (1, 'a'), (2, 'b').
func (rows tuples) AppendQuery(generator schema.QueryGen, text []byte) (_ []byte, err error) {
	for i, r := range rows {
		if i > 0 {
			text = append(text, ", "...)
		}
		if text, err = r.AppendQuery(generator, text); err != nil {
			return nil, err
		}
	}
	return text, nil
}
