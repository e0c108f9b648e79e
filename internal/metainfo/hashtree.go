package metainfo

import (
	"crypto/sha256"
	"math/bits"
)

// BlockLength is the length of a block in bytes. Peers request blocks, and the leaves
// of v2 hash trees are SHA-256 hashes of blocks.
const BlockLength = 16 << 10

// A HashTree computes the root of a hash tree (BEP 52) from the hashes of one layer,
// from left to right. It stores one hash per layer. The zero HashTree takes leaves.
//
//	           root                 the pieces root of a file
//	    n               n
//	 p      p        p      0       the piece layer: one hash per piece; 0 is the root of a tree of zeros
//	b b    b b      b 0    0 0      leaves: the SHA-256 of each block; 32 zero bytes if there is no block
type HashTree struct {
	layer int // the layer of the hashes that are added, counted from the leaves
	n     uint64
	left  [maxTreeHeight][32]byte // by height, the roots of complete trees
}

// Files have less than 2^63 bytes, and so less than 2^49 blocks.
const maxTreeHeight = 50

// zeroTrees are the roots of trees without blocks, by height.
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

// Reset empties the tree. layer is that of the hashes to add: 0 for leaves, PieceHeight
// for the hashes of pieces.
func (t *HashTree) Reset(layer int) { t.layer, t.n = layer, 0 }

// Add adds the next hash.
func (t *HashTree) Add(hash *[32]byte) {
	h := *hash
	i := 0
	for ; t.n>>i&1 == 1; i++ {
		h = parent(&t.left[i], &h)
	}
	t.left[i] = h
	t.n++
}

// Root returns the root of the hashes, padded with zeros to a power of two. The height
// of the tree is at least least.
func (t *HashTree) Root(least int) [32]byte {
	if t.n == 0 {
		return zeroTrees[t.layer+least]
	}
	height := max(least, bits.Len64(t.n-1))
	// Combine the complete trees from the lowest up, with zeros to the right.
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

// PieceHeight returns the height of the tree of a piece, in files of more than one
// piece.
func PieceHeight(pieceLength int64) int { return bits.Len64(uint64(pieceLength)/BlockLength) - 1 }
