package picker

import (
	"crypto/sha256"
	"slices"
	"time"
)

const (
	// After a failure only one peer is requested blocks of the piece, for aloneTime, or
	// until it has given none for stallTime. Then the next one takes its place. A peer
	// that has never given a block may give some, but does not keep others from that.
	aloneTime = 5 * time.Minute

	// Peers that gave blocks of a piece that failed let others begin it for barTime. It is
	// short: peers that seem to be better may never give a block.
	barTime = 5 * time.Second
)

// A failure is the last failure of a piece.
type failure struct {
	givers []*Peer // that have not left
	at     time.Time
}

// Failed records that a complete piece is not what it should be: all its blocks are
// missing again. sums are the hashes of its blocks. If one peer has given all of them, it is
// returned as one that gave wrong data, also if it has left. Otherwise the piece is requested
// from one peer next, from another one if possible, and Convict shows which blocks were wrong
// when it is proven.
func (k *Picker) Failed(piece int, sums [][sha256.Size]byte, now time.Time) (liars []*Peer) {
	o := k.byPiece[piece]
	if o == nil || o.left > 0 {
		return nil
	}
	a := attempt{piece: piece, sums: sums}
	var givers []*Peer
	for i := range o.blocks {
		p := o.blocks[i].peers[0]
		a.givers = append(a.givers, p)
		if !slices.Contains(givers, p) {
			givers = append(givers, p)
		}
	}
	stay := slices.DeleteFunc(slices.Clone(givers), func(p *Peer) bool { return p.left })
	k.failures[piece] = &failure{givers: stay, at: now}
	k.cancels = k.cancels[:0]
	k.close(o)
	if len(givers) == 1 {
		return givers
	}
	k.evidence.add(a)
	return nil
}

// Convict returns the peers that gave wrong blocks when a piece failed that is now proven, including
// those that have left. sums are the hashes of its blocks.
func (k *Picker) Convict(piece int, sums [][sha256.Size]byte) (liars []*Peer) {
	return k.evidence.liars(piece, sums)
}

// reserved reports whether only one peer is to give blocks of the piece.
func (o *openPiece) reserved(now time.Time) bool {
	return o.alone && o.begun != nil && now.Before(o.until)
}

// take records that a peer begins the piece, or continues it if no other peer does.
func (o *openPiece) take(p *Peer, now time.Time) {
	untouched := o.free == len(o.blocks)
	switch {
	case o.begun == p || o.begun != nil && !untouched && !o.alone:
	case !o.alone:
		o.begun = p
	case p.gave && !o.reserved(now):
		o.begun, o.until, o.latest = p, now.Add(stallTime), now.Add(aloneTime)
	}
}

// prolong records that a peer has given a block of the piece, which that peer alone may
// then continue.
func (o *openPiece) prolong(p *Peer, now time.Time) {
	if !o.alone {
		return
	}
	if o.take(p, now); o.begun != p {
		return
	}
	if o.until = now.Add(stallTime); o.latest.Before(o.until) {
		o.until = o.latest
	}
}

// lapse records that the peer that began the piece does not continue it for now. If only
// that peer is to give the piece, it has some time to continue.
func (o *openPiece) lapse() {
	if !o.alone {
		o.begun = nil
	}
}

// suspect returns a piece of which several peers gave wrong data, and that a peer may begin, or -1.
// Such pieces come first: when one is proven, the liars are known.
func (k *Picker) suspect(p *Peer, now time.Time) int {
	attempts := k.evidence.attempts
	for i := range min(len(attempts), maxProbes) {
		if piece := attempts[i].piece; k.begins(p, piece, now) {
			return piece
		}
	}
	return -1
}

// barred reports whether a peer is to let others begin a piece: it gave blocks of it when
// it failed, and a peer that did not has the piece.
func (k *Picker) barred(p *Peer, piece int, now time.Time) bool {
	f := k.failures[piece]
	if f == nil || now.Sub(f.at) >= barTime || !slices.Contains(f.givers, p) {
		return false
	}
	return slices.ContainsFunc(k.peers, func(q *Peer) bool { return q.Has(piece) && !slices.Contains(f.givers, q) })
}
