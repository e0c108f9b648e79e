package picker

import (
	"cmp"
	"iter"
	"math/bits"
	"time"
)

const (
	// The first pieces are chosen at random: there is soon something to give in return,
	// and the rarest may take long.
	randomPieces = 4

	// A peer that needs no longer than this for a piece gives whole pieces.
	wholePieceTime = 20 * time.Second

	// maxProbes is how many pieces are tried in the order of their rarity, and maxSample
	// is among how many of a peer's pieces the rarest is chosen otherwise.
	maxProbes = 256
	maxSample = 64

	// A piece of which no block was owed for idleTime may be dropped for another one.
	idleTime = time.Minute
)

// Pick appends up to n blocks to request from a peer now, and records the requests. It is
// to be called again after some seconds for an interesting peer that was given fewer,
// because some rules end with time.
func (k *Picker) Pick(p *Peer, n int, now time.Time, blocks []Block) []Block {
	if !k.Interesting(p) || p.choked && len(p.allowed) == 0 || p.refusesAll(now) {
		return blocks
	}
	for n > 0 {
		o := k.choose(p, now)
		if o == nil {
			break
		}
		p.at = o
		o.take(p, now)
		for ; n > 0 && o.free > 0; o.next++ {
			if b := &o.blocks[o.next]; !b.came && b.peers[0] == nil {
				k.ask(p, o, o.next, now)
				blocks = append(blocks, o.block(o.next))
				n--
			}
		}
	}
	return k.repeat(p, n, now, blocks)
}

// choose returns the open piece of which blocks are to be requested from a peer next, or
// nil if there is none with free blocks.
func (k *Picker) choose(p *Peer, now time.Time) *openPiece {
	if o := p.at; o != nil && o.free > 0 && !k.options.Sequential && k.may(p, o, now) {
		return o
	}
	o, joins := k.openFor(p, now)
	switch {
	case o == nil:
		return k.beginNext(p, now)
	case o.begun == p && !k.options.Sequential || k.unopened(p) == 0 || !k.hasRoom(joins):
		return o
	}
	piece := k.next(p, now)
	if piece < 0 || joins && !k.precedes(piece, o.piece) {
		return o
	}
	return k.begin(piece, p, now)
}

// openFor returns the open piece with free blocks that is best for a peer: one that it
// began, else one that no peer continues, else one that another peer began. joins is false
// for the last if the peer is fast enough to give whole pieces.
func (k *Picker) openFor(p *Peer, now time.Time) (o *openPiece, joins bool) {
	var best [3]*openPiece
	for _, o := range k.unfilled {
		if !k.may(p, o, now) {
			continue
		}
		class := 2
		switch {
		case k.options.Sequential, o.begun == p:
			class = 0
		case o.begun == nil:
			class = 1
		}
		if best[class] == nil || k.before(o, best[class]) {
			best[class] = o
		}
	}
	if o = cmp.Or(best[0], best[1]); o != nil {
		return o, true
	}
	o = best[2]
	return o, o != nil && p.Rate*wholePieceTime.Seconds() < float64(o.length)
}

// hasRoom reports whether one more piece may be open. A peer that could join an open piece
// opens another one only while few are open.
func (k *Picker) hasRoom(joins bool) bool {
	if joins && !k.options.Sequential {
		return len(k.open) < k.options.MaxOpen/2
	}
	return len(k.open) < k.options.MaxOpen
}

// precedes reports whether piece a is to be requested before piece b: the rarest first, so
// that a seed need not send again what others have.
func (k *Picker) precedes(a, b int) bool {
	if k.options.Sequential {
		return a < b
	}
	return k.rarity.count[a] < k.rarity.count[b]
}

// before reports whether blocks of a are to be requested before those of b.
func (k *Picker) before(a, b *openPiece) bool {
	switch {
	case k.precedes(a.piece, b.piece):
		return true
	case k.precedes(b.piece, a.piece):
		return false
	}
	return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.piece, b.piece)) < 0
}

// may reports whether blocks of an open piece may be requested from a peer.
func (k *Picker) may(p *Peer, o *openPiece, now time.Time) bool {
	return o.piece < k.end() && p.gives(o.piece, now) && (o.begun == p || !o.reserved(now) && !k.barred(p, o.piece, now))
}

// beginNext opens the piece that a peer is to begin next. It returns nil if there is none,
// or too many are open and none is idle or to be dropped.
func (k *Picker) beginNext(p *Peer, now time.Time) *openPiece {
	if k.unopened(p) == 0 {
		return nil
	}
	var idle *openPiece
	if len(k.open) >= k.options.MaxOpen {
		if idle = k.idle(now); idle == nil {
			return nil
		}
	}
	piece := k.next(p, now)
	if piece < 0 {
		return nil
	}
	if idle != nil {
		k.drop(idle)
	}
	return k.begin(piece, p, now)
}

// idle returns the open piece that may be dropped for another one. It is nil if blocks of
// each are owed, or were lately.
func (k *Picker) idle(now time.Time) (most *openPiece) {
	for _, o := range k.unfilled {
		if o.free == o.left && now.Sub(o.used) >= idleTime && (most == nil || k.before(most, o)) {
			most = o
		}
	}
	return most
}

// next returns the piece that a peer is to begin next, or -1.
func (k *Picker) next(p *Peer, now time.Time) int {
	if p.choked {
		return k.firstOf(p, p.allowed, now)
	}
	if k.options.Sequential {
		return k.lowest(p, now)
	}
	if piece := k.suspect(p, now); piece >= 0 {
		return piece
	}
	if piece := k.firstOf(p, p.hints, now); piece >= 0 {
		return piece
	}
	if k.rarity.stale {
		k.rarity.sort()
	}
	if k.had+len(k.open) < randomPieces {
		probes := maxProbes
		if piece := k.probe(p, k.rarity.order, &probes, now); piece >= 0 {
			return piece
		}
	}
	return k.rarest(p, now)
}

// begins reports whether a peer may begin a piece.
func (k *Picker) begins(p *Peer, piece int, now time.Time) bool {
	return k.rarity.has(piece) && piece < k.end() && p.gives(piece, now) && !k.barred(p, piece, now)
}

// firstOf returns the first of some pieces that a peer may begin, or -1.
func (k *Picker) firstOf(p *Peer, pieces []int, now time.Time) int {
	for _, piece := range pieces {
		if k.begins(p, piece, now) {
			return piece
		}
	}
	return -1
}

// rarest returns the rarest piece that a peer may begin, or -1. A peer may have none of
// many pieces that are as rare: after some tries it is the rarest of a sample.
func (k *Picker) rarest(p *Peer, now time.Time) int {
	probes := maxProbes
	for n := range k.rarity.groups() {
		if n == 0 && !p.all {
			continue
		}
		if piece := k.probe(p, k.rarity.group(n), &probes, now); piece >= 0 {
			return piece
		}
		if probes == 0 {
			break
		}
	}
	if probes > 0 {
		return -1
	}
	best, sample := -1, 0
	from := k.random.IntN(k.options.Pieces)
	for _, half := range [...][2]int{{from, k.options.Pieces}, {0, from}} {
		for piece := range k.useful(p, half[0], half[1]) {
			if !k.begins(p, piece, now) {
				continue
			}
			if best < 0 || k.rarity.count[piece] < k.rarity.count[best] {
				best = piece
			}
			if sample++; sample == maxSample {
				return best
			}
		}
	}
	return best
}

// probe returns one of some pieces that a peer may begin, at random, or -1. probes is
// reduced by those that were tried, until it is 0.
func (k *Picker) probe(p *Peer, pieces []uint32, probes *int, now time.Time) int {
	if len(pieces) == 0 {
		return -1
	}
	at, step := k.random.IntN(len(pieces)), 1+k.random.IntN(len(pieces))
	for gcd(step, len(pieces)) != 1 { // or a piece would be tried twice before all others
		step--
	}
	for range min(len(pieces), *probes) {
		*probes--
		if piece := int(pieces[at]); k.begins(p, piece, now) {
			return piece
		}
		at = (at + step) % len(pieces)
	}
	return -1
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// lowest returns the lowest piece that a peer may begin, or -1.
func (k *Picker) lowest(p *Peer, now time.Time) int {
	for piece := range k.useful(p, k.firstMissing(), k.end()) {
		if k.begins(p, piece, now) {
			return piece
		}
	}
	return -1
}

// end returns the end of the pieces that may be requested.
func (k *Picker) end() int {
	if k.options.Window <= 0 {
		return k.options.Pieces
	}
	return min(k.firstMissing()+k.options.Window+1, k.options.Pieces)
}

// useful returns the pieces in k.lack that a peer has, from one to before another.
func (k *Picker) useful(p *Peer, from, to int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if !p.all && p.has == nil {
			return
		}
		for i := from / 64; 64*i < to; i++ {
			left := word(k.lack, i)
			if !p.all {
				left &= word(p.has, i)
			}
			for left != 0 {
				n := bits.LeadingZeros64(left)
				left &^= 1 << (63 - n)
				if piece := 64*i + n; piece >= from && (piece >= to || !yield(piece)) {
					return
				}
			}
		}
	}
}
