package auth

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/store/storetest"
)

func TestAPanicInTheSweeperIsOneRoundsFailure(t *testing.T) {
	t.Parallel()
	log := new(bytes.Buffer)
	s := &Service{Options: Options{Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}} // and no database
	if s.sweepOnce(t.Context(), s.sweeps()) || !strings.Contains(log.String(), "failed to sweep") {
		t.Errorf("the log says %s", log)
	}
}

// TestBatchesTakeTheTimeTheyShould lets rows cost anything and hold every batch but the first, of
// which nothing is known, to less than the 50 ms that others may have to wait.
func TestBatchesTakeTheTimeTheyShould(t *testing.T) {
	t.Parallel()
	for _, row := range []time.Duration{0, time.Microsecond, 10 * time.Microsecond, 200 * time.Microsecond, time.Millisecond, 5 * time.Millisecond} {
		batch, took := sweepBatch, time.Duration(0)
		for i := range 12 {
			// Of the same kind, some rows cost twice as much as others.
			took = time.Duration(batch) * row * time.Duration(1+i%2)
			if i > 0 && took > 50*time.Millisecond {
				t.Errorf("rows of %v: batch %d has %d rows and takes %v", row, i, batch, took)
			}
			batch = nextBatch(batch, batch, took)
		}
		if took < batchTime/3 && batch < greatestBatch {
			t.Errorf("rows of %v: after twelve batches one has %d rows and takes %v, too few to end soon", row, batch, took)
		}
	}
	if got := nextBatch(400, 3, time.Millisecond); got != 400 {
		t.Errorf("a batch that found three rows grows to %d", got)
	}
	if got := nextBatch(400, 3, 40*time.Millisecond); got != 200 {
		t.Errorf("a batch that found three rows in 40 ms is followed by one of %d", got)
	}
	if got := nextBatch(1, 1, time.Hour); got != 1 {
		t.Errorf("a batch has %d rows", got)
	}
}

// TestASweepRemovesWhatHasEndedBitByBit holds every batch to its size, also where a session has
// more old tokens than that, and the whole to everything that has ended and nothing else.
func TestASweepRemovesWhatHasEndedBitByBit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		idle time.Duration
		ends string // expires_at, last_seen_at
	}{
		{"ended sessions", 0, "1, 9000000000000000"},
		{"idle sessions", time.Hour, "NULL, 1"},
	} {
		address := storetest.Address(t)
		db := storetest.OpenAt(t, address)
		options := DefaultOptions()
		options.BcryptCost, options.Secret, options.IdleDuration = bcrypt.MinCost, RandomSecret(), test.idle
		s, err := New(t.Context(), db, options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		storetest.Exec(t, address, `INSERT INTO users (id, username, username_folded, email_folded, first_name_folded, last_name_folded, created_at, updated_at)
			VALUES ('usr_1', 'ada', 'ada', '', '', '', 1, 1)`)
		insert := func(table, columns string, values []string) {
			storetest.Exec(t, address, "INSERT INTO "+table+" ("+columns+") VALUES ("+strings.Join(values, "), (")+")")
		}
		var sessions, tokens []string
		for i := range 60 {
			ends := test.ends
			if i >= 50 {
				ends = "NULL, 9000000000000000"
			}
			sessions = append(sessions, fmt.Sprintf("'ses_%d', 'usr_1', %s, FALSE, '', '', 1, 1, 1, %s", i, storetest.Bytes([]byte{byte(i)}), ends))
			for j := range 3 + 97*(i%40/39) { // most have three, two have a hundred
				tokens = append(tokens, fmt.Sprintf("%s, 'ses_%d', %s, 1", storetest.Bytes([]byte{byte(i), byte(j)}), i, storetest.Bytes(nil)))
			}
		}
		insert("sessions", "id, user_id, token_hash, persistent, user_agent, address, created_at, authenticated_at, cookie_issued_at, expires_at, last_seen_at", sessions)
		insert("superseded_tokens", "token_hash, session_id, nonce, superseded_at", tokens)
		count := func() int {
			return storetest.Number(t, address, "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM superseded_tokens)")
		}
		const batch = 20
		for more, left := true, count(); more; {
			for _, sweep := range s.sweeps() {
				if sweep.what != test.name {
					continue
				}
				sweep.batch = batch
				if more, err = sweep.once(t.Context(), db); err != nil {
					t.Fatal(err)
				}
			}
			now := count()
			if removed := left - now; removed > batch || more && removed < batch {
				t.Fatalf("%s: a batch of %d removed %d rows and more is %v", test.name, batch, removed, more)
			}
			left = now
		}
		if got := storetest.Number(t, address, "SELECT count(*) FROM sessions"); got != 10 {
			t.Errorf("%s: %d sessions are left, want the 10 that have not ended", test.name, got)
		}
	}
}

// BenchmarkSweep removes 100,000 sessions that have ended, a tenth of which were renewed, and
// reports how long the longest batch held the writer.
func BenchmarkSweep(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		address := storetest.Address(b)
		db := storetest.OpenAt(b, address)
		for _, statement := range []string{
			`INSERT INTO users (id, username, username_folded, email_folded, first_name_folded, last_name_folded, created_at, updated_at)
				VALUES ('usr_1', 'ada', 'ada', '', '', '', 1, 1)`,
			`WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 100000)
				INSERT INTO sessions (id, user_id, token_hash, persistent, user_agent, address, created_at, authenticated_at, cookie_issued_at, last_seen_at, expires_at)
				SELECT 'ses_' || (i * 7919 % 100003), 'usr_1', CAST('token ' || (i * 104729 % 100003) AS BLOB), FALSE, 'a program', '127.0.0.1', i, i, i, i, i FROM numbers`,
			`INSERT INTO superseded_tokens SELECT CAST(id AS BLOB), id, CAST('nonce' AS BLOB), 1, NULL FROM sessions WHERE created_at % 10 = 0`,
		} {
			storetest.Exec(b, address, statement)
		}
		s := &Service{store: db, Options: Options{Now: time.Now}}
		sweep := s.sweeps()[0]
		longest, batches := time.Duration(0), 0
		b.StartTimer()
		for more := true; more; batches++ {
			begin := time.Now()
			var err error
			if more, err = sweep.once(b.Context(), db); err != nil {
				b.Fatal(err)
			}
			longest = max(longest, time.Since(begin))
		}
		b.ReportMetric(float64(longest.Microseconds())/1000, "ms/longest-batch")
		b.ReportMetric(float64(batches), "batches")
	}
}
