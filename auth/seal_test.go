package auth

import (
	"bytes"
	"testing"
)

func TestSealedDataIsBoundAndNeverAlike(t *testing.T) {
	t.Parallel()
	secret, other := RandomSecret(), RandomSecret()
	seen := map[string]bool{}
	for range 10_000 {
		seen[string(secret.seal("purpose", []byte("data")))] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("of 10,000 seals of the same data only %d differ: a nonce came twice", len(seen))
	}
	sealed := secret.seal("purpose", []byte("data"))
	if data, err := secret.open("purpose", sealed); err != nil || !bytes.Equal(data, []byte("data")) {
		t.Errorf("opened as %q, %v", data, err)
	}
	if _, err := secret.open("another purpose", sealed); err == nil {
		t.Error("what was sealed for one purpose opens for another")
	}
	if _, err := other.open("purpose", sealed); err != errOtherSecret {
		t.Errorf("another secret: %v", err)
	}
	rotated := Secret{values: append(other.values[:1:1], secret.values...)}
	if _, err := rotated.open("purpose", sealed); err != nil {
		t.Errorf("a previous secret must still open: %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := secret.open("purpose", altered); err == nil {
			t.Fatalf("an altered byte %d is not noticed", i)
		}
	}
}
