package mse

import (
	"bytes"
	"crypto/rc4"
	"math/rand/v2"
	"testing"
)

// checkCipher checks that data, encrypted in pieces of length step, is what crypto/rc4 makes
// of it.
func checkCipher(t *testing.T, key, data []byte, step int) {
	t.Helper()
	reference, err := rc4.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, len(data))
	reference.XORKeyStream(want, data)
	c, got := keyed(key), bytes.Clone(data)
	for b := got; len(b) > 0; {
		n := min(step, len(b))
		c.xor(b[:n])
		b = b[n:]
	}
	if !bytes.Equal(got, want) {
		t.Errorf("key %x, pieces of %d bytes: differs from crypto/rc4 at byte %d", key, step, firstDifference(got, want))
	}
}

func firstDifference(a, b []byte) int {
	i := 0
	for a[i] == b[i] {
		i++
	}
	return i
}

// Each step of an unrolled loop must find the states that the one before it has swapped: of
// the steps here, each of the eight does so hundreds of times.
func TestCipher(t *testing.T) {
	random := rand.New(rand.NewChaCha8([32]byte{}))
	for step := range 40 {
		key := make([]byte, 1+random.IntN(256))
		data := make([]byte, 20000)
		for i := range key {
			key[i] = byte(random.Uint32())
		}
		checkCipher(t, key, data, step+1)
		checkCipher(t, key, data, len(data))
	}
}

func FuzzCipher(f *testing.F) {
	f.Add([]byte("Key"), []byte("Plaintext, and more of it"), uint8(8))
	f.Add([]byte{0}, make([]byte, 600), uint8(13))
	f.Fuzz(func(t *testing.T, key, data []byte, step uint8) {
		if len(key) == 0 || len(key) > 256 {
			return
		}
		checkCipher(t, key, data, int(step)+1)
	})
}

func BenchmarkCipher(b *testing.B) {
	c := keyed([]byte("a key of twenty byte"))
	reference, err := rc4.NewCipher([]byte("a key of twenty byte"))
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 16<<10)
	b.Run("this", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			c.xor(data)
		}
	})
	b.Run("crypto/rc4", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			reference.XORKeyStream(data, data)
		}
	})
}
