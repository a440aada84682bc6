package auth

import (
	"fmt"
	"testing"
)

// BenchmarkPassword measures what a log-in costs above all else: one thread compares a password
// with its hash. docs/deploy.md makes machines of it.
func BenchmarkPassword(b *testing.B) {
	for _, cost := range []int{10, 12, 14} {
		b.Run(fmt.Sprintf("cost=%d", cost), func(b *testing.B) {
			h, err := newHasher(cost, 1, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer h.close()
			permitted := func() error { return nil }
			stored, err := h.hash(b.Context(), "violet harbour lantern 47", permitted)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if match, _, err := h.verify(b.Context(), "violet harbour lantern 47", stored, permitted); err != nil || !match {
					b.Fatal(match, err)
				}
			}
		})
	}
}
