package metainfo

import (
	"crypto/sha256"
	"math/bits"
)

// BlockLength is the length of a block: what peers request at a time, and what
// a leaf of v2's hash trees is the SHA-256 of.
const BlockLength = 16 << 10

// A HashTree computes the root of a hash tree (BEP 52) from hashes of one
// layer, given from left to right. It keeps one hash a layer. The zero HashTree
// takes leaves.
//
//	           root                 the pieces root of a file
//	    n               n
//	 p      p        p      0       the piece layer: a hash a piece; 0 is a tree of zeros
//	b b    b b      b 0    0 0      leaves: a SHA-256 a block, 32 zero bytes where there is none
type HashTree struct {
	layer int // of the hashes that are given, from the leaves
	n     uint64
	left  [maxTreeHeight][32]byte // by height, the trees that are complete
}

// Files have less than 2^63 bytes, and so less than 2^49 blocks.
const maxTreeHeight = 50

// zeroTrees are the roots of trees, by height, that have no block.
var zeroTrees = func() (t [maxTreeHeight + 1][32]byte) {
	for i := range maxTreeHeight {
		t[i+1] = parent(&t[i], &t[i])
	}
	return t
}()

func parent(left, right *[32]byte) [32]byte {
	var both [64]byte
	copy(both[:32], left[:])
	copy(both[32:], right[:])
	return sha256.Sum256(both[:])
}

// Reset makes t an empty tree that takes the hashes of a layer: 0 are the
// leaves, PieceHeight the pieces.
func (t *HashTree) Reset(layer int) { t.layer, t.n = layer, 0 }

// Add gives the next hash.
func (t *HashTree) Add(hash *[32]byte) {
	h := *hash
	i := 0
	for ; t.n>>i&1 == 1; i++ {
		h = parent(&t.left[i], &h)
	}
	t.left[i] = h
	t.n++
}

// Root is the root over the hashes that were given and zeros up to a power of
// two: the least that there is, in a tree of no less height than least.
func (t *HashTree) Root(least int) [32]byte {
	if t.n == 0 {
		return zeroTrees[t.layer+least]
	}
	height := max(least, bits.Len64(t.n-1))
	// From the lowest of the complete trees up, with zeros to its right.
	i := bits.TrailingZeros64(t.n)
	h := t.left[i]
	for ; i < height; i++ {
		if t.n>>i&1 == 1 && t.n&(1<<i-1) != 0 {
			h = parent(&t.left[i], &h)
		} else {
			h = parent(&h, &zeroTrees[t.layer+i])
		}
	}
	return h
}

// PieceHeight is the height of the tree of a piece in a file of several.
func PieceHeight(pieceLength int64) int { return bits.Len64(uint64(pieceLength)/BlockLength) - 1 }
