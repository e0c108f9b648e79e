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

// A slot is memory for a message with a block.
type slot struct {
	head  [peer.PieceHeaderLength]byte
	block *[peer.BlockLength]byte
}

// rest appends the memory for some bytes of the message.
func (s *slot) rest(parts [][]byte, from, to int) [][]byte {
	if from < len(s.head) {
		parts = append(parts, s.head[from:min(to, len(s.head))])
	}
	if from, to = max(from-len(s.head), 0), to-len(s.head); from < to {
		parts = append(parts, s.block[from:to])
	}
	return parts
}

// size returns the length of the message of which n bytes are in the slot: blockMessage while
// it is not known. ok is false if the message is not a block, or invalid.
func (s *slot) size(n int) (size int, ok bool) {
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
	slots [runLength - 1]slot
	parts [2 * runLength][]byte
}

// An inbox is the memory that a peer's data is received in: a buffer, or slots, each of which
// receives one message as long as the peer sends nothing but blocks. So a block need not be
// copied. While the link waits for the peer, its inbox holds no memory, except for a block
// that has arrived in part.
type inbox struct {
	blocks bool     // take takes slots
	first  slot     // of which the peer has sent a part
	got    int      // bytes in first
	size   int      // length of the message in first, as far as it is known
	parts  [][]byte // what is received is put there; set between take and give

	buffer *[readLength]byte
	only   [1][]byte
	run    *run
}

// The memory of inboxes. It is in proportion to the links that handle what they have read,
// not to peers.
var (
	buffers pool.Pool[[readLength]byte]
	runs    pool.Pool[run] // with the blocks that were not needed
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
		in.first.block = pool.Blocks.Get()
	}
	in.parts = in.first.rest(in.run.parts[:0], in.got, in.size)
	for i := range in.run.slots {
		s := &in.run.slots[i]
		if s.block == nil {
			s.block = pool.Blocks.Get()
		}
		in.parts = s.rest(in.parts, 0, blockMessage)
	}
}

// give gives memory back, if it was taken, except for a block that has arrived in part.
func (in *inbox) give() {
	if in.buffer != nil {
		buffers.Put(in.buffer)
	}
	if in.run != nil {
		runs.Put(in.run)
	}
	in.buffer, in.run, in.parts, in.only[0] = nil, nil, nil, nil
	if in.got == 0 && in.first.block != nil {
		pool.Blocks.Put(in.first.block)
		in.first.block = nil
	}
}

// slot returns the first slot, or one that follows.
func (in *inbox) slot(i int) *slot {
	if i == 0 {
		return &in.first
	}
	return &in.run.slots[i-1]
}

// hold keeps a slot of which n bytes have arrived.
func (in *inbox) hold(s *slot, n, size int) {
	*s, in.first = in.first, *s
	in.got, in.size = n, size
}

// adopt moves b to the first slot, if it is the start of a message with a block.
func (in *inbox) adopt(b []byte) bool {
	n := copy(in.first.head[:], b)
	size, ok := in.first.size(n)
	if !ok || len(b) >= size {
		return false
	}
	in.first.block = pool.Blocks.Get()
	copy(in.first.block[:], b[n:])
	in.got, in.size = len(b), size
	return true
}

// release appends what is in the first slot to b.
func (in *inbox) release(b []byte) []byte {
	var parts [2][]byte
	for _, p := range in.first.rest(parts[:0], 0, in.got) {
		b = append(b, p...)
	}
	in.got = 0
	in.give()
	return b
}
