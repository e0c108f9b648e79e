package mse

import (
	"bytes"
	"testing"
)

// The cost of a handshake for the accepting side, such as in a flood. Only the
// first two cases require the info-hash of a torrent.
func BenchmarkAccept(b *testing.B) {
	for _, bench := range []struct {
		name string
		sent []byte
	}{
		{"RC4", known[1].a},
		{"plaintext", known[0].a},
		{"garbage", append(public(&xa), make([]byte, maxPad+hashLen)...)},
		{"only a key", public(&xa)},
		{"no key", make([]byte, keyLen)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			public(&xa)
			b.ReportAllocs()
			for b.Loop() {
				conn := &replay{Reader: bytes.NewReader(bench.sent)}
				c := draw() // whose cost counts
				c.exponent = xb
				accept(conn, nil, Options{Lookup: lookup}, c)
			}
		})
	}
}

func BenchmarkInitiate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c := draw()
		c.exponent = xa
		if _, err := initiate(replayed(known[1].b), torrent, Options{}, nil, c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublic(b *testing.B) {
	for b.Loop() {
		public(&xa)
	}
}

func BenchmarkSecret(b *testing.B) {
	y, err := parseKey(public(&xb))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		secret(y, &xa)
	}
}

func BenchmarkEncrypt(b *testing.B) {
	s, err := accept(replayed(known[1].a), nil, Options{Lookup: lookup}, known[1].chanceB())
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]byte, 64<<10)
	b.SetBytes(int64(len(batch)))
	for b.Loop() {
		s.Encrypt(batch)
	}
}
