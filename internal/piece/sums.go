package piece

import "bt/internal/metainfo"

// pieces are the messages for v1 and hybrid torrents: the pieces of the batch. In a
// hybrid, each segment that a lane gets for SHA-1 is also cut into blocks. The blocks of
// all lanes are hashed with SHA-256 before any lane gets its next segment.
type pieces struct{ *worker }

// Next implements lanes.Source: it returns the next bytes of a piece.
func (p pieces) Next(lane, message int) []byte {
	w, f := p.worker, &p.feeds[lane]
	if f.blocks != nil {
		w.hashBlocks()
	}
	if f.message != message {
		w.enter(f, message)
		if w.V2 {
			f.leaf, f.content = w.parts[message].leaf, w.parts[message].span.Length
		}
	}
	if w.results[message].Skipped {
		return nil
	}
	b := w.next(f)
	if n := min(int64(len(b)), f.content); n > 0 && !f.failed {
		f.blocks = b[:n]
		f.content -= n
	}
	return b
}

// Done implements lanes.Source: it stores the sum of a piece.
func (p pieces) Done(lane, message int, sum *[32]byte) {
	f, r := &p.feeds[lane], &p.results[message]
	p.fail(message, f)
	if !r.Failed && !r.Skipped {
		copy(r.SHA1[:], sum[:])
	}
	p.leave(f)
}

// hashBlocks hashes the blocks in all lanes, which are leaves.
func (w *worker) hashBlocks() {
	w.queue = w.queue[:0]
	for i := range w.feeds {
		f := &w.feeds[i]
		for len(f.blocks) > 0 {
			n := min(len(f.blocks), metainfo.BlockLength)
			w.queue = append(w.queue, block{f.blocks[:n], f.leaf})
			f.blocks = f.blocks[n:]
			f.leaf++
		}
		f.blocks = nil
	}
	w.sha256.Run(len(w.queue), blocks{w})
}

// blocks are the messages of hashBlocks.
type blocks struct{ *worker }

// A block is a block in memory.
type block struct {
	data []byte
	leaf int // index in the batch
}

func (b blocks) Next(_, message int) []byte {
	data := b.queue[message].data
	b.queue[message].data = nil
	return data
}

func (b blocks) Done(_, message int, sum *[32]byte) {
	b.leaves[b.queue[message].leaf] = *sum
}

// leaves are the messages for v2 torrents: the blocks of the batch.
type leaves struct{ *worker }

// Next implements lanes.Source: it returns the next bytes of a block.
func (l leaves) Next(lane, message int) []byte {
	w, f := l.worker, &l.feeds[lane]
	if f.message != message {
		leaf := w.leafOf(message)
		w.part = w.partOf(leaf)
		p := &w.parts[w.part]
		at := int64(leaf-p.leaf) * metainfo.BlockLength
		n := min(p.span.Length-at, metainfo.BlockLength)
		f.message, f.piece, f.failed, f.faults = message, w.part, false, nil
		f.cursor, f.span = metainfo.Cursor{}, metainfo.Span{File: p.span.File, Offset: p.span.Offset + at, Length: n}
		if w.staged != nil { // shorter than the piece after a fault
			staged := w.staged[w.part]
			f.rest = staged[min(at, int64(len(staged))):min(at+n, int64(len(staged)))]
		}
	}
	return w.next(f)
}

// Done implements lanes.Source: it stores the sum of a block.
func (l leaves) Done(lane, message int, sum *[32]byte) {
	f := &l.feeds[lane]
	l.fail(f.piece, f)
	l.leaves[l.leafOf(message)] = *sum
	l.leave(f)
}

// leafOf returns the leaf for a message. With a stride, each lane gets consecutive
// leaves, so that the CPU prefetches them.
func (w *worker) leafOf(message int) int {
	n := w.sha256.Lanes()
	if message >= w.stride*n {
		return message
	}
	return message%n*w.stride + message/n
}

// partOf returns the index of the part that a leaf is in.
func (w *worker) partOf(leaf int) int {
	if w.stride > 0 { // all pieces except the last have the same number of leaves
		return leaf / w.parts[1].leaf
	}
	part := w.part
	for w.parts[part+1].leaf <= leaf { // leaves are requested in order
		part++
	}
	return part
}

// trees are the hash trees (BEP 52) of the pieces of a batch.
type trees struct {
	parts  []part // one for each piece, and a last one that ends it
	part   int    // the part of the latest message
	stride int    // distance of the lanes' first leaves; 0: message i is leaf i
	leaves [][32]byte
	queue  []block
	tree   metainfo.HashTree
}

// A part is the content of a piece, which is in one file.
type part struct {
	span metainfo.Span // empty if the piece is not hashed with SHA-256
	leaf int           // index in the batch of its first leaf
}

// makeLeaves allocates the leaves of the batch. Pieces that are known to be missing get
// none, unless their SHA-1 is computed too, which finds the faults.
func (w *worker) makeLeaves() {
	w.parts, w.part = w.parts[:0], 0
	leaf, skips := 0, false
	for i := range w.results {
		c := w.Layout.Cursor(w.first + i)
		span, _ := c.Next()
		if w.isPadding(span) {
			span.Length = 0
		}
		if w.results[i].Skipped {
			span.Length, skips = 0, true
		} else if w.isMissing(span) && !w.V1 {
			w.results[i].Failed = true
			w.count(span.Length)
			span.Length = 0
		}
		w.parts = append(w.parts, part{span, leaf})
		leaf += int((span.Length + metainfo.BlockLength - 1) / metainfo.BlockLength)
	}
	w.parts = append(w.parts, part{leaf: leaf})
	// Only within one mapped file: with several, lanes would open them again and again.
	w.stride = 0
	if last := w.parts[len(w.parts)-2]; w.mapped && !skips && last.span.Length > 0 && w.parts[0].span.File == last.span.File {
		w.stride = leaf / w.sha256.Lanes()
	}
	if cap(w.leaves) < leaf {
		w.leaves = make([][32]byte, leaf)
	}
	w.leaves = w.leaves[:leaf]
}

// makeRoots computes the roots of the pieces from their leaves.
func (w *worker) makeRoots() {
	for i := range w.results {
		r, p := &w.results[i], &w.parts[i]
		if r.Failed || p.span.Length == 0 {
			continue
		}
		w.tree.Reset(0)
		for j := range w.leaves[p.leaf:w.parts[i+1].leaf] {
			w.tree.Add(&w.leaves[p.leaf+j])
		}
		r.Root = w.tree.Root(rootHeight(w.Layout, p.span.File))
	}
}
