package peer

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A Bitfield has a bit a piece, from the highest of the first byte on, and
// zeros after the last. Its methods take pieces that are in it, and panic where
// an index of its bytes would.
type Bitfield []byte

// bitfieldLength is the length in bytes for so many pieces.
func bitfieldLength(pieces int) int { return (pieces + 7) / 8 }

// NewBitfield returns one for so many pieces, of which none is set.
func NewBitfield(pieces int) Bitfield { return make(Bitfield, bitfieldLength(pieces)) }

// FullBitfield returns one for so many pieces, of which all are set.
func FullBitfield(pieces int) Bitfield {
	f := Bitfield(bytes.Repeat([]byte{0xff}, bitfieldLength(pieces)))
	if len(f) > 0 {
		f[len(f)-1] = 0xff << spareBits(pieces)
	}
	return f
}

// spareBits is how many bits of the last byte belong to no piece.
func spareBits(pieces int) int { return -pieces & 7 }

// ParseBitfield reads the payload of a bitfield message of a torrent of so many
// pieces, and shares its memory. Spare bits must be zero (BEP 3).
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

// Clear takes piece i back.
func (f Bitfield) Clear(i int) { f[i>>3] &^= 0x80 >> (i & 7) }

// Has reports whether piece i is set.
func (f Bitfield) Has(i int) bool { return f[i>>3]&(0x80>>(i&7)) != 0 }

// Count counts the pieces that are set.
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

// All reports whether all pieces are set, of which there are so many.
func (f Bitfield) All(pieces int) bool { return f.Count() == pieces }
