package mse

import (
	"bytes"
	"testing"
	"testing/iotest"
)

// FuzzAccept replaces the bytes of A from a given position of the handshake on.
func FuzzAccept(f *testing.F) {
	const (
		atFirst  = iota // instead of Ya
		atPad           // behind Ya
		atOffer         // encrypted, behind the torrent's hash
		atStages        // as many
	)
	f.Add(uint8(atFirst), uint8(0), known[0].a)
	f.Add(uint8(atPad), uint8(MethodRC4), known[1].a[keyLen:])
	f.Add(uint8(atOffer), uint8(0), offer(0, 3, 3, 3, 10, 20))
	f.Add(uint8(atOffer), uint8(MethodPlaintext), offer(0, 3, 512, 512, 68, 68))
	f.Add(uint8(atOffer), uint8(MethodRC4), offer(0, 2, 0, 0, 2000, 3000))
	f.Fuzz(func(t *testing.T, stage, methods uint8, in []byte) {
		var sent []byte
		switch stage % atStages {
		case atFirst:
			sent = in
		case atPad:
			sent = append(public(&xa), in...)
		case atOffer:
			sent = append(public(&xa), step3(torrent, in)...)
		}
		o := Options{Methods: Method(methods), Lookup: lookup}
		s, err := accept(replayed(sent), nil, o, known[0].chanceB())
		if err != nil {
			if s != nil || err.Error() == "" {
				t.Fatalf("a session, and %v", err)
			}
			return
		}
		checkSession(t, s, o.methods())
		if len(s.Initial) > len(sent) || len(s.Initial) > MaxInitial+1024 {
			t.Fatalf("%d initial bytes of %d", len(s.Initial), len(sent))
		}
		// The same input, byte by byte, gives the same result.
		n := min(20, len(sent))
		slow := replayed()
		slow.Reader = iotest.OneByteReader(bytes.NewReader(sent[n:]))
		again, err := accept(slow, sent[:n], o, known[0].chanceB())
		if err != nil || again.Method != s.Method || !bytes.HasPrefix(s.Initial, again.Initial) {
			t.Fatalf("first %+v, then %+v, %v", s, again, err)
		}
	})
}

// FuzzInitiate replaces the bytes of B from a given position of the handshake on.
func FuzzInitiate(f *testing.F) {
	const (
		atFirst  = iota // instead of Yb
		atPad           // behind Yb
		atChoice        // encrypted, behind Yb
		atStages        // as many
	)
	f.Add(uint8(atFirst), uint8(0), known[0].b)
	f.Add(uint8(atPad), uint8(MethodRC4), known[1].b[keyLen:])
	f.Add(uint8(atChoice), uint8(0), choice(0, 2, 5, 10))
	f.Add(uint8(atChoice), uint8(MethodPlaintext), choice(0, 1, 512, 512))
	f.Add(uint8(atChoice), uint8(MethodRC4), choice(0, 2, 0, 2000))
	f.Fuzz(func(t *testing.T, stage, methods uint8, in []byte) {
		var sent []byte
		switch stage % atStages {
		case atFirst:
			sent = in
		case atPad:
			sent = append(public(&xb), in...)
		case atChoice:
			sent = append(public(&xb), step4(in)...)
		}
		o := Options{Methods: Method(methods)}
		s, err := initiate(replayed(sent), torrent, o, []byte("payload"), known[0].chanceA())
		if err != nil {
			if s != nil || err.Error() == "" {
				t.Fatalf("a session, and %v", err)
			}
			return
		}
		checkSession(t, s, o.methods())
		if len(s.Initial) > 1024 {
			t.Fatalf("%d initial bytes", len(s.Initial))
		}
	})
}

func checkSession(t *testing.T, s *Session, methods Method) {
	t.Helper()
	if s.InfoHash != torrent {
		t.Fatalf("torrent %x", s.InfoHash)
	}
	if s.Method != MethodPlaintext && s.Method != MethodRC4 || s.Method&methods == 0 {
		t.Fatalf("%v of %v", s.Method, methods)
	}
	b := []byte("some text")
	s.Encrypt(b)
	if plain := string(b) == "some text"; plain != (s.Method == MethodPlaintext) {
		t.Fatalf("%v makes %q", s.Method, b)
	}
}
