package picker

import (
	"slices"
	"time"
)

// Received records a block from a peer. ok is false if the block is of no use: it does not
// exist, was received already, or was not requested from this peer; honest peers send
// such a block if it crosses a Cancel. complete reports whether all blocks of the piece
// are received: the caller proves it, and calls Done or Failed. cancels are the requests
// for the block to other peers.
func (k *Picker) Received(p *Peer, b Block, now time.Time) (ok, complete bool, cancels []Request) {
	k.cancels = k.cancels[:0]
	p.snubs = false
	late := slices.Index(p.late, b)
	if late >= 0 {
		p.late = slices.Delete(p.late, late, late+1)
	}
	o, i := k.locate(b)
	if o == nil || o.blocks[i].came {
		return false, false, nil
	}
	state := &o.blocks[i]
	if !state.owedBy(p) && (late < 0 || o.begun != p && o.reserved(now)) {
		return false, false, nil
	}
	p.gave = true
	owing := state.owing()
	for _, q := range state.peers[:owing] {
		q.settle(o, i)
		if q != p {
			k.cancels = append(k.cancels, Request{q, b})
		}
	}
	if owing == 0 {
		o.free--
		k.list(o)
	}
	*state = block{peers: [maxOwing]*Peer{p}, came: true}
	o.left--
	o.used = now
	o.prolong(p, now)
	return true, o.left == 0, k.cancels
}

// Revoke frees the blocks that a peer gave of pieces that are not complete, and returns them:
// they are not trusted any more, and the caller drops them.
func (k *Picker) Revoke(p *Peer) (blocks []Block) {
	for _, o := range k.open {
		if o.left == 0 {
			continue
		}
		for i := range o.blocks {
			if b := &o.blocks[i]; b.came && b.peers[0] == p {
				*b = block{}
				o.left++
				o.free++
				o.next = min(o.next, i)
				blocks = append(blocks, o.block(i))
			}
		}
		k.list(o)
	}
	return blocks
}

// Rejected records that a peer will not send a block (BEP 6). It reports whether the peer
// owed it; a reject may also cross a Cancel.
func (k *Picker) Rejected(p *Peer, b Block, now time.Time) bool {
	isBlock := func(c Block) bool { return c == b }
	p.late = slices.DeleteFunc(p.late, isBlock)
	o, i := k.locate(b)
	if o == nil || !o.blocks[i].owedBy(p) {
		return false
	}
	k.excuse(p, o, i, now)
	piece := o.piece
	if p.choked {
		p.allowed = slices.DeleteFunc(p.allowed, func(a int) bool { return a == piece })
	} else if !p.refuses(piece, now) {
		p.refused = append(p.refused, refusal{piece, now.Add(refuseTime)})
	}
	return true
}

// Snub frees the blocks that a peer owes: it has sent none for too long. Until it sends one,
// it is requested no block that another peer owes.
func (k *Picker) Snub(p *Peer, now time.Time) {
	p.snubs = true
	k.Lapse(p, now)
}

// Lapse frees the blocks that a peer owes: it has dropped the requests. A
// block that comes nevertheless is accepted if it is still missing.
func (k *Picker) Lapse(p *Peer, now time.Time) {
	p.at = nil
	for _, o := range k.open {
		if o.begun == p {
			o.lapse()
		}
	}
	if len(p.owes) == 0 {
		return
	}
	p.late = p.late[:0]
	for len(p.owes) > 0 {
		first := p.owes[0]
		p.late = append(p.late, first.open.block(first.block))
		k.excuse(p, first.open, first.block, now)
	}
}
