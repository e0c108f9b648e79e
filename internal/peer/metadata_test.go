package peer

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
)

var block16K = strings.Repeat("m", BlockLength)

// Messages that are written as they are read.
var metadataMessages = []struct {
	name, wire string
	m          Metadata
}{
	{"request", "d8:msg_typei0e5:piecei0ee", Metadata{Kind: MetadataRequest}},
	{"request of the last piece there may be", "d8:msg_typei0e5:piecei65535ee", Metadata{Piece: 65535}},
	{"reject", "d8:msg_typei2e5:piecei7ee", Metadata{Kind: MetadataReject, Piece: 7}},
	{"reject, as libtorrent writes it", "d8:msg_typei2e5:piecei7e10:total_sizei3425ee", Metadata{Kind: MetadataReject, Piece: 7, TotalSize: 3425}},
	{"data", "d8:msg_typei1e5:piecei0e10:total_sizei8ee" + "d4:name8", Metadata{Kind: MetadataData, TotalSize: 8, Data: []byte("d4:name8")}},
	{"data of 16 KiB", "d8:msg_typei1e5:piecei0e10:total_sizei16384ee" + block16K, Metadata{Kind: MetadataData, TotalSize: 16384, Data: []byte(block16K)}},
	{"the first of two", "d8:msg_typei1e5:piecei0e10:total_sizei16385ee" + block16K, Metadata{Kind: MetadataData, TotalSize: 16385, Data: []byte(block16K)}},
	{"the second of two", "d8:msg_typei1e5:piecei1e10:total_sizei16385eee", Metadata{Kind: MetadataData, Piece: 1, TotalSize: 16385, Data: []byte("e")}},
	{"data of a size not told", "d8:msg_typei1e5:piecei9eexyz", Metadata{Kind: MetadataData, Piece: 9, Data: []byte("xyz")}},
}

func TestMetadata(t *testing.T) {
	for _, tt := range metadataMessages {
		got, err := ParseMetadata([]byte(tt.wire))
		if err != nil || !reflect.DeepEqual(got, tt.m) {
			t.Errorf("%s: read %.100v, %v", tt.name, got, err)
		}
		wire := tt.m.Append(nil, 9)
		m, n, err := Next(wire, testPieces)
		if err != nil || n != len(wire) || m.ID != IDExtended || m.Extension != 9 || string(m.Payload) != tt.wire {
			t.Errorf("%s: wrote %.100q, %v", tt.name, wire, err)
		}
	}
}

func TestOddMetadata(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		want       Metadata
	}{
		{"a kind to come", "d8:msg_typei3e5:piecei0ee", Metadata{Kind: MetadataUnknown}},
		{"a kind to come without a piece", "d8:msg_typei255ee", Metadata{Kind: MetadataUnknown}},
		{"a negative kind, as 2 in 8 bits", "d8:msg_typei-254e5:piecei0ee", Metadata{Kind: MetadataUnknown}},
		{"a kind as 0 in 8 bits", "d8:msg_typei256e5:piecei0ee", Metadata{Kind: MetadataUnknown}},
		{"bytes after a request", "d8:msg_typei0e5:piecei1eexyz", Metadata{Piece: 1}},
		{"keys unsorted", "d5:piecei1e8:msg_typei2ee", Metadata{Kind: MetadataReject, Piece: 1}},
		{"a total size that is none", "d8:msg_typei1e5:piecei0e10:total_sizei-8eexyz", Metadata{Kind: MetadataData, Data: []byte("xyz")}},
	} {
		got, err := ParseMetadata([]byte(tt.wire))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	for _, tt := range []struct{ name, wire string }{
		{"nothing", ""},
		{"no dict", "le"},
		{"no bencode", "xyz"},
		{"an empty dict", "de"},
		{"no kind", "d5:piecei1ee"},
		{"a kind that is not a number", "d8:msg_type1:05:piecei1ee"},
		{"no piece", "d8:msg_typei0ee"},
		{"a negative piece", "d8:msg_typei0e5:piecei-1ee"},
		{"a piece beyond what there may be", "d8:msg_typei0e5:piecei65536ee"},
		{"a piece beyond 64 bits", "d8:msg_typei0e5:piecei18446744073709551616ee"},
		{"no data", "d8:msg_typei1e5:piecei0e10:total_sizei8ee"},
		{"data of an empty dict", "d8:msg_typei1e5:piecei0e10:total_sizei0ee"},
		{"too little data", "d8:msg_typei1e5:piecei0e10:total_sizei8ee1234567"},
		{"too much data", "d8:msg_typei1e5:piecei0e10:total_sizei8ee123456789"},
		{"too much data for any piece", "d8:msg_typei1e5:piecei0e10:total_sizei99999ee" + block16K + "x"},
		{"the same, of a size not told", "d8:msg_typei1e5:piecei0ee" + block16K + "x"},
		{"data after the end", "d8:msg_typei1e5:piecei1e10:total_sizei16384eex"},
		{"data far after the end", "d8:msg_typei1e5:piecei65535e10:total_sizei1eex"},
	} {
		if got, err := ParseMetadata([]byte(tt.wire)); err == nil {
			t.Errorf("%s: %.100v", tt.name, got)
		}
	}
}

func TestMetadataPiece(t *testing.T) {
	for _, size := range []int{0, 1, BlockLength - 1, BlockLength, BlockLength + 1, 3 * BlockLength} {
		info := bytes.Repeat([]byte("0123456789abc"), size/13+1)[:size]
		var whole []byte
		n := 0
		for ; ; n++ {
			data, ok := MetadataPiece(info, n)
			if !ok {
				break
			}
			m := Metadata{Kind: MetadataData, Piece: n, TotalSize: size, Data: data}
			wire := m.Append(nil, 1)
			got, err := ParseMetadata(wire[6:])
			if err != nil {
				t.Fatalf("piece %d of %d bytes: %v", n, size, err)
			}
			whole = append(whole, got.Data...)
		}
		if !bytes.Equal(whole, info) || n != (size+BlockLength-1)/BlockLength {
			t.Errorf("%d bytes in %d pieces are %d", size, n, len(whole))
		}
		for _, i := range []int{-1, n, n + 1, 1 << 20, math.MinInt, math.MaxInt} {
			if _, ok := MetadataPiece(info, i); ok {
				t.Errorf("piece %d of %d", i, n)
			}
		}
	}
}
