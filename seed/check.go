package seed

import (
	"bytes"
	"context"
	"fmt"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// A checker finds out which pieces of a torrent are there.
type checker struct {
	content *metainfo.Content
	have    peer.Bitfield

	// The file that pieces come from now if the torrent has no piece layer of it:
	// only all of them together can be checked, against its root.
	tree  metainfo.HashTree
	whole bool // none of them failed
}

// check finds out what of the data that stands at root is there: it is known from
// an earlier check, or the user's word, or it is hashed. Pieces whose file became
// another meanwhile count as not there.
func (t *torrent) check(ctx context.Context, progress func(done, total int64)) (have peer.Bitfield, tree *piece.Tree, known bool, err error) {
	o := &t.seeder.options
	tree = piece.ContentTree(t.content, t.root)
	if err := tree.Stat(ctx, o.Jobs); err != nil {
		return nil, nil, false, err
	}
	if t.hashed { // this once: when the data changes it is checked like any other
		t.hashed = false
		if t.hasSizes(tree) {
			have := peer.FullBitfield(t.pieces)
			t.remember(tree, have)
			return have, tree, true, nil
		}
	}
	if have, ok := o.Known.Load(t.meta, t.root, tree, t.pieces); ok {
		return have, tree, true, nil
	}
	if o.Check == CheckNone || o.Check == CheckQuick && t.hasSizes(tree) {
		return peer.FullBitfield(t.pieces), tree, true, nil
	}
	have, err = t.hash(ctx, tree, progress)
	if err != nil {
		return nil, nil, false, err
	}
	t.remember(tree, have)
	return have, tree, false, nil
}

// remember notes for the next time what was found.
func (t *torrent) remember(tree *piece.Tree, have peer.Bitfield) {
	if err := t.seeder.options.Known.Store(t.meta, t.root, tree, have); err != nil {
		t.seeder.emit(Event{Kind: Warning, Torrent: t.meta, Err: fmt.Errorf("the check will be done again next time: %w", err)})
	}
}

// hasSizes tells whether every file is there and as long as it should be.
func (t *torrent) hasSizes(tree *piece.Tree) bool {
	for i := range tree.Files {
		f := &tree.Files[i]
		if !f.Pad && !f.Link && (f.Cause != piece.Fine || f.ID.Size != t.content.Layout.Length(i)) {
			return false
		}
	}
	return true
}

func (t *torrent) hash(ctx context.Context, tree *piece.Tree, progress func(done, total int64)) (peer.Bitfield, error) {
	c := checker{content: t.content, have: peer.NewBitfield(t.pieces)}
	job := piece.Job{
		Layout: t.content.Layout, Tree: tree, V1: t.content.V1, V2: t.content.V2, Jobs: t.seeder.options.Jobs, Progress: progress,
	}
	changed, err := job.Run(ctx, func(r piece.Result) error {
		c.result(&r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range changed {
		if first, last, ok := t.content.Layout.FilePieces(f.File); ok {
			for i := first; i <= last; i++ {
				c.have.Clear(i)
			}
		}
	}
	return c.have, nil
}

func (c *checker) result(r *piece.Result) {
	good := r.Faults == nil
	if c.content.V1 {
		good = good && bytes.Equal(r.SHA1[:], c.content.Pieces[r.Index*20:][:20])
	}
	if !c.content.V2 {
		c.set(r.Index, r.Index, good)
		return
	}
	cursor := c.content.Layout.Cursor(r.Index)
	span, _ := cursor.Next()
	n := int(span.Offset / c.content.Layout.PieceLength())
	if hash, known := c.content.PieceHash(span.File, n); known {
		c.set(r.Index, r.Index, good && r.Root == hash)
		return
	}
	if n == 0 {
		c.tree.Reset(metainfo.PieceHeight(c.content.Layout.PieceLength()))
		c.whole = true
	}
	c.whole = c.whole && good
	c.tree.Add(&r.Root)
	if first, last, _ := c.content.Layout.FilePieces(span.File); r.Index == last {
		c.set(first, last, c.whole && c.tree.Root(0) == *c.content.Files[span.File].PiecesRoot)
	}
}

func (c *checker) set(first, last int, good bool) {
	for i := first; i <= last && good; i++ {
		c.have.Set(i)
	}
}
