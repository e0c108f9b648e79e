package availability

import (
	"math/bits"

	"bt/internal/peer"
)

// maxPieces is the maximum number of pieces of a torrent whose copies are counted.
const maxPieces = 1 << 24

// Rarest describes the pieces with the fewest copies.
type Rarest struct {
	Piece  int // index of the first of them
	Copies int // peers that have it
	Pieces int // number of pieces with so few copies
}

// A tally counts the copies of each piece.
type tally struct {
	seeds  int      // peers that have all pieces
	others []uint16 // by piece, the number of other peers that have it; there are at most MaxPeers
}

func newTally(pieces int) *tally { return &tally{others: make([]uint16, pieces)} }

// add counts the pieces of a peer.
func (t *tally) add(has peer.Bitfield) {
	for i, b := range has {
		for ; b != 0; b &= b - 1 {
			t.others[8*i+bits.LeadingZeros8(b&-b)]++
		}
	}
}

// rarest returns the pieces with the fewest copies.
func (t *tally) rarest() Rarest {
	r := Rarest{Copies: int(t.others[0])}
	for i, n := range t.others {
		switch n := int(n); {
		case n < r.Copies:
			r = Rarest{i, n, 1}
		case n == r.Copies:
			r.Pieces++
		}
	}
	r.Copies += t.seeds
	return r
}

// copies returns the number of distributed copies, rounded down to thousandths.
func (t *tally) copies() float64 {
	r := t.rarest()
	more := len(t.others) - r.Pieces
	return float64(1000*r.Copies+1000*more/len(t.others)) / 1000
}
