package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/authgraph/authgraph/bench/people"
	"github.com/authgraph/authgraph/store/storetest"
)

// BenchmarkAuthority measures the look-up that every request with a session makes, going round all
// sessions of a small and of a larger database: by one who asks for one after the other, and by
// sixteen for each core.
func BenchmarkAuthority(b *testing.B) {
	for _, sessions := range []int{1000, 20_000} {
		b.Run(fmt.Sprintf("sessions=%d", sessions), func(b *testing.B) {
			db := storetest.Open(b)
			storetest.People(b, db, sessions)
			hashes := make([][]byte, sessions)
			for i := range hashes {
				hashes[i] = hashOf(people.Token(i))
			}
			ask := func(b *testing.B, i int) {
				authority, err := db.AuthorityByTokenHash(b.Context(), hashes[i%sessions])
				if err != nil || authority.User == nil {
					b.Error(err)
				}
			}
			b.Run("one", func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					ask(b, i)
				}
			})
			b.Run("many", func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(16)
				var next atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						ask(b, int(next.Add(1)))
					}
				})
			})
		})
	}
}
