package peer

import (
	"bytes"
	"reflect"
	"testing"
)

// Whatever is read is written as it was, and is asked for no sooner and no later
// than it is there.
func FuzzNext(f *testing.F) {
	for _, tt := range messages {
		f.Add(append(unhex(f, tt.hex), 0, 0, 0, 0), testPieces)
		f.Add(unhex(f, tt.hex), UnknownPieces)
	}
	f.Fuzz(func(t *testing.T, in []byte, pieces int) {
		most := maxUnknownPieces
		if pieces < 0 {
			pieces = UnknownPieces
		} else {
			pieces &= 1<<20 - 1
			most = pieces
		}
		m, n, err := Next(in, pieces)
		if err != nil {
			if n != 0 || !reflect.DeepEqual(m, Message{}) {
				t.Fatalf("%+v, %d with an error", m, n)
			}
			return
		}
		if n < 4 || n > 4+max(MaxHashes, 1+bitfieldLength(most)) {
			t.Fatalf("%d bytes", n)
		}
		if n > len(in) {
			if !reflect.DeepEqual(m, Message{ID: m.ID}) {
				t.Fatalf("%+v, of which %d of %d bytes are there", m, len(in), n)
			}
			return
		}
		if got := m.Append(nil); !bytes.Equal(got, in[:n]) {
			t.Fatalf("wrote %x, was %x", got, in[:n])
		}
		for have := range min(n, 64) {
			if _, want, err := Next(in[:have], pieces); err != nil || want <= have || want > n {
				t.Fatalf("of %d bytes %d are there and %d wanted: %v", n, have, want, err)
			}
		}
		if m.ID == IDBitfield && pieces >= 0 {
			fuzzBitfield(t, m.Payload, pieces)
		}
	})
}

func fuzzBitfield(t *testing.T, payload []byte, pieces int) {
	f, err := ParseBitfield(payload, pieces)
	if err != nil {
		return
	}
	again, n := NewBitfield(pieces), 0
	for i := range pieces {
		if f.Has(i) {
			again.Set(i)
			n++
		}
	}
	if !bytes.Equal(again, f) || f.Count() != n || f.All(pieces) != (n == pieces) {
		t.Fatalf("%d of %d: %x, %x", n, pieces, []byte(f), []byte(again))
	}
}

func FuzzParseHandshake(f *testing.F) {
	for _, tt := range handshakes {
		f.Add(unhex(f, greetingHex+tt.reserved+infoHashHex+peerIDHex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := ParseHandshake(in)
		if (err == nil) != (len(in) >= HandshakeLength && IsHandshake(in)) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(h.Append(nil), in[:HandshakeLength]) {
			t.Fatalf("wrote %x", h.Append(nil))
		}
	})
}

// A parsed message, appended and parsed again, is the same.
func FuzzParseExtendedHandshake(f *testing.F) {
	for _, tt := range extendedHandshakes {
		f.Add([]byte(tt.wire))
	}
	f.Add([]byte("d1:md1:ai0e1:bi255e1:ci256e1:a0:e1:pi0e4:reqqi-1ee x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := ParseExtendedHandshake(in)
		if err != nil {
			return
		}
		if len(h.Extensions) > MaxExtensions || len(h.Client) > MaxClient || h.Queue < 0 || h.Queue > MaxQueue || h.MetadataSize < 0 || h.MetadataSize > MaxMetadata {
			t.Fatalf("%+v", h)
		}
		wire := h.Append(nil)
		m, n, err := Next(wire, 0)
		if err != nil || n != len(wire) || m.ID != IDExtended || m.Extension != ExtHandshake {
			t.Fatalf("wrote %q, %v", wire, err)
		}
		if again, err := ParseExtendedHandshake(m.Payload); err != nil || !reflect.DeepEqual(again, h) {
			t.Fatalf("%+v, %+v, %v", h, again, err)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for _, tt := range metadataMessages {
		if len(tt.wire) < 100 { // long ones keep the fuzzer busy with making them short
			f.Add([]byte(tt.wire))
		}
	}
	f.Add([]byte("d8:msg_typei3e5:piecei0eexyz"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseMetadata(in)
		if err != nil || m.Kind == MetadataUnknown {
			return
		}
		if len(m.Data) > BlockLength || !bytes.HasSuffix(in, m.Data) || (len(m.Data) > 0) != (m.Kind == MetadataData) {
			t.Fatalf("%+v", m)
		}
		wire := m.Append(nil, 1)
		next, n, err := Next(wire, 0)
		if err != nil || n != len(wire) || next.ID != IDExtended || next.Extension != 1 {
			t.Fatalf("wrote %q, %v", wire, err)
		}
		if again, err := ParseMetadata(next.Payload); err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v, %+v, %v", m, again, err)
		}
	})
}

// FuzzParseHashRequest reads its input as a request and as an answer to one.
func FuzzParseHashRequest(f *testing.F) {
	f.Add(unhex(f, hashBody), int64(40), 2)
	f.Add(unhex(f, rootHex+"00000002 00000008 00000001 00000003"), int64(36), 2)
	f.Add(unhex(f, rootHex+"00000000 00000800 00000800 00000013"), int64(1<<20), 11)
	f.Add(unhex(f, rootHex+"00000000 00000000 00000002 00000001"+rootHex+rootHex+rootHex), int64(4), 0)
	f.Fuzz(func(t *testing.T, in []byte, blocks int64, pieceLayer int) {
		if r, hashes, err := ParseHashes(in); err == nil {
			if got := append(r.AppendHashesHeader(nil), hashes...); !bytes.Equal(got[5:], in) || !fits(got) {
				t.Fatalf("wrote %x", got)
			}
		}
		r, err := ParseHashRequest(in)
		if err != nil {
			return
		}
		if got := r.Append(nil); !bytes.Equal(got[5:], in) {
			t.Fatalf("wrote %x", got)
		}
		if r.Check(blocks, pieceLayer) != nil {
			return
		}
		layer, n := r.Uncles()
		height := heightOf64(blocks)
		if !libtorrentServes(&r, blocks) || layer > height || n < 0 || n > 0 && layer+n > height || r.Length > MaxLeaves {
			t.Fatalf("%+v of %d blocks, %d uncles from layer %d", r, blocks, n, layer)
		}
		if !fits(r.AppendHashesHeader(nil)) {
			t.Fatalf("%+v: the answer is too long", r)
		}
	})
}

// heightOf64 counts the layers above the leaves one by one.
func heightOf64(leaves int64) int {
	h := 0
	for ; leaves > 1; h++ {
		leaves = leaves/2 + leaves%2
	}
	return h
}
