package store

import "context"

// fact is something that the server keeps about its own database.
type fact struct {
	Name  string `bun:",pk"`
	Value string
}

// FactUnfinishedCopy is the fact that a database is to hold what another one holds, and does not
// yet. Its value is the Origin of the other one.
const FactUnfinishedCopy = "unfinished_copy"

// Fact returns the value of a fact, or ErrNotFound.
func (s *Store) Fact(ctx context.Context, name string) (value string, err error) {
	err = s.scan(ctx, s.reads.NewSelect().Model((*fact)(nil)).Column("value").Where("name = ?", name), &value)
	return value, err
}

// SetFact keeps a fact, over an older value.
func (s *Store) SetFact(ctx context.Context, name, value string) error {
	_, err := s.exec(ctx, s.writes.NewInsert().Model(&fact{Name: name, Value: value}).
		On("CONFLICT (name) DO UPDATE").Set("value = EXCLUDED.value"))
	return err
}
