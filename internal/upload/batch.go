package upload

import (
	"bt/internal/peer"
	"bt/internal/store"
)

// maxBatchBlocks is the maximum number of blocks in a batch. There are at most
// link.MaxWrite bytes.
const maxBatchBlocks = 128

// A batch is a list of piece messages to write at once.
//
// A peer has a batch only while it has its turn (see turns), and never while it
// waits for the peer. Bytes that the socket did not accept are put into the next
// batch again.
type batch struct {
	store.Batch
	headers [maxBatchBlocks * peer.PieceHeaderLength]byte // they don't move, so parts may point into them
	headed  int                                           // bytes used of headers
	blocks  int
	bytes   int64 // of blocks
}

// fits reports whether the block want can be added within limit bytes of blocks. The
// first block always fits.
func (b *batch) fits(want store.Block, limit int64) bool {
	return b.blocks == 0 || b.blocks < maxBatchBlocks && b.bytes+int64(want.Length) <= limit &&
		b.Fits(peer.PieceHeaderLength+int(want.Length))
}

// add adds a piece message, without the first sent bytes. The block is in the
// torrent, and fits.
func (b *batch) add(c *store.Content, want store.Block, sent int64) error {
	start := b.headed
	header := peer.AppendPieceHeader(b.headers[:start], want.Piece, want.Begin, int(want.Length))
	b.headed = len(header)
	b.Put(header[start+int(min(sent, peer.PieceHeaderLength)):])
	b.blocks++
	sent = max(0, sent-peer.PieceHeaderLength)
	b.bytes += int64(want.Length) - sent
	return b.Add(c, want, sent)
}

// release releases what the batch uses and empties it.
func (b *batch) release() {
	b.Release()
	b.headed, b.blocks, b.bytes = 0, 0, 0
}
