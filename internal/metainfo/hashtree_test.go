package metainfo

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
)

// naiveRoot builds the whole tree, layer by layer.
func naiveRoot(leaves [][32]byte, width int) [32]byte {
	layer := slices.Clone(leaves)
	for len(layer) < width || len(layer)&(len(layer)-1) != 0 {
		layer = append(layer, [32]byte{})
	}
	for len(layer) > 1 {
		var above [][32]byte
		for pair := range slices.Chunk(layer, 2) {
			above = append(above, sha256.Sum256(bytes.Join([][]byte{pair[0][:], pair[1][:]}, nil)))
		}
		layer = above
	}
	return layer[0]
}

func TestHashTree(t *testing.T) {
	var leaves [][32]byte
	for n := 1; n <= 70; n++ {
		leaves = append(leaves, sha256.Sum256([]byte{byte(n)}))
		for height := range 9 {
			var tree HashTree
			for i := range leaves {
				tree.Add(&leaves[i])
			}
			if got, want := tree.Root(height), naiveRoot(leaves, 1<<height); got != want {
				t.Errorf("%d leaves, height %d: %x, want %x", n, height, got, want)
			}
		}
		// In two steps: pieces of 4 blocks, and the layer of the pieces.
		var piece, file HashTree
		height := PieceHeight(4 * BlockLength)
		file.Reset(height)
		for blocks := range slices.Chunk(leaves, 4) {
			piece.Reset(0)
			for i := range blocks {
				piece.Add(&blocks[i])
			}
			root := piece.Root(height)
			file.Add(&root)
		}
		if got, want := file.Root(0), naiveRoot(leaves, 4); n > 4 && got != want {
			t.Errorf("%d leaves by way of pieces: %x, want %x", n, got, want)
		}
	}
	var empty HashTree
	if got, want := empty.Root(5), naiveRoot(make([][32]byte, 1), 32); got != want {
		t.Errorf("no leaf: %x, want %x", got, want)
	}
}

// naiveLayerRoot is the root over a piece layer.
func naiveLayerRoot(layer [][32]byte, pieceLength int64) [32]byte {
	layer = slices.Clone(layer)
	absent := naiveRoot(make([][32]byte, 1), int(pieceLength/BlockLength))
	for len(layer)&(len(layer)-1) != 0 {
		layer = append(layer, absent)
	}
	return naiveRoot(layer, 1)
}
