package maketorrent

import (
	"encoding/binary"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A target is a layout whose pieces are hashed, and their sums.
type target struct {
	piece.Target
	sha1    []byte     // v1: 20 bytes per piece
	roots   [][32]byte // v2: one per piece
	known   []uint64   // a bit for each piece that is not hashed
	same    []pieceAt  // nil, or for each piece another one with the same bytes
	cached  int64      // bytes of the pieces whose sums were in the cache
	reused  int64      // bytes of the pieces whose sums were in another torrent
	unknown int64      // bytes of the others, if the cache was searched
}

// largeFile is the least size of a file whose pieces are searched for others with the same
// bytes. Smaller files are cheaper to hash than to look up.
const largeFile = 1 << 20

// A pieceAt is a piece of a target.
type pieceAt struct {
	target *target
	index  int
}

func newTarget(t piece.Target) *target {
	n := t.Layout.Pieces()
	own := &target{Target: t, known: make([]uint64, (n+63)/64)}
	if t.V1 {
		own.sha1 = make([]byte, 20*n)
	}
	if t.V2 {
		own.roots = make([][32]byte, n)
	}
	return own
}

// covers reports whether t has the kinds of sums that other has.
func (t *target) covers(other *target) bool { return (t.V1 || !other.V1) && (t.V2 || !other.V2) }

// setKnown records that a piece need not be hashed.
func (t *target) setKnown(i int) { t.known[i/64] |= 1 << (i % 64) }

func (t *target) isKnown(i int) bool { return t.known[i/64]&(1<<(i%64)) != 0 }

// setSame records that a piece has the bytes of another one, which is hashed.
func (t *target) setSame(i int, as pieceAt) {
	t.setKnown(i)
	if t.same == nil {
		t.same = make([]pieceAt, t.Layout.Pieces())
	}
	t.same[i] = as
}

// set stores the sums of a piece.
func (t *target) set(i int, sha1 *[20]byte, root *[32]byte) {
	if t.V1 {
		copy(t.sha1[20*i:], sha1[:])
	}
	if t.V2 {
		t.roots[i] = *root
	}
}

// fakeRoots sets the roots that are not known to different values, for a torrent without
// hashes of the content. Roots of zeros can't be parsed, and files with the same root have
// one piece layer, so the torrent would be smaller.
func (t *target) fakeRoots() {
	for i := range t.roots {
		if t.roots[i] == ([32]byte{}) {
			t.roots[i][0] = 1
			binary.LittleEndian.PutUint64(t.roots[i][1:], uint64(i))
		}
	}
}

// copySame stores the sums of the pieces that have the bytes of another one.
func (t *target) copySame() {
	for i, as := range t.same {
		if as.target == nil {
			continue
		}
		if t.V1 {
			copy(t.sha1[20*i:20*i+20], as.target.sha1[20*as.index:])
		}
		if t.V2 {
			t.roots[i] = as.target.roots[as.index]
		}
	}
}

// size returns the number of bytes of a piece that are in files, and whether one of
// these files is large.
func (t *target) size(i int) (n int64, large bool) {
	for _, span := range t.Layout.Spans(i, i) {
		if span.File != metainfo.Gap {
			n += span.Length
			large = large || t.Layout.Length(span.File) >= largeFile
		}
	}
	return n, large
}

// v2 returns the pieces roots and piece layers of the files for a piece length of a
// multiple of that of t.
func (t *target) v2(pieceLength int64) (roots [][32]byte, layers []byte) {
	roots = make([][32]byte, t.Layout.Files())
	own := metainfo.PieceHeight(t.Layout.PieceLength())
	up := metainfo.PieceHeight(pieceLength) - own
	var tree, whole metainfo.HashTree
	for i := range roots {
		first, last, ok := t.Layout.FilePieces(i)
		if !ok {
			continue
		}
		if first == last { // its root is as high as needed
			roots[i] = t.roots[first]
			continue
		}
		whole.Reset(own)
		for k := first; k <= last; k++ {
			whole.Add(&t.roots[k])
		}
		if roots[i] = whole.Root(0); t.Layout.Length(i) <= pieceLength {
			continue
		}
		for k := first; k <= last; k += 1 << up {
			tree.Reset(own)
			for n := k; n <= min(last, k+1<<up-1); n++ {
				tree.Add(&t.roots[n])
			}
			node := tree.Root(up)
			layers = append(layers, node[:]...)
		}
	}
	return roots, layers
}
