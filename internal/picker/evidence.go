package picker

import (
	"crypto/sha256"
	"slices"
)

// maxEvidence is how many blocks of pieces that failed are remembered. Each takes 40 bytes.
const maxEvidence = 100_000

// Evidence is who gave the blocks of pieces that failed, and their hashes. It shows who gave
// wrong ones when the pieces are proven.
type evidence struct {
	attempts []attempt // the oldest first
	blocks   int       // in attempts
}

// An attempt is a piece that failed.
type attempt struct {
	piece  int
	givers []*Peer // of each block
	sums   [][sha256.Size]byte
}

// add remembers an attempt. The oldest ones are forgotten if they are too many.
func (e *evidence) add(a attempt) {
	e.attempts = append(e.attempts, a)
	e.blocks += len(a.givers)
	for e.blocks > maxEvidence {
		e.blocks -= len(e.attempts[0].givers)
		e.attempts = slices.Delete(e.attempts, 0, 1)
	}
}

// forget forgets the attempts of a piece.
func (e *evidence) forget(piece int) {
	e.attempts = slices.DeleteFunc(e.attempts, func(a attempt) bool {
		if a.piece == piece {
			e.blocks -= len(a.givers)
		}
		return a.piece == piece
	})
}

// liars returns the peers that gave blocks of a piece with other hashes than sums.
func (e *evidence) liars(piece int, sums [][sha256.Size]byte) (liars []*Peer) {
	for _, a := range e.attempts {
		if a.piece != piece || len(a.sums) != len(sums) {
			continue
		}
		for i, p := range a.givers {
			if a.sums[i] != sums[i] && !slices.Contains(liars, p) {
				liars = append(liars, p)
			}
		}
	}
	return liars
}
