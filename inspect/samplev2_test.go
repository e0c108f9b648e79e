package inspect

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

// v2Piece is the length of a piece of two blocks, so that pieces have trees.
const v2Piece = 2 * metainfo.BlockLength

// A promise is the difference between the torrent of a v2 sample and the data on disk.
// Its zero value is a correct v2 torrent.
type promise struct {
	hybrid    bool
	v1, v2    lie
	layerless string // names of the files whose piece layer is left out
}

// A lie returns the data that the hashes of v1 or v2 are made from, given the true
// data.
type lie func(name string, data []byte)

// flipped returns a lie about one byte of a file.
func flipped(file string, offset int64) lie {
	return func(name string, data []byte) {
		if name == file {
			data[offset] ^= 1
		}
	}
}

func (l lie) of(name string, data []byte) []byte {
	data = bytes.Clone(data)
	if l != nil {
		l(name, data)
	}
	return data
}

// newSampleV2 is newSample for v2 and hybrids. Files of the same size have the same
// content.
func newSampleV2(t *testing.T, p promise, sizes ...int64) *sample {
	t.Helper()
	s := &sample{dir: t.TempDir(), sizes: sizes}
	b := metainfo.Builder{V1: p.hybrid, V2: true, Name: "content", PieceLength: v2Piece}
	if err := os.Mkdir(filepath.Join(s.dir, "content"), 0o755); err != nil {
		t.Fatal(err)
	}
	var leaveOut []string
	for i, n := range sizes {
		data := make([]byte, n)
		for j := range data {
			data[j] = byte(int(n)*31 + j*7 + j/100)
		}
		if err := os.WriteFile(s.path(i), data, 0o644); err != nil {
			t.Fatal(err)
		}
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{name(i)}, Length: n})
		if p.hybrid {
			b.Pieces = append(b.Pieces, v1Hashes(p.v1.of(name(i), data), len(sizes) > 1)...)
		}
		root, layer := v2Hashes(p.v2.of(name(i), data))
		b.PiecesRoots, b.PieceLayers = append(b.PiecesRoots, root), append(b.PieceLayers, layer...)
		if strings.Contains(p.layerless, name(i)) {
			leaveOut = append(leaveOut, fmt.Sprintf("32:%s%d:%s", root, len(layer), layer))
		}
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range leaveOut {
		if !bytes.Contains(out, []byte(layer)) {
			t.Fatal("there is no layer to leave out")
		}
		out = bytes.Replace(out, []byte(layer), nil, 1)
	}
	if s.t, err = metainfo.Parse(out); err != nil {
		t.Fatal(err)
	}
	return s
}

// v1Hashes returns the v1 hashes of a file in a hybrid. Its last piece is padded,
// unless it is the only file.
func v1Hashes(data []byte, padded bool) (hashes []byte) {
	for p := range slices.Chunk(data, v2Piece) {
		if p = bytes.Clone(p); padded {
			p = append(p, make([]byte, v2Piece-len(p))...)
		}
		sum := sha1.Sum(p)
		hashes = append(hashes, sum[:]...)
	}
	return hashes
}

// v2Hashes returns the pieces root of a file, and its piece layer if it has more than
// one piece.
func v2Hashes(data []byte) (root [32]byte, layer []byte) {
	blocks := 1
	for blocks*metainfo.BlockLength < len(data) {
		blocks *= 2
	}
	if len(data) > v2Piece {
		for p := range slices.Chunk(data, v2Piece) {
			hash := hashTree(p, v2Piece/metainfo.BlockLength)
			layer = append(layer, hash[:]...)
		}
	}
	return hashTree(data, blocks), layer
}

// hashTree returns the root of the tree over a number of blocks, with zeros beyond the
// data.
func hashTree(data []byte, blocks int) [32]byte {
	if blocks == 1 {
		if len(data) == 0 {
			return [32]byte{}
		}
		return sha256.Sum256(data)
	}
	half := min(blocks/2*metainfo.BlockLength, len(data))
	left, right := hashTree(data[:half], blocks/2), hashTree(data[half:], blocks/2)
	return sha256.Sum256(append(left[:], right[:]...))
}
