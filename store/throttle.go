package store

import (
	"context"

	"github.com/authgraph/authgraph/model"
)

// Throttles returns those of the keys that block at this moment.
func (s *Store) Throttles(ctx context.Context, keys []string, now model.Time) ([]*model.Throttle, error) {
	var throttles []*model.Throttle
	err := s.scan(ctx, s.reads.NewSelect().Model(&throttles).
		Where("key IN (?)", list(keys)).Where("blocked_until > ?", now))
	return throttles, err
}

// CountAttempt counts an attempt under a key, unless the key blocks, and reports how many they
// are by now: 0 where it blocks. A key that is forgotten begins anew. It is one statement, so
// that of many attempts at once each is counted.
func (s *Store) CountAttempt(ctx context.Context, key string, now, forgotten model.Time) (attempts int, err error) {
	var counted []int
	err = s.write(ctx, func(ctx context.Context) error {
		return s.writes.NewRaw(`INSERT INTO throttles (key, attempts, blocked_until, forgotten_at) VALUES (?, 1, 0, ?)
			ON CONFLICT (key) DO UPDATE SET
				attempts = CASE WHEN throttles.forgotten_at <= ? THEN 1 ELSE throttles.attempts + 1 END,
				forgotten_at = CASE WHEN throttles.forgotten_at <= ? THEN EXCLUDED.forgotten_at ELSE throttles.forgotten_at END
			WHERE throttles.blocked_until <= ?
			RETURNING attempts`, key, forgotten, now, now, now).Scan(ctx, &counted)
	})
	if err != nil || len(counted) == 0 {
		return 0, err
	}
	return counted[0], nil
}

// Block lets a key refuse until a time.
func (s *Store) Block(ctx context.Context, key string, until model.Time) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Throttle)(nil)).
		Set("blocked_until = ?", until).Where("key = ?", key))
	return err
}

// ForgetAttempts removes keys, as after a success.
func (s *Store) ForgetAttempts(ctx context.Context, keys ...string) error {
	_, err := s.exec(ctx, s.writes.NewDelete().Model((*model.Throttle)(nil)).Where("key IN (?)", list(keys)))
	return err
}

// UncountAttempt takes back one attempt under a key that did not turn out to be a guess. A wait
// stays: whoever has an account of their own could end it otherwise.
func (s *Store) UncountAttempt(ctx context.Context, key string) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Throttle)(nil)).
		Set("attempts = attempts - 1").Where("key = ?", key).Where("attempts > 0"))
	return err
}

// DeleteForgottenThrottles removes at most limit keys that nobody tried under for long enough.
func (s *Store) DeleteForgottenThrottles(ctx context.Context, now model.Time, limit int) (int, error) {
	return s.deleteSome(ctx, (*model.Throttle)(nil), "key", "forgotten_at", now, limit)
}
