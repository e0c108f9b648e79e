package picker

import (
	"math/bits"
	"slices"
	"time"

	"bt/internal/peer"
)

const (
	// maxHints is how many suggested pieces of a peer are kept, and maxAllowed how many
	// allowed fast pieces; BEP 6 uses 10.
	maxHints   = 16
	maxAllowed = 64

	// A piece of which an unchoked peer rejects a block is not requested from it for
	// refuseTime. A peer that refuses maxRefused pieces is requested nothing for so long.
	refuseTime = 5 * time.Second
	maxRefused = 64
)

// A Peer is a peer that may give pieces. Its state belongs to the Picker.
type Peer struct {
	Data any     // for the caller
	Rate float64 // bytes per second that the peer gives lately, set by the caller; 0: unknown

	// Server, if not nil, is the same for all connections to one web seed. None of them
	// repeats a request of another.
	Server any

	fast   bool // supports BEP 6
	choked bool
	gave   bool          // it has given a block
	snubs  bool          // it has sent nothing of what it owes for too long
	all    bool          // has all pieces
	has    peer.Bitfield // whole words; nil if it has all pieces or none
	useful int           // pieces in has and Picker.lack
	opened int           // those that are open

	allowed []int // pieces that it gives while it chokes us
	hints   []int // pieces that it suggests, the latest last
	refused []refusal
	owes    []owed     // in the order of the requests
	late    []Block    // blocks that may come although their requests lapsed
	at      *openPiece // of which a block was last requested
	reached int        // the piece after the last run, see PickRun
	left    bool
}

// An owed is a block that a peer owes.
type owed struct {
	open  *openPiece
	block int
}

// A refusal is a piece that is not requested from a peer for some time.
type refusal struct {
	piece int
	until time.Time
}

// Join adds a peer that has no pieces and chokes us. fast is whether it supports BEP 6.
func (k *Picker) Join(data any, fast bool) *Peer {
	p := &Peer{Data: data, fast: fast, choked: true}
	k.peers = append(k.peers, p)
	return p
}

// Leave removes a peer. The blocks that it owes are free.
func (k *Picker) Leave(p *Peer, now time.Time) {
	if p.left {
		return
	}
	k.Lapse(p, now)
	k.setPieces(p, false, nil)
	for _, o := range k.open {
		if o.begun == p {
			o.begun = nil
		}
	}
	for _, f := range k.failures {
		f.givers = slices.DeleteFunc(f.givers, func(q *Peer) bool { return q == p })
	}
	i := slices.Index(k.peers, p)
	k.peers = slices.Delete(k.peers, i, i+1)
	*p = Peer{Data: p.Data, Rate: p.Rate, left: true}
}

// SetPieces replaces the pieces that a peer has. has is a result of [peer.ParseBitfield],
// and is copied.
func (k *Picker) SetPieces(p *Peer, has peer.Bitfield) {
	switch {
	case p.left:
	case has.All(k.options.Pieces):
		k.setPieces(p, true, nil)
	default:
		own := padded(k.options.Pieces)
		copy(own, has)
		k.setPieces(p, false, own)
	}
}

// HaveAll records that a peer has all pieces.
func (k *Picker) HaveAll(p *Peer) {
	if !p.left {
		k.setPieces(p, true, nil)
	}
}

// setPieces replaces the pieces that a peer has by all of them or by has.
func (k *Picker) setPieces(p *Peer, all bool, has peer.Bitfield) {
	if p.all {
		k.seeds--
	}
	k.tally(p.has, k.rarity.lower)
	p.all, p.has = all, has
	if p.all {
		k.seeds++
	}
	k.tally(p.has, k.rarity.raise)
	k.count(p)
}

// tally calls change, which is raise or lower, for pieces. If they are many, it is faster
// to sort all pieces afterwards than to move each one.
func (k *Picker) tally(pieces peer.Bitfield, change func(piece int)) {
	if pieces == nil {
		return
	}
	if pieces.Count() > k.options.Pieces/32 {
		k.rarity.stale = true
	}
	for i := range len(pieces) / 8 {
		for left := word(pieces, i); left != 0; {
			n := bits.LeadingZeros64(left)
			left &^= 1 << (63 - n)
			change(64*i + n)
		}
	}
}

// count counts the useful and the open pieces of a peer.
func (k *Picker) count(p *Peer) {
	p.useful, p.opened = 0, 0
	if p.has == nil {
		return
	}
	for i := range len(p.has) / 8 {
		p.useful += bits.OnesCount64(word(p.has, i) & word(k.lack, i))
	}
	for _, o := range k.open {
		if p.has.Has(o.piece) {
			p.opened++
		}
	}
}

// Have records that a peer has one more piece.
func (k *Picker) Have(p *Peer, piece int) {
	if p.left || !k.exists(piece) || p.Has(piece) {
		return
	}
	if p.has == nil {
		p.has = padded(k.options.Pieces)
	}
	p.has.Set(piece)
	k.rarity.raise(piece)
	if k.lack.Has(piece) {
		p.useful++
	}
	if k.byPiece[piece] != nil {
		p.opened++
	}
}

// Has reports whether a peer has a piece.
func (p *Peer) Has(piece int) bool { return p.all || p.has != nil && p.has.Has(piece) }

// Owes returns the number of blocks that a peer owes.
func (p *Peer) Owes() int { return len(p.owes) }

// Interesting reports whether a peer has a piece that is wanted and not proven.
func (k *Picker) Interesting(p *Peer) bool {
	if p.all {
		return k.lacking > 0
	}
	return p.useful > 0
}

// unopened returns the number of useful pieces of a peer that are not open.
func (k *Picker) unopened(p *Peer) int {
	if p.all {
		return len(k.rarity.order)
	}
	return p.useful - p.opened
}

// AllowFast records a piece that a peer gives while it chokes us.
func (k *Picker) AllowFast(p *Peer, piece int) {
	if k.exists(piece) && len(p.allowed) < maxAllowed && !slices.Contains(p.allowed, piece) {
		p.allowed = append(p.allowed, piece)
	}
}

// Suggest records a piece that a peer suggests to request from it.
func (k *Picker) Suggest(p *Peer, piece int) {
	if !k.exists(piece) || slices.Contains(p.hints, piece) {
		return
	}
	if len(p.hints) == maxHints {
		p.hints = slices.Delete(p.hints, 0, 1)
	}
	p.hints = append(p.hints, piece)
}

// Choke records that a peer chokes us. Without BEP 6 that drops our requests; with it the
// peer rejects each one.
func (k *Picker) Choke(p *Peer, now time.Time) {
	p.choked = true
	if !p.fast {
		k.Lapse(p, now)
	}
}

// Unchoke records that a peer does not choke us.
func (k *Picker) Unchoke(p *Peer) { p.choked = false }

// settle removes a block from those that the peer owes. Most blocks come in the order of
// the requests, so those before it are moved, and not the perhaps thousands after it.
func (p *Peer) settle(o *openPiece, i int) {
	at := slices.Index(p.owes, owed{o, i})
	copy(p.owes[1:], p.owes[:at])
	p.owes[0] = owed{}
	p.owes = p.owes[1:]
}

// gives reports whether a piece may be requested from the peer.
func (p *Peer) gives(piece int, now time.Time) bool {
	return p.Has(piece) && (!p.choked || slices.Contains(p.allowed, piece)) && !p.refuses(piece, now)
}

// refuses reports whether the peer has rejected a block of a piece lately.
func (p *Peer) refuses(piece int, now time.Time) bool {
	return slices.ContainsFunc(p.refused, func(r refusal) bool { return r.piece == piece && now.Before(r.until) })
}

// refusesAll reports whether the peer has rejected blocks of too many pieces lately.
func (p *Peer) refusesAll(now time.Time) bool {
	p.refused = slices.DeleteFunc(p.refused, func(r refusal) bool { return !now.Before(r.until) })
	return len(p.refused) >= maxRefused
}
