package partial

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
	"bt/internal/pool"
)

const (
	// defaultMemory is that of Options.Memory. On a link of 1 Gbit/s and 100 ms, 12 MiB are
	// under way, and about as many more must be requested for the time in which lost packets
	// are sent again; others are hashed and written.
	defaultMemory = 48 << 20

	// leastPieces is the least number of pieces in memory: one is written while blocks of
	// two arrive, so that fast peers need not wait for the last blocks of slow ones.
	leastPieces = 3

	// mostPieces is the most, however short they are.
	mostPieces = 4096

	// workers is the number of goroutines that hash and write pieces: one hashes while
	// the other one writes.
	workers = 2
)

// A buffer is a piece in memory.
type buffer struct {
	piece   int
	length  int64
	blocks  [][]byte // nil until they arrive
	missing int
	adopted bool // the bytes are from a file, and blocks of peers are ignored
}

// A gatherer gathers blocks to pieces, hashes them, and has those written that are proven.
type gatherer struct {
	content *metainfo.Content
	padded  bool // the torrent may have padding
	limit   int  // pieces in memory
	batch   int  // pieces that are best hashed together

	admits func(piece int) bool // if not nil, whether the blocks of a piece are taken now
	write  func(*buffer) error  // writes a proven piece, then calls release
	event  func(Event)          // serialized; not called with mu locked

	mu      sync.Mutex
	changed sync.Cond // the queue, the pieces, err or closed
	have    peer.Bitfield
	pieces  map[int]*buffer // incomplete, or not yet written
	failed  map[int]bool    // that were not proven when they were hashed last
	queue   []*buffer       // complete, not hashed yet
	ripe    bool            // the queue has waited for gatherTime
	ripens  *time.Timer     // sets ripe; nil: the queue is empty, or need not wait
	waiting int             // complete, not yet released
	err     error           // the first one
	closed  bool
	running sync.WaitGroup

	eventMu sync.Mutex
}

func (g *gatherer) init(c *metainfo.Content, memory int64, event func(Event)) {
	g.content = c
	for i := range c.Files {
		g.padded = g.padded || c.Files[i].Pad
	}
	g.padded = g.padded || c.V1 && c.V2
	if memory <= 0 {
		memory = defaultMemory
	}
	most := memory / max(c.Layout.PieceLength(), metainfo.BlockLength)
	g.limit = int(min(max(most, leastPieces), mostPieces))
	g.batch = batchOf(c, g.limit)
	g.changed.L = &g.mu
	g.have = peer.NewBitfield(c.Layout.Pieces())
	g.pieces = make(map[int]*buffer)
	g.failed = make(map[int]bool)
	g.event = func(e Event) {
		if event != nil {
			g.eventMu.Lock()
			defer g.eventMu.Unlock()
			event(e)
		}
	}
}

// start starts the workers. finish stops them when all complete pieces are hashed, and drop
// then frees all memory.
func (g *gatherer) start() {
	for range workers {
		g.running.Go(g.work)
	}
}

func (g *gatherer) finish() {
	g.mu.Lock()
	g.closed = true
	g.changed.Broadcast()
	g.mu.Unlock()
	g.running.Wait()
}

func (g *gatherer) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for piece, b := range g.pieces {
		if !b.adopted { // Adopt is still filling an adopted piece, and frees it
			b.free()
			delete(g.pieces, piece)
		}
	}
}

// Length returns the number of bytes of a piece that peers are asked for. Padding at its
// end is none of them.
func (g *gatherer) Length(piece int) int64 {
	l := g.content.Layout
	start := int64(piece) * l.PieceLength()
	if !g.padded && g.content.V1 {
		return min(l.PieceLength(), l.Total()-start)
	}
	var at, end int64
	for _, span := range l.Spans(piece, piece) {
		if at += span.Length; !isPadding(g.content, span) {
			end = at
		}
	}
	return end
}

// isPadding reports whether a range is not on disk, and zeros.
func isPadding(c *metainfo.Content, span metainfo.Span) bool {
	return span.File == metainfo.Gap || c.Files[span.File].Pad
}

// Have returns the pieces that are proven and written.
func (g *gatherer) Have() peer.Bitfield {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append(peer.Bitfield(nil), g.have...)
}

// HavePiece reports whether a piece is proven and written.
func (g *gatherer) HavePiece(piece int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.have.Has(piece)
}

// MaxOpen returns the number of pieces of which some blocks may be requested or have
// arrived, and not all. It is lower while pieces wait to be written, and may be 0.
// EventPiece is sent when it has risen.
func (g *gatherer) MaxOpen() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit - g.waiting
}

// Err returns the error that stopped the download, or nil.
func (g *gatherer) Err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// A Block is a block that a peer has sent, in memory of pool.Blocks.
type Block struct {
	Piece int
	Begin int64
	data  []byte
}

// NewBlock returns a block with the bytes of b. They are at the start of memory, which the
// block takes over, or are copied if memory is nil. If b is too long, the block is empty, which
// Take refuses. It is to be passed to Take or freed.
func NewBlock(piece int, begin int64, b []byte, memory *pool.Block) Block {
	if memory == nil {
		memory = pool.Blocks.Get()
		if len(b) > len(memory) {
			b = nil
		}
		copy(memory[:], b)
	}
	return Block{piece, begin, memory[:len(b)]}
}

// Len returns the number of bytes.
func (b *Block) Len() int { return len(b.data) }

// Free frees the memory of a block that is not passed to Take.
func (b *Block) Free() {
	freeBlocks(b.data)
}

// freeBlocks gives the memory back that begins with blocks, except for those that are nil.
func freeBlocks(list ...[]byte) {
	memory := make([]*pool.Block, 0, 64)
	for _, b := range list {
		if b != nil {
			memory = append(memory, (*pool.Block)(b[:pool.BlockLength]))
		}
	}
	pool.Blocks.Put(memory...)
}

// Take takes blocks that peers have sent, and their memory. It does not wait for the disk. A
// block that is there already is ignored. The error is the first one: ErrBlock, ErrFull if
// more than MaxOpen pieces are incomplete, ErrClosed, or that of the EventError.
func (g *gatherer) Take(list ...Block) (err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range list {
		taken, failed := g.take(b.Piece, b.Begin, b.data)
		if !taken {
			b.Free()
		}
		if err == nil && failed != nil {
			err = fmt.Errorf("piece %d: %w", b.Piece, failed)
		}
	}
	return err
}

// Drop forgets the blocks of a piece that is not complete.
func (g *gatherer) Drop(piece int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.pieces[piece]; b != nil && b.missing > 0 && !b.adopted {
		delete(g.pieces, piece)
		b.free()
	}
}

// DropBlock forgets a block of a piece that is not complete.
func (g *gatherer) DropBlock(piece int, begin int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.pieces[piece]; b != nil && b.missing > 0 && !b.adopted && begin >= 0 && begin < b.length {
		b.drop(begin)
	}
}

// take adds a block to its piece. It returns false if the block is not kept. g.mu is
// locked.
func (g *gatherer) take(piece int, begin int64, block []byte) (bool, error) {
	switch {
	case g.err != nil:
		return false, g.err
	case g.closed:
		return false, ErrClosed
	case piece < 0 || piece >= g.content.Layout.Pieces() || begin < 0 || begin%metainfo.BlockLength != 0 || len(block) == 0:
		return false, ErrBlock
	case g.have.Has(piece):
		return false, nil
	}
	b := g.pieces[piece]
	if b == nil {
		if b = newBuffer(piece, g.Length(piece)); !b.fits(begin, block) {
			return false, ErrBlock
		}
		if len(g.pieces) >= g.limit || g.admits != nil && !g.admits(piece) {
			return false, ErrFull
		}
		g.pieces[piece] = b
	}
	if !b.fits(begin, block) {
		return false, ErrBlock
	}
	if b.adopted || !b.put(begin, block) {
		return false, nil
	}
	if b.missing == 0 {
		g.enqueue(b)
	}
	return true, nil
}

func newBuffer(piece int, length int64) *buffer {
	n := int((length + metainfo.BlockLength - 1) / metainfo.BlockLength)
	return &buffer{piece: piece, length: length, blocks: make([][]byte, n), missing: n}
}

// fits reports whether a block is one of the piece.
func (b *buffer) fits(begin int64, block []byte) bool {
	return begin < b.length && int64(len(block)) == min(b.length-begin, metainfo.BlockLength)
}

// put adds a block, unless it is there.
func (b *buffer) put(begin int64, block []byte) bool {
	i := begin / metainfo.BlockLength
	if b.blocks[i] != nil {
		return false
	}
	b.blocks[i] = block
	b.missing--
	return true
}

// drop removes a block, if it is there.
func (b *buffer) drop(begin int64) {
	i := begin / metainfo.BlockLength
	if block := b.blocks[i]; block != nil {
		freeBlocks(block)
		b.blocks[i] = nil
		b.missing++
	}
}

// sums returns the hashes of the blocks.
func (b *buffer) sums() [][sha256.Size]byte {
	sums := make([][sha256.Size]byte, len(b.blocks))
	for i, block := range b.blocks {
		sums[i] = sha256.Sum256(block)
	}
	return sums
}

// free gives the memory of the blocks back.
func (b *buffer) free() {
	freeBlocks(b.blocks...)
	b.blocks = nil
}

// slices appends the bytes of a range of the piece to dst.
func (b *buffer) slices(dst [][]byte, offset, length int64) [][]byte {
	for length > 0 {
		block := b.blocks[offset/metainfo.BlockLength]
		at := offset % metainfo.BlockLength
		n := min(int64(len(block))-at, length)
		dst = append(dst, block[at:at+n])
		offset, length = offset+n, length-n
	}
	return dst
}

// work hashes the pieces that are complete, many at once if they come fast, until finish.
func (g *gatherer) work() {
	hasher := piece.NewBlockHasher(g.content)
	prover := piece.Prover{Content: g.content}
	var list []piece.InMemory
	for {
		some := g.next()
		if some == nil {
			return
		}
		list = list[:0]
		for _, b := range some {
			list = append(list, piece.InMemory{Index: b.piece, Blocks: b.blocks})
		}
		results := hasher.Hash(list)
		for i, b := range some {
			ok, _ := prover.Check(&results[i])
			g.hashed(b, ok)
		}
	}
}

// hashed writes a piece that is proven, and drops one that is not.
func (g *gatherer) hashed(b *buffer, proven bool) {
	if g.Err() != nil {
		g.release(b)
		return
	}
	e := EventPiece{Piece: b.piece, Proven: proven}
	if g.note(b.piece, proven) {
		e.Blocks = b.sums()
	}
	if !proven {
		g.release(b)
	} else if err := g.write(b); err != nil {
		g.release(b)
		g.fail(err)
		return
	}
	g.event(e)
}

// note notes whether a piece is proven. It reports whether it is not, or was not before.
func (g *gatherer) note(piece int, proven bool) (failed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !proven {
		g.failed[piece] = true
		return true
	}
	failed = g.failed[piece]
	delete(g.failed, piece)
	return failed
}

// release forgets a complete piece, and frees its memory.
func (g *gatherer) release(b *buffer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.pieces, b.piece)
	g.waiting--
	g.changed.Broadcast()
	b.free()
}

// fail stops the download.
func (g *gatherer) fail(err error) {
	g.mu.Lock()
	first := g.err == nil
	if first {
		g.err = err
	}
	g.changed.Broadcast()
	g.mu.Unlock()
	if first {
		g.event(EventError{err})
	}
}
