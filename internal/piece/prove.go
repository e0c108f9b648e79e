package piece

import (
	"bytes"
	"crypto/sha1"

	"bt/internal/metainfo"
)

// A Prover compares the results of a Job with the hashes of a torrent. Results are added
// in order.
type Prover struct {
	Content *metainfo.Content
	Good    func(piece int) // called for each piece that is proven

	// The state of a v2 file without a piece layer in the torrent, whose pieces can
	// only be proven together, by the root.
	tree  metainfo.HashTree
	whole bool
}

// Add adds a result.
func (p *Prover) Add(r *Result) {
	ok, alone := p.Check(r)
	switch {
	case !alone:
		p.withoutLayer(r, ok)
	case ok:
		p.Good(r.Index)
	}
}

// Check reports whether the sums of a piece are those of the torrent. All that the torrent
// has must match. alone is false for a piece that can't be proven without the others of its
// file, because the torrent has no hash of it; ok then says that it was read.
func (p *Prover) Check(r *Result) (ok, alone bool) {
	c := p.Content
	ok = !r.Failed && !r.Skipped
	if ok && c.V1 {
		ok = bytes.Equal(r.SHA1[:], c.Pieces[r.Index*sha1.Size:][:sha1.Size])
	}
	if !c.V2 {
		return ok, true
	}
	cursor := c.Layout.Cursor(r.Index)
	span, _ := cursor.Next()
	if span.File == metainfo.Gap { // the piece has no bytes of a file
		return ok, true
	}
	hash, known := c.PieceHash(span.File, int(span.Offset/c.Layout.PieceLength()))
	if known {
		return ok && r.Root == hash, true
	}
	return ok, c.V1
}

func (p *Prover) withoutLayer(r *Result, ok bool) {
	l := p.Content.Layout
	cursor := l.Cursor(r.Index)
	span, _ := cursor.Next()
	first, last, _ := l.FilePieces(span.File)
	if r.Index == first {
		p.tree.Reset(metainfo.PieceHeight(l.PieceLength()))
		p.whole = true
	}
	p.tree.Add(&r.Root)
	if p.whole = p.whole && ok; p.whole && r.Index == last && p.tree.Root(0) == *p.Content.Files[span.File].PiecesRoot {
		for i := first; i <= last; i++ {
			p.Good(i)
		}
	}
}
