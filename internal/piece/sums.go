package piece

import "bt/internal/metainfo"

// pieces are the messages of v1 and hybrids: the pieces of the batch. In a
// hybrid every segment that a lane is given for SHA-1 is also cut into blocks,
// which are hashed with SHA-256, of all lanes at once, before the first of the
// segments goes.
type pieces struct{ *worker }

// Next is for the hasher: the next bytes of a piece.
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
	if w.V2 && w.parts[message].twin {
		return nil
	}
	b := w.next(f)
	if n := min(int64(len(b)), f.content); n > 0 && !f.failed {
		f.blocks = b[:n]
		f.content -= n
	}
	return b
}

// Done is for the hasher: a piece has its sum.
func (p pieces) Done(lane, message int, sum *[32]byte) {
	f, r := &p.feeds[lane], &p.batch.results[message]
	p.fail(message, f)
	if !r.Failed && !(p.V2 && p.parts[message].twin) {
		copy(r.SHA1[:], sum[:])
	}
	p.leave(f)
}

// hashBlocks makes leaves of the blocks in all lanes.
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

// A block is one that lies in memory.
type block struct {
	data []byte
	leaf int // of the batch
}

func (b blocks) Next(_, message int) []byte {
	data := b.queue[message].data
	b.queue[message].data = nil
	return data
}

func (b blocks) Done(_, message int, sum *[32]byte) {
	b.leaves[b.queue[message].leaf] = *sum
}

// leaves are the messages of v2: the blocks of the batch.
type leaves struct{ *worker }

// Next is for the hasher: the next bytes of a block.
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
		if w.staged != nil { // after a fault not all is there
			staged := w.staged[w.part]
			f.rest = staged[min(at, int64(len(staged))):min(at+n, int64(len(staged)))]
		}
	}
	return w.next(f)
}

// Done is for the hasher: a block has its sum.
func (l leaves) Done(lane, message int, sum *[32]byte) {
	f := &l.feeds[lane]
	l.fail(f.piece, f)
	l.leaves[l.leafOf(message)] = *sum
	l.leave(f)
}

// leafOf is the leaf of the batch that a message is. With a stride each lane has
// leaves that follow one another: a stream, which the processor reads ahead.
func (w *worker) leafOf(message int) int {
	n := w.sha256.Lanes()
	if message >= w.stride*n {
		return message
	}
	return message%n*w.stride + message/n
}

// partOf finds the part that a leaf is in.
func (w *worker) partOf(leaf int) int {
	if w.stride > 0 { // all pieces but the last have as many leaves
		return leaf / w.parts[1].leaf
	}
	part := w.part
	for w.parts[part+1].leaf <= leaf { // they come in order
		part++
	}
	return part
}

// trees are the hash trees (BEP 52) of the pieces of a batch.
type trees struct {
	parts  []part // one a piece, and one behind the last
	part   int    // where messages have come
	stride int    // between the first leaves of lanes; 0: leaves are messages
	leaves [][32]byte
	queue  []block
	tree   metainfo.HashTree
}

// A part is what a piece has of the one file that it is in.
type part struct {
	span metainfo.Span // empty if none of it is hashed with SHA-256
	leaf int           // its first, of the batch
	twin bool
}

// plant makes room for the leaves of the batch. What is known to have faults
// gets none, unless it has a SHA-1 to show them.
func (w *worker) plant() {
	w.parts, w.part = w.parts[:0], 0
	leaf := 0
	for i := range w.batch.results {
		c := w.Layout.Cursor(w.batch.first + i)
		span, _ := c.Next()
		if w.isPadding(span) {
			span.Length = 0
		}
		if w.isMissing(span) && !w.V1 {
			w.batch.results[i].Failed = true
			w.tell(span.Length)
			span.Length = 0
		}
		_, twin := w.Twins[span.File]
		if twin {
			w.tell(span.Length)
			span.Length = 0
		}
		w.parts = append(w.parts, part{span, leaf, twin})
		leaf += int((span.Length + metainfo.BlockLength - 1) / metainfo.BlockLength)
	}
	w.parts = append(w.parts, part{leaf: leaf})
	// Not of several files, which would be opened again and again; and not where
	// the order of reading counts.
	w.stride = 0
	if last := w.parts[len(w.parts)-2]; w.mapped && last.span.Length > 0 && w.parts[0].span.File == last.span.File {
		w.stride = leaf / w.sha256.Lanes()
	}
	if cap(w.leaves) < leaf {
		w.leaves = make([][32]byte, leaf)
	}
	w.leaves = w.leaves[:leaf]
}

// grow makes the roots of the pieces from their leaves.
func (w *worker) grow() {
	for i := range w.batch.results {
		r, p := &w.batch.results[i], &w.parts[i]
		if r.Failed || p.span.Length == 0 {
			continue
		}
		w.tree.Reset(0)
		for j := range w.leaves[p.leaf:w.parts[i+1].leaf] {
			w.tree.Add(&w.leaves[p.leaf+j])
		}
		height := 0 // of a file of one piece: as high as it needs
		if w.Layout.Length(p.span.File) > w.Layout.PieceLength() {
			height = metainfo.PieceHeight(w.Layout.PieceLength())
		}
		r.Root = w.tree.Root(height)
	}
}
