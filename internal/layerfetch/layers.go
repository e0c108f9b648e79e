package layerfetch

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/peer"
)

// spanPieces is the number of hashes of all spans but the last of a file.
const spanPieces = peer.MaxHashCount

// layers are the piece layers that a torrent lacks.
type layers struct {
	pieceLayer int           // its number, counted from the leaves
	files      []file        // sorted by pieces root
	hashes     []byte        // the layers of all files; nil until the first span arrives
	has        peer.Bitfield // spans that are in hashes
	spans      int
	missing    int // spans
}

// A file stands for all files with a pieces root.
type file struct {
	root   *[32]byte
	pieces int
	at     int // its first piece in hashes
	span   int // its first span
}

// newLayers lists the layers that t lacks.
func newLayers(t *metainfo.Torrent) (l layers, err error) {
	content, err := t.Content()
	if err != nil {
		return l, err
	}
	for i := range content.Files {
		f := &content.Files[i]
		if f.PiecesRoot != nil && f.Length > t.PieceLength && t.PieceLayer(f.PiecesRoot) == nil {
			l.files = append(l.files, file{root: f.PiecesRoot, pieces: int((f.Length-1)/t.PieceLength + 1)})
		}
	}
	slices.SortStableFunc(l.files, func(a, b file) int { return bytes.Compare(a.root[:], b.root[:]) })
	for i := 1; i < len(l.files); i++ {
		if a, b := &l.files[i-1], &l.files[i]; *a.root == *b.root && a.pieces != b.pieces {
			return l, fmt.Errorf("files of %d and of %d pieces have the same pieces root", a.pieces, b.pieces)
		}
	}
	l.files = slices.CompactFunc(l.files, func(a, b file) bool { return *a.root == *b.root })
	for i := range l.files {
		f := &l.files[i]
		if i > 0 {
			last := &l.files[i-1]
			f.at, f.span = last.at+last.pieces, last.span+last.spans()
		}
		l.spans = f.span + f.spans()
	}
	l.pieceLayer = metainfo.PieceHeight(t.PieceLength)
	l.has, l.missing = peer.NewBitfield(l.spans), l.spans
	return l, nil
}

func (f *file) spans() int { return (f.pieces-1)/spanPieces + 1 }

// height returns the number of layers above the piece layer. A file has two pieces or
// more.
func (f *file) height() int { return bits.Len(uint(f.pieces - 1)) }

// fileOf returns the file of a span, and the number of the span in the file.
func (l *layers) fileOf(span int) (f *file, n int) {
	i, found := slices.BinarySearchFunc(l.files, span, func(f file, span int) int { return f.span - span })
	if !found {
		i--
	}
	f = &l.files[i]
	return f, span - f.span
}

// pieces returns the file of a span, and its first and last piece in the file.
func (l *layers) pieces(span int) (f *file, first, end int) {
	f, n := l.fileOf(span)
	return f, n * spanPieces, min(f.pieces, (n+1)*spanPieces)
}

// spanLength returns the number of hashes that an answer for a span has, without the
// proof. It is a power of two, and at least 2.
func (l *layers) spanLength(span int) int {
	_, first, end := l.pieces(span)
	return 1 << max(1, bits.Len(uint(end-first-1)))
}

// request returns the request for a span, with the proof up to the root.
func (l *layers) request(span int) peer.HashRequest {
	f, first, _ := l.pieces(span)
	return peer.HashRequest{
		PiecesRoot:  *f.root,
		BaseLayer:   uint32(l.pieceLayer),
		Index:       uint32(first),
		Length:      uint32(l.spanLength(span)),
		ProofLayers: uint32(f.height() - 1),
	}
}

// spanOf returns the span whose request is r. ok is false if there is none.
func (l *layers) spanOf(r *peer.HashRequest) (span int, ok bool) {
	i, found := slices.BinarySearchFunc(l.files, r.PiecesRoot[:], func(f file, root []byte) int { return bytes.Compare(f.root[:], root) })
	if !found || int64(r.Index) >= int64(l.files[i].pieces) {
		return 0, false
	}
	span = l.files[i].span + int(r.Index)/spanPieces
	return span, l.request(span) == *r
}

// proves reports whether the hashes, with the uncles behind them, make the pieces root of
// r, which is the request for a span.
func (l *layers) proves(r *peer.HashRequest, hashes []byte) bool {
	layer, n := r.Uncles()
	if len(hashes) != 32*(int(r.Length)+n) {
		return false
	}
	var tree metainfo.HashTree
	tree.Reset(l.pieceLayer)
	for h := range slices.Chunk(hashes[:32*r.Length], 32) {
		tree.Add((*[32]byte)(h))
	}
	root := tree.Root(0)
	at := r.Index / r.Length
	for uncle := range slices.Chunk(hashes[32*r.Length:], 32) {
		left, right := &root, (*[32]byte)(uncle)
		if at%2 == 1 {
			left, right = right, left
		}
		tree.Reset(layer)
		tree.Add(left)
		tree.Add(right)
		root = tree.Root(0)
		at, layer = at/2, layer+1
	}
	return root == r.PiecesRoot
}

// add adds the hashes of a span that is missing.
func (l *layers) add(span int, hashes []byte) {
	if l.hashes == nil {
		last := &l.files[len(l.files)-1]
		l.hashes = make([]byte, 32*(last.at+last.pieces))
	}
	f, first, end := l.pieces(span)
	copy(l.hashes[32*(f.at+first):32*(f.at+end)], hashes)
	l.has.Set(span)
	l.missing--
}

// Done reports whether all layers are there.
func (l *layers) Done() bool { return l.missing == 0 }

// Progress returns the number of requests that were answered, and that of all that are
// needed.
func (l *layers) Progress() (answered, all int) { return l.spans - l.missing, l.spans }

// Layers returns the layers of all files, once they are done. They share memory with the
// Fetch.
func (l *layers) Layers() []metainfo.PieceLayer {
	all := make([]metainfo.PieceLayer, len(l.files))
	for i := range l.files {
		f := &l.files[i]
		all[i] = metainfo.PieceLayer{Root: *f.root, Hashes: l.hashes[32*f.at : 32*(f.at+f.pieces)]}
	}
	return all
}
