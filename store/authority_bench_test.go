package store_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store/storetest"
)

// BenchmarkAuthority measures the look-up that every request with a session makes, going round all
// sessions of a small and of a larger database.
func BenchmarkAuthority(b *testing.B) {
	for _, sessions := range []int{1000, 20_000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			db := storetest.Open(b)
			storetest.People(b, db, sessions)
			hashes := make([][]byte, sessions)
			for i := range hashes {
				hash := sha256.Sum256([]byte(people.Token(i)))
				hashes[i] = hash[:]
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				authority, err := db.AuthorityByTokenHash(b.Context(), hashes[i%sessions])
				if err != nil || authority.User == nil {
					b.Fatal(err)
				}
			}
		})
	}
}
