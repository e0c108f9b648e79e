package peer

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A Bitfield has one bit per piece, from the highest bit of the first byte on, followed
// by spare zero bits. Its methods panic if an index is beyond its bytes.
type Bitfield []byte

// bitfieldLength returns the length in bytes for a number of pieces.
func bitfieldLength(pieces int) int { return (pieces + 7) / 8 }

// NewBitfield returns an empty Bitfield for a number of pieces.
func NewBitfield(pieces int) Bitfield { return make(Bitfield, bitfieldLength(pieces)) }

// FullBitfield returns a Bitfield for a number of pieces with all of them set.
func FullBitfield(pieces int) Bitfield {
	f := Bitfield(bytes.Repeat([]byte{0xff}, bitfieldLength(pieces)))
	if len(f) > 0 {
		f[len(f)-1] = 0xff << spareBits(pieces)
	}
	return f
}

// spareBits returns the number of unused bits in the last byte.
func spareBits(pieces int) int { return -pieces & 7 }

// ParseBitfield parses the payload of a bitfield message for a torrent with the given
// number of pieces. The result shares memory with payload. Spare bits must be zero (BEP
// 3).
func ParseBitfield(payload []byte, pieces int) (Bitfield, error) {
	if len(payload) != bitfieldLength(pieces) {
		return nil, errorf("a bitfield of %d bytes for %d pieces", len(payload), pieces)
	}
	if n := len(payload); n > 0 && payload[n-1]&(1<<spareBits(pieces)-1) != 0 {
		return nil, errorf("a bitfield with more than %d pieces", pieces)
	}
	return Bitfield(payload), nil
}

// Set sets piece i.
func (f Bitfield) Set(i int) { f[i>>3] |= 0x80 >> (i & 7) }

// Clear clears piece i.
func (f Bitfield) Clear(i int) { f[i>>3] &^= 0x80 >> (i & 7) }

// Has reports whether piece i is set.
func (f Bitfield) Has(i int) bool { return f[i>>3]&(0x80>>(i&7)) != 0 }

// Count returns the number of pieces that are set.
func (f Bitfield) Count() int {
	n := 0
	for ; len(f) >= 8; f = f[8:] {
		n += bits.OnesCount64(binary.NativeEndian.Uint64(f))
	}
	for _, b := range f {
		n += bits.OnesCount8(b)
	}
	return n
}

// All reports whether all pieces are set. pieces is their number.
func (f Bitfield) All(pieces int) bool { return f.Count() == pieces }
