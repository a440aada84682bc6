package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/authgraph/authgraph/store"
)

// ErrUnfinishedCopy says that a database holds only a part of another one yet.
var ErrUnfinishedCopy = errors.New("the database is an unfinished copy of another: run the copy again, and it goes on")

// CopyError says why a copy is refused, or not done.
type CopyError struct{ Reason string }

func (e *CopyError) Error() string { return e.Reason }

// Progress is told what is being done, and how much of it.
type Progress func(act string, done, of int)

// Copy migrates a new database and makes it hold everything that the source holds. It returns
// how many rows of each table that is. Whoever has a session, a token or a password there has it
// here then, under the same secret and peppers.
//
// A copy that was broken off goes on when it is begun again with the same source, and takes over
// what has changed there. Until it is done no server serves the target. Then every row of both
// was compared; but what changes in the source after its row was compared is in one of them only.
func Copy(ctx context.Context, target, source *store.Store, progress Progress) (store.RowCounts, error) {
	if err := beginCopy(ctx, target, source); err != nil {
		return nil, err
	}
	counts, err := source.RowCounts(ctx)
	if err != nil {
		return nil, err
	}
	of, done := 0, 0
	for table, n := range counts {
		if table != "facts" { // which come at the end, at once
			of += 2 * n
		}
	}
	during := func(act string) store.Progress {
		return func(table string, rows int) {
			done += rows
			progress(act+" "+table, min(done, of), of)
		}
	}
	if err := target.CopyRows(ctx, source, during("copying")); err != nil {
		if now, countErr := source.RowCounts(ctx); countErr == nil && !maps.Equal(now, counts) {
			return nil, changedMeanwhile(err.Error()) // a row came without what it refers to
		}
		return nil, err
	}
	rows, different, err := target.CompareRows(ctx, source, during("comparing"))
	if err != nil {
		return nil, err
	}
	if len(different) > 0 {
		return nil, changedMeanwhile(listCounts(different))
	}
	return rows, target.CopyFacts(ctx, source)
}

func changedMeanwhile(what string) *CopyError {
	return &CopyError{"the source changed while it was copied (" + what +
		"): stop every server that uses it and run the copy again, which takes over what has changed"}
}

// beginCopy marks a database as the target of a copy, or finds it marked.
func beginCopy(ctx context.Context, target, source *store.Store) error {
	if err := source.UpToDate(ctx); err != nil {
		return fmt.Errorf("the source cannot be copied: %w", err)
	}
	if _, err := HasSecret(ctx, source); err != nil { // as with an unfinished copy
		return fmt.Errorf("the source cannot be copied: %w", err)
	}
	if err := target.MigrateNew(ctx); err != nil {
		return err
	}
	if err := target.UpToDate(ctx); err != nil {
		return fmt.Errorf("nothing can be copied to the target: %w", err)
	}
	origin, err := source.Origin(ctx)
	if err != nil {
		return err
	}
	itself, err := target.Origin(ctx)
	if err != nil {
		return err
	}
	return target.Tx(ctx, func(ctx context.Context, tx *store.Store) error {
		mark, err := tx.Fact(ctx, store.FactUnfinishedCopy)
		if err == nil && mark != origin {
			return &CopyError{"the target holds an unfinished copy of another database"}
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		rows, err := tx.RowCounts(ctx)
		if err != nil {
			return err
		}
		maps.DeleteFunc(rows, func(_ string, n int) bool { return n == 0 })
		if len(rows) > 0 {
			return &CopyError{"the target holds data already (" + listCounts(rows) + "): name a new one"}
		}
		if itself == origin {
			return &CopyError{"the target is the source itself"}
		}
		return tx.SetFact(ctx, store.FactUnfinishedCopy, origin)
	})
}

// listCounts lists numbers of rows by table.
func listCounts(rows store.RowCounts) string {
	var counts []string
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		counts = append(counts, fmt.Sprintf("%s: %d", table, rows[table]))
	}
	return strings.Join(counts, ", ")
}
