package link

import (
	"encoding/binary"

	"bt/internal/peer"
	"bt/internal/pool"
)

const (
	// readLength is the size of reads from a peer, enough for some five hundred requests.
	readLength = 8 << 10

	// runLength is the most messages with blocks that are read at once from a peer that
	// owes us blocks.
	runLength = 16

	// blockMessage is the length of a message with a block, if it is not a short one.
	blockMessage = peer.PieceHeaderLength + peer.BlockLength

	// idEnd is where the id of a message ends.
	idEnd = 5
)

// A head is memory for what precedes the block in a message.
type head = [peer.PieceHeaderLength]byte

// A slot refers to the memory for a message with a block.
type slot struct {
	head  *head
	block **pool.Block
}

// rest appends the memory for some bytes of the message.
func (s slot) rest(parts [][]byte, from, to int) [][]byte {
	if from < len(s.head) {
		parts = append(parts, s.head[from:min(to, len(s.head))])
	}
	if from, to = max(from-len(s.head), 0), to-len(s.head); from < to {
		parts = append(parts, (*s.block)[from:to])
	}
	return parts
}

// size returns the length of the message of which n bytes are in the slot: blockMessage while
// it is not known. ok is false if the message is not a block, or invalid.
func (s slot) size(n int) (size int, ok bool) {
	length := binary.BigEndian.Uint32(s.head[:])
	switch {
	case n < 4, n < idEnd && length > 0: // a keep-alive has no id
		return blockMessage, true
	case peer.ID(s.head[idEnd-1]) != peer.IDPiece || length < peer.PieceHeaderLength-4 || length > peer.MaxPiece:
		return 0, false
	}
	return 4 + int(length), true
}

// A run is slots that follow the first one of an inbox.
type run struct {
	heads  [runLength - 1]head
	blocks [runLength - 1]*pool.Block
	parts  [2 * runLength][]byte
}

// An inbox is the memory that a peer's data is received in: a buffer, or slots, each of which
// receives one message as long as the peer sends nothing but blocks. So a block need not be
// copied. While the link waits for the peer, its inbox holds no memory, except for a block
// that has arrived in part.
type inbox struct {
	blocks bool // take takes slots

	// The first slot, which may hold a part of a message.
	head  head
	block *pool.Block
	got   int // bytes in it
	size  int // length of its message, as far as it is known

	parts [][]byte // what is received is put there; set between take and give

	buffer *[readLength]byte
	only   [1][]byte
	run    *run
}

// The memory of inboxes. It is in proportion to the links that handle what they have read,
// not to peers.
var (
	buffers pool.Pool[[readLength]byte]
	runs    pool.Pool[run] // without blocks
)

// take takes memory for a read.
func (in *inbox) take() {
	if !in.blocks {
		in.buffer = buffers.Get()
		in.only[0] = in.buffer[:]
		in.parts = in.only[:]
		return
	}
	in.run = runs.Get()
	if in.got == 0 {
		in.size = blockMessage
		in.block = pool.Blocks.Get()
	}
	pool.Blocks.Fill(in.run.blocks[:])
	in.parts = in.slot(0).rest(in.run.parts[:0], in.got, in.size)
	for i := 1; i < runLength; i++ {
		in.parts = in.slot(i).rest(in.parts, 0, blockMessage)
	}
}

// give gives memory back, if it was taken, except for a block that has arrived in part.
func (in *inbox) give() {
	if in.buffer != nil {
		buffers.Put(in.buffer)
	}
	if in.run != nil {
		pool.Blocks.Put(in.run.blocks[:]...)
		runs.Put(in.run)
	}
	in.buffer, in.run, in.parts, in.only[0] = nil, nil, nil, nil
	if in.got == 0 && in.block != nil {
		pool.Blocks.Put(in.block)
		in.block = nil
	}
}

// drop gives all memory back, also that of a block that has arrived in part.
func (in *inbox) drop() {
	in.got = 0
	in.give()
}

// slot returns the first slot, or one that follows.
func (in *inbox) slot(i int) slot {
	if i == 0 {
		return slot{&in.head, &in.block}
	}
	return slot{&in.run.heads[i-1], &in.run.blocks[i-1]}
}

// hold keeps a slot of which n bytes have arrived.
func (in *inbox) hold(s slot, n, size int) {
	in.head = *s.head
	*s.block, in.block = in.block, *s.block
	in.got, in.size = n, size
}

// adopt moves b to the first slot, if it is the start of a message with a block.
func (in *inbox) adopt(b []byte) bool {
	n := copy(in.head[:], b)
	size, ok := in.slot(0).size(n)
	if !ok || len(b) >= size {
		return false
	}
	in.block = pool.Blocks.Get()
	copy(in.block[:], b[n:])
	in.got, in.size = len(b), size
	return true
}

// release appends what is in the first slot to b.
func (in *inbox) release(b []byte) []byte {
	var parts [2][]byte
	for _, p := range in.slot(0).rest(parts[:0], 0, in.got) {
		b = append(b, p...)
	}
	in.drop()
	return b
}
