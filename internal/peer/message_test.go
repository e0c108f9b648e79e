package peer

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// testPieces is of the torrent of these tests: a bitfield has two bytes.
const testPieces = 12

const (
	rootHex  = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	hashBody = rootHex + "00000002 00000200 00000100 00000007"
)

// Every message, as it is on the wire and as it is here.
var messages = []struct {
	hex string
	m   Message
}{
	{"00000000", Message{ID: IDKeepAlive}},
	{"00000001 00", Message{ID: IDChoke}},
	{"00000001 01", Message{ID: IDUnchoke}},
	{"00000001 02", Message{ID: IDInterested}},
	{"00000001 03", Message{ID: IDNotInterested}},
	{"00000005 04 0000000b", Message{ID: IDHave, Index: 11}},
	{"00000003 05 fff0", Message{ID: IDBitfield, Payload: []byte{0xff, 0xf0}}},
	{"0000000d 06 00000102 00034000 00004000", Message{ID: IDRequest, Index: 0x102, Begin: 0x34000, Length: 16384}},
	{"0000000c 07 00000102 00034000 626c6b", Message{ID: IDPiece, Index: 0x102, Begin: 0x34000, Payload: []byte("blk")}},
	{"00000009 07 00000001 00000000", Message{ID: IDPiece, Index: 1, Payload: []byte{}}},
	{"0000000d 08 ffffffff fffffffe fffffffd", Message{ID: IDCancel, Index: 1<<32 - 1, Begin: 1<<32 - 2, Length: 1<<32 - 3}},
	{"00000003 09 1ae1", Message{ID: IDPort, Port: 6881}},
	{"00000005 0d 00000003", Message{ID: IDSuggest, Index: 3}},
	{"00000001 0e", Message{ID: IDHaveAll}},
	{"00000001 0f", Message{ID: IDHaveNone}},
	{"0000000d 10 00000001 00004000 00003fff", Message{ID: IDReject, Index: 1, Begin: 16384, Length: 16383}},
	{"00000005 11 00000004", Message{ID: IDAllowedFast, Index: 4}},
	{"00000004 14 00 6465", Message{ID: IDExtended, Payload: []byte("de")}},
	{"00000002 14 03", Message{ID: IDExtended, Extension: 3, Payload: []byte{}}},
	{"00000031 15" + hashBody, Message{ID: IDHashRequest}},
	{"00000051 16" + hashBody + rootHex, Message{ID: IDHashes}},
	{"00000031 17" + hashBody, Message{ID: IDHashReject}},
	{"00000001 0a", Message{ID: 10, Payload: []byte{}}},
	{"00000003 fa 0102", Message{ID: 250, Payload: []byte{1, 2}}},
}

func TestMessages(t *testing.T) {
	var stream []byte
	for _, tt := range messages {
		wire := unhex(t, tt.hex)
		want := tt.m
		switch want.ID {
		case IDHashRequest, IDHashes, IDHashReject:
			want.Payload = wire[5:]
		case IDChoke, IDUnchoke, IDInterested, IDNotInterested, IDHaveAll, IDHaveNone:
			want.Payload = []byte{}
		}
		got, n, err := Next(wire, testPieces)
		if err != nil || n != len(wire) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, %d, %v", want.ID, got, n, err)
		}
		if got := want.Append([]byte("before")); string(got) != "before"+string(wire) {
			t.Errorf("%s: wrote %x", want.ID, got)
		}
		if got := tt.m.Append(nil); want.ID < IDHashRequest && !bytes.Equal(got, wire) {
			t.Errorf("%s: wrote %x without a payload", want.ID, got)
		}
		stream = append(stream, wire...)
	}

	// The same from a stream, of which all is there or only so much.
	rest := stream
	for _, tt := range messages {
		m, n, err := Next(rest, testPieces)
		if err != nil || m.ID != tt.m.ID {
			t.Fatalf("%s: read %+v, %v", tt.m.ID, m, err)
		}
		if cap(m.Payload) > len(m.Payload) {
			t.Errorf("%s: an append to the payload overwrites the next message", tt.m.ID)
		}
		for have := range n {
			m, want, err := Next(rest[:have], testPieces)
			if err != nil || want <= have || want > n {
				t.Errorf("%s: with %d bytes of %d wants %d, %v", tt.m.ID, have, n, want, err)
			}
			known := Message{ID: IDKeepAlive}
			if have >= 5 {
				known.ID = tt.m.ID
				if want != n {
					t.Errorf("%s: with %d bytes wants %d, and has %d", tt.m.ID, have, want, n)
				}
			}
			if !reflect.DeepEqual(m, known) {
				t.Errorf("%s: with %d bytes is %+v", tt.m.ID, have, m)
			}
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
}

// The lengths that each message may have, by id.
func TestLengths(t *testing.T) {
	type span struct{ least, most uint32 }
	want := map[byte]span{
		0: {1, 1}, 1: {1, 1}, 2: {1, 1}, 3: {1, 1}, 4: {5, 5}, 5: {3, 3}, 6: {13, 13}, 7: {9, 16393}, 8: {13, 13},
		9: {3, 3}, 13: {5, 5}, 14: {1, 1}, 15: {1, 1}, 16: {13, 13}, 17: {5, 5}, 20: {2, 65536}, 21: {49, 49},
		22: {81, 263761}, 23: {49, 49},
	}
	for id := range 256 {
		w, ok := want[byte(id)]
		if !ok {
			w = span{1, 1024}
		}
		for _, length := range []uint32{1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 13, 14, 48, 49, 50, 80, 81, w.most, w.most + 1, 1 << 20, 1 << 31, 1<<32 - 1} {
			head := []byte{byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length), byte(id)}
			m, n, err := Next(head, testPieces)
			switch {
			case length < w.least || length > w.most:
				if err == nil || n != 0 || !reflect.DeepEqual(m, Message{}) {
					t.Errorf("id %d of %d bytes: %+v, %d, %v", id, length, m, n, err)
				}
			case err != nil || n != 4+int(length):
				t.Errorf("id %d of %d bytes: %d, %v", id, length, n, err)
			}
		}
	}
}

func TestBitfieldLengths(t *testing.T) {
	for pieces, bytes := range map[int]byte{0: 0, 1: 1, 7: 1, 8: 1, 9: 2, 16: 2, 17: 3, 1600: 200} {
		for length := range byte(202) {
			_, _, err := Next([]byte{0, 0, 0, 1 + length, 5}, pieces)
			if (err == nil) != (length == bytes) {
				t.Errorf("%d pieces in %d bytes: %v", pieces, length, err)
			}
		}
	}
}

// Before the number of pieces is known a bitfield may have any length that a torrent's may
// have. All other messages have the same limits.
func TestUnknownPieces(t *testing.T) {
	for length, ok := range map[uint32]bool{0: true, 1: true, 2: true, 1 << 10: true, 2 << 20: true, 2<<20 + 1: false, 1<<32 - 2: false} {
		head := append(binary.BigEndian.AppendUint32(nil, 1+length), byte(IDBitfield))
		m, n, err := Next(head, UnknownPieces)
		if (err == nil) != ok || ok && (m.ID != IDBitfield || n != 5+int(length)) {
			t.Errorf("a bitfield of %d bytes: %+v, %d, %v", length, m, n, err)
		}
	}
	for _, tt := range messages {
		wire := unhex(t, tt.hex)
		want, _, _ := Next(wire, testPieces)
		if got, n, err := Next(wire, UnknownPieces); err != nil || n != len(wire) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v, %d, %v", tt.m.ID, got, n, err)
		}
	}
	if _, err := ParseBitfield([]byte{0xff}, UnknownPieces); err == nil {
		t.Error("a bitfield for an unknown number of pieces was parsed")
	}
}

func TestErrorsName(t *testing.T) {
	_, _, err := Next([]byte{0, 0, 0, 14, 6}, testPieces)
	if err == nil || err.Error() != "request message of 14 bytes" {
		t.Error(err)
	}
	seen := map[string]bool{}
	for _, tt := range messages {
		name := tt.m.ID.String()
		if unknown := tt.m.ID == 10 || tt.m.ID == 250; name == "" || unknown != strings.HasPrefix(name, "ID(") {
			t.Errorf("%d is %q", tt.m.ID, name)
		}
		seen[name] = true
	}
	if len(seen) != 22 { // 20 and two that are not known
		t.Errorf("%d names", len(seen))
	}
}

func TestPieceHeader(t *testing.T) {
	block := []byte("a block")
	b := AppendPieceHeader(nil, 7, 32768, len(block))
	if len(b) != PieceHeaderLength {
		t.Errorf("%d bytes", len(b))
	}
	b = append(b, block...)
	m, n, err := Next(b, testPieces)
	if err != nil || n != len(b) || m.ID != IDPiece || m.Index != 7 || m.Begin != 32768 || string(m.Payload) != "a block" {
		t.Errorf("%+v, %d, %v", m, n, err)
	}
}

// A seed does both for every block.
func TestNoAllocations(t *testing.T) {
	root := make([]byte, 32)
	r := HashRequest{Length: 2}
	for _, tt := range messages {
		wire := unhex(t, tt.hex)
		buf := make([]byte, 0, 2*len(wire)+200)
		n := testing.AllocsPerRun(100, func() {
			m, _, err := Next(wire, testPieces)
			if err != nil {
				t.Fatal(err)
			}
			buf = m.Append(buf[:0])
			buf = AppendPieceHeader(buf, m.Index, m.Begin, 16384)
			buf = append(r.AppendHashesHeader(buf[:0]), root...)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", tt.m.ID, n)
		}
	}
}
