package partial

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/pool"
)

// A source is where a piece is that is not in the files of the download.
type source struct {
	tree  *piece.Tree
	piece int
}

func sortSources(list []source) {
	slices.SortFunc(list, func(a, b source) int { return cmp.Compare(a.piece, b.piece) })
}

// Adopt takes the pieces that are missing, and that files in another directory have: those
// of an older release, for example. Files are found by their names, and read through
// symbolic links. What is copied is proven again before it is written. Blocks of peers for
// a piece that is being copied are ignored.
func (c *Content) Adopt(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	tree, err := piece.Find(ctx, c.content, dir, c.options.Jobs)
	if err != nil {
		return err
	}
	have := c.Have()
	var list []source
	prover := piece.Prover{Content: c.content, Good: func(p int) { list = append(list, source{tree, p}) }}
	skip := func(p int) bool { return have.Has(p) || !c.wanted.Has(p) }
	if _, err := c.job(ctx, tree, skip, prover.Add); err != nil {
		return err
	}
	return c.adopt(ctx, list)
}

// adopt copies pieces, and waits until they are written.
func (c *Content) adopt(ctx context.Context, list []source) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.changed.Broadcast()
	})
	defer stop()
	r := reader{index: -1}
	defer r.close()
	for _, s := range list {
		b, err := c.reserve(ctx, s.piece)
		if err != nil {
			return err
		}
		if b == nil {
			continue
		}
		if c.fill(b, s.tree, &r) != nil {
			clearBlocks(b) // the file has changed, or can't be read: the piece will not prove
		}
		if err := c.hand(b); err != nil {
			return err
		}
	}
	return c.drain(ctx)
}

// hand queues a filled piece to be hashed. After Close it frees the piece instead.
func (c *Content) hand(b *buffer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed { // the workers may have ended
		delete(c.pieces, b.piece)
		b.free()
		return ErrClosed
	}
	c.enqueue(b)
	return nil
}

// reserve waits for room for a piece. It returns nil if the piece is there, or arrives from
// peers.
func (c *Content) reserve(ctx context.Context, piece int) (*buffer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case c.err != nil:
			return nil, c.err
		case c.closed:
			return nil, ErrClosed
		case c.have.Has(piece) || c.pieces[piece] != nil:
			return nil, nil
		case len(c.pieces) < c.limit:
			b := newBuffer(piece, c.Length(piece))
			b.adopted = true
			c.pieces[piece] = b
			return b, nil
		}
		c.changed.Wait()
	}
}

// drain waits until no piece of a file waits to be written.
func (c *Content) drain(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting > 0 && c.err == nil && ctx.Err() == nil {
		c.changed.Wait()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.err
}

func clearBlocks(b *buffer) {
	for _, block := range b.blocks {
		clear(block)
	}
}

// fill reads the blocks of a piece.
func (c *Content) fill(b *buffer, tree *piece.Tree, r *reader) error {
	for i := range b.blocks {
		b.blocks[i] = pool.Blocks.Get()[:min(b.length-int64(i)*metainfo.BlockLength, metainfo.BlockLength)]
		clear(b.blocks[i]) // padding between files
	}
	for _, p := range c.parts(nil, b.piece) {
		f, err := r.open(tree, p.File)
		if err != nil {
			return err
		}
		at := p.Offset
		for _, s := range b.slices(nil, p.at, p.Length) {
			if _, err := f.ReadAt(s, at); err != nil {
				return err
			}
			at += int64(len(s))
		}
	}
	return nil
}

// A reader reads files of trees. It keeps the last one open.
type reader struct {
	tree  *piece.Tree
	index int
	file  *os.File
}

func (r *reader) open(tree *piece.Tree, i int) (*os.File, error) {
	if r.file != nil && r.tree == tree && r.index == i {
		return r.file, nil
	}
	r.close()
	if tree.Files[i].Cause != piece.CauseFine {
		return nil, &fs.PathError{Op: "open", Path: tree.Path(i), Err: errors.New(tree.Files[i].Cause.String())}
	}
	f, err := atomicfile.Open(tree.Path(i))
	if err == nil {
		r.tree, r.index, r.file = tree, i, f
	}
	return f, err
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}
