package piece

import (
	"bt/internal/lanes"
	"bt/internal/metainfo"
)

// An InMemory is a piece of a torrent in memory, as peers send it: in blocks of
// metainfo.BlockLength bytes, of which the last may be shorter. The blocks end where the
// bytes of the piece's last file do. Padding after them is left out.
type InMemory struct {
	Index  int
	Blocks [][]byte
}

// A BlockHasher hashes pieces in memory, many at once. It is not safe for concurrent use.
type BlockHasher struct {
	content      *metainfo.Content
	sha1, sha256 *lanes.Hasher // nil if not needed

	pieces   []InMemory
	results  []Result
	position [lanes.Max]position // of each lane, for SHA-1
	leaves   [][32]byte
	owners   []owner // of the leaves
	tree     metainfo.HashTree
}

// A position is that of a lane in its piece.
type position struct {
	begun   bool
	block   int   // the next one
	padding int64 // bytes left after the blocks
}

// An owner is where a leaf is from.
type owner struct{ piece, block int }

// NewBlockHasher returns a BlockHasher for the pieces of a torrent.
func NewBlockHasher(c *metainfo.Content) *BlockHasher {
	h := &BlockHasher{content: c}
	if c.V1 {
		h.sha1 = lanes.NewSHA1()
	}
	if c.V2 {
		h.sha256 = lanes.NewSHA256()
	}
	return h
}

// Hash returns the results of pieces, in their order. They are valid until the next call.
func (h *BlockHasher) Hash(pieces []InMemory) []Result {
	h.pieces, h.results = pieces, h.results[:0]
	for _, p := range pieces {
		h.results = append(h.results, Result{Index: p.Index})
	}
	if h.content.V1 {
		h.sha1.Run(len(pieces), wholePieces{h})
	}
	if h.content.V2 {
		h.hashTrees()
	}
	h.pieces = nil
	return h.results
}

// wholePieces are the messages for v1: the pieces, with their padding.
type wholePieces struct{ *BlockHasher }

// Next implements lanes.Source.
func (w wholePieces) Next(lane, message int) []byte {
	at, p := &w.position[lane], &w.pieces[message]
	if !at.begun {
		*at = position{begun: true, padding: w.paddingOf(p)}
	}
	if at.block < len(p.Blocks) {
		at.block++
		return p.Blocks[at.block-1]
	}
	n := min(at.padding, int64(len(zeros)))
	at.padding -= n
	return zeros[:n]
}

// Done implements lanes.Source.
func (w wholePieces) Done(lane, message int, sum *[32]byte) {
	copy(w.results[message].SHA1[:], sum[:])
	w.position[lane] = position{}
}

// paddingOf returns the length of the zeros after the blocks of a piece.
func (h *BlockHasher) paddingOf(p *InMemory) int64 {
	l := h.content.Layout
	n := min(l.PieceLength(), l.Total()-int64(p.Index)*l.PieceLength())
	for _, b := range p.Blocks {
		n -= int64(len(b))
	}
	return max(n, 0)
}

// hashTrees sets the roots of the pieces.
func (h *BlockHasher) hashTrees() {
	h.owners = h.owners[:0]
	for i := range h.pieces {
		for k := range h.pieces[i].Blocks {
			h.owners = append(h.owners, owner{i, k})
		}
	}
	if cap(h.leaves) < len(h.owners) {
		h.leaves = make([][32]byte, len(h.owners))
	}
	h.leaves = h.leaves[:len(h.owners)]
	h.sha256.Run(len(h.owners), inMemoryBlocks{h})
	leaves, l := h.leaves, h.content.Layout
	for i := range h.pieces {
		n := len(h.pieces[i].Blocks)
		if n == 0 {
			continue
		}
		h.tree.Reset(0)
		for k := range n {
			h.tree.Add(&leaves[k])
		}
		leaves = leaves[n:]
		cursor := l.Cursor(h.pieces[i].Index)
		span, _ := cursor.Next()
		h.results[i].Root = h.tree.Root(rootHeight(l, span.File))
	}
}

// rootHeight returns the least height of the trees of the pieces of a file. That of a file
// of one piece is as high as needed.
func rootHeight(l *metainfo.Layout, file int) int {
	if file == metainfo.Gap || l.Length(file) <= l.PieceLength() {
		return 0
	}
	return metainfo.PieceHeight(l.PieceLength())
}

// inMemoryBlocks are the messages for v2: the blocks of all pieces.
type inMemoryBlocks struct{ *BlockHasher }

// Next implements lanes.Source.
func (b inMemoryBlocks) Next(lane, message int) []byte {
	at, o := &b.position[lane], b.owners[message]
	if at.begun {
		return nil
	}
	at.begun = true
	return b.pieces[o.piece].Blocks[o.block]
}

// Done implements lanes.Source.
func (b inMemoryBlocks) Done(lane, message int, sum *[32]byte) {
	b.leaves[message] = *sum
	b.position[lane] = position{}
}
