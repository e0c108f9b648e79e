package picker

import (
	"slices"
	"time"

	"bt/internal/peer"
)

// maxOwing is how many peers may owe one block.
const maxOwing = 3

// A block is the state of a block of an open piece.
type block struct {
	peers [maxOwing]*Peer // those that owe it, or the one that gave it; the rest is nil
	came  bool
}

// owing returns the number of peers that owe the block.
func (b *block) owing() int {
	if b.came {
		return 0
	}
	n := 0
	for n < maxOwing && b.peers[n] != nil {
		n++
	}
	return n
}

// owedBy reports whether a peer owes the block.
func (b *block) owedBy(p *Peer) bool { return !b.came && slices.Contains(b.peers[:], p) }

// An openPiece is a piece of which blocks were requested, and that is not proven.
type openPiece struct {
	piece  int
	length int64
	blocks []block
	free   int       // blocks that are neither requested nor received
	left   int       // blocks that are not received
	next   int       // no block before it is free
	begun  *Peer     // the peer that began it, or continued it after that peer lapsed; may be nil
	used   time.Time // when a block was requested or received, or a request lapsed

	alone  bool      // after a failure: only begun is to give blocks
	until  time.Time // end of that, unless it gives one
	latest time.Time // end of that in any case

	place, unfilled int // in Picker.open and Picker.unfilled; unfilled is -1 if not there
}

// block returns block i, as in a request.
func (o *openPiece) block(i int) Block {
	begin := int64(i) * peer.BlockLength
	return Block{uint32(o.piece), uint32(begin), uint32(min(peer.BlockLength, o.length-begin))}
}

// locate returns the open piece and the index of a block, or nil if it is none.
func (k *Picker) locate(b Block) (*openPiece, int) {
	o := k.byPiece[int(b.Piece)]
	i := int64(b.Begin) / peer.BlockLength
	if o == nil || i >= int64(len(o.blocks)) || o.block(int(i)) != b {
		return nil, 0
	}
	return o, int(i)
}

// begin opens a piece for a peer.
func (k *Picker) begin(piece int, p *Peer, now time.Time) *openPiece {
	o := k.spare
	k.spare = nil
	if o == nil {
		o = new(openPiece)
	}
	length := k.options.Length(piece)
	n := int((length + peer.BlockLength - 1) / peer.BlockLength)
	*o = openPiece{
		piece: piece, length: length, blocks: append(o.blocks[:0], make([]block, n)...),
		free: n, left: n, begun: p, used: now, place: len(k.open), unfilled: -1,
	}
	if k.failures[piece] != nil {
		o.alone, o.begun = true, nil
		o.take(p, now)
	}
	k.open = append(k.open, o)
	k.byPiece[piece] = o
	k.list(o)
	k.rarity.remove(piece)
	for _, q := range k.peers {
		if q.has != nil && q.has.Has(piece) {
			q.opened++
		}
	}
	return o
}

// close closes an open piece. Its requests are added to k.cancels. The piece is to be
// chosen again if it is in k.lack.
func (k *Picker) close(o *openPiece) {
	for i := range o.blocks {
		b := &o.blocks[i]
		for _, p := range b.peers[:b.owing()] {
			p.settle(o, i)
			k.cancels = append(k.cancels, Request{p, o.block(i)})
		}
	}
	o.free = 0
	k.list(o)
	last := len(k.open) - 1
	k.open[o.place] = k.open[last]
	k.open[o.place].place = o.place
	k.open[last] = nil
	k.open = k.open[:last]
	delete(k.byPiece, o.piece)
	for _, p := range k.peers {
		if p.at == o {
			p.at = nil
		}
		if p.has != nil && p.has.Has(o.piece) {
			p.opened--
		}
	}
	clear(o.blocks)
	k.spare = o
	if k.lack.Has(o.piece) {
		k.rarity.add(o.piece)
	}
}

// list makes sure that k.unfilled has o if it has free blocks, and not otherwise.
func (k *Picker) list(o *openPiece) {
	switch {
	case o.free > 0 && o.unfilled < 0:
		o.unfilled = len(k.unfilled)
		k.unfilled = append(k.unfilled, o)
	case o.free == 0 && o.unfilled >= 0:
		last := len(k.unfilled) - 1
		k.unfilled[o.unfilled] = k.unfilled[last]
		k.unfilled[o.unfilled].unfilled = o.unfilled
		k.unfilled[last] = nil
		k.unfilled = k.unfilled[:last]
		o.unfilled = -1
	}
}

// ask records that block i is requested from p.
func (k *Picker) ask(p *Peer, o *openPiece, i int, now time.Time) {
	b := &o.blocks[i]
	n := b.owing()
	b.peers[n] = p
	if n == 0 {
		o.free--
		k.list(o)
	}
	o.used = now
	p.owes = append(p.owes, owed{o, i})
}

// excuse records that p does not owe block i any more. It is free if no other peer does.
func (k *Picker) excuse(p *Peer, o *openPiece, i int, now time.Time) {
	b := &o.blocks[i]
	n := b.owing() - 1
	at := slices.Index(b.peers[:], p)
	b.peers[at], b.peers[n] = b.peers[n], nil
	p.settle(o, i)
	o.used = now
	if n == 0 {
		o.free++
		o.next = min(o.next, i)
		k.list(o)
	}
}
