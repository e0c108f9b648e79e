package seed

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"bt/internal/peer"
)

const (
	// A peer is offered minOffers pieces at once, and more if it gets more than that
	// in offerAhead at its rate. It can pass on a piece only when it has all of it.
	minOffers  = 2
	maxOffers  = 64
	offerAhead = 8 * time.Second

	// A piece counts as spread when this many other peers have it.
	witnesses = 2

	// A peer that has received a piece that does not spread gets other offers after
	// spreadTime: the peers that have the piece from it may not be connected to us. A
	// peer that receives nothing from us gets other offers after offerTime, unless it
	// waits for a slot, and one that receives a piece slowly after slowTime. The
	// piece is then offered to others too.
	spreadTime = 20 * time.Second
	offerTime  = 40 * time.Second
	slowTime   = 10 * offerTime

	// A peer that is not interested in its offers after wantTime gets twice as many
	// the next time, up to maxExtraOffers: it may want only a few files.
	wantTime       = 3 * time.Second
	maxExtraOffers = 1000

	// If no piece has spread for vainTime, the peers can't reach each other or don't
	// send haves. Then a piece counts as spread when the peer that it was offered to
	// has it.
	vainTime = 3 * spreadTime

	// aloneTime is how long to wait for a second peer. A single peer can't spread
	// pieces.
	aloneTime = 10 * time.Second
)

// A super decides which pieces are offered to which peer while a torrent is
// super-seeded (BEP 16). The seed pretends to have few pieces, and offers each peer
// different ones by have messages, so that it sends each piece once and the peers
// exchange the rest. It learns what they have from their have messages. Super-seeding
// ends when the peers have all pieces between them, or when another seed is found.
type super struct {
	mu     sync.Mutex
	have   peer.Bitfield // our pieces
	all    int           // number of pieces in have
	isLeft peer.Bitfield // the pieces in left
	left   []int         // pieces to offer, in random order: those that no peer has or was offered, and some others
	out    int           // number of our pieces that some peer has
	count  []int32       // number of peers that have each piece
	peers  map[*superPeer]bool
	by     map[int]*superPeer // the peer that was last offered a piece that has not spread
	alone  time.Time          // since when there may be a single peer
	passed time.Time          // when a piece spread last, or the second peer joined
	over   bool
}

// A superPeer is a peer of a torrent that is super-seeded.
type superPeer struct {
	*super
	wake   func()         // makes the conn call next
	offers map[int]*offer // offers that have not spread yet
	plain  bool           // all pieces are offered to it
	more   int            // additional offers, since it wants none of those so far
}

type offer struct {
	made time.Time
	got  time.Time // when the peer got the piece; zero: not yet
	late bool      // the piece is offered to others too
}

func newSuper(have peer.Bitfield, pieces int) *super {
	s := &super{have: have, all: have.Count(), isLeft: slices.Clone(have), count: make([]int32, pieces), by: make(map[int]*superPeer), peers: make(map[*superPeer]bool)}
	for _, i := range rand.Perm(pieces) {
		if have.Has(i) {
			s.left = append(s.left, i)
		}
	}
	return s
}

// isOver reports whether super-seeding has ended.
func (s *super) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// join adds a peer without pieces.
func (s *super) join(wake func(), now time.Time) *superPeer {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &superPeer{super: s, wake: wake, offers: make(map[int]*offer)}
	s.peers[p] = true
	s.alone = now
	if len(s.peers) == 2 {
		s.passed = now
	}
	return p
}

// leave removes a peer that had the pieces in had.
func (p *superPeer) leave(had peer.Bitfield, now time.Time) {
	s := p.super
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	s.alone = now
	for i := range s.count {
		if len(had) > 0 && had.Has(i) {
			if s.count[i]--; s.count[i] == 0 && s.have.Has(i) {
				s.out--
				s.reoffer(p, i)
			}
		}
	}
	for i := range p.offers {
		s.reoffer(p, i)
	}
}

// reoffer makes a piece that p was offered or had available for other offers, if no
// peer has it. s.mu is locked.
func (s *super) reoffer(p *superPeer, piece int) {
	if other := s.by[piece]; other != nil && other != p {
		return
	}
	delete(s.by, piece)
	if s.count[piece] == 0 && !s.isLeft.Has(piece) {
		s.isLeft.Set(piece)
		s.left = append(s.left, piece)
	}
}

// addPiece records that a peer has got a piece.
func (p *superPeer) addPiece(piece int, now time.Time) {
	s := p.super
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[piece]++; s.count[piece] == 1 && s.have.Has(piece) {
		if s.out++; s.out == s.all {
			s.end()
			return
		}
	}
	if o := p.offers[piece]; o != nil {
		o.got = now
	}
	if from := s.by[piece]; from != nil && from != p {
		from.wake() // its offer may have spread
	}
}

// finish ends super-seeding because there is another seed.
func (s *super) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// end ends super-seeding. s.mu is locked.
func (s *super) end() {
	if s.over {
		return
	}
	s.over = true
	for p := range s.peers {
		p.wake()
	}
}

// tick wakes all peers, so that offers which have timed out are replaced.
func (s *super) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		p.wake()
	}
}

// next returns the pieces to offer to a peer now; all reports whether to offer all
// pieces instead. offered holds the offers so far, rate is in pieces per second, wants
// reports whether the peer is interested, and served whether it is unchoked.
func (p *superPeer) next(offered peer.Bitfield, rate float64, wants, served bool, now time.Time) (pieces []int, all bool) {
	s := p.super
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || p.plain || len(s.peers) == 1 && now.Sub(s.alone) >= aloneTime {
		p.plain = true
		return nil, true
	}
	unwanted := p.review(rate, wants, served, now)
	switch {
	case wants:
		p.more = 0
	case unwanted:
		p.more = min(2*max(p.more, 1), maxExtraOffers)
	}
	target := min(minOffers+int(rate*offerAhead.Seconds()), maxOffers) + p.more
	for len(p.offers) < target {
		i, ok := s.pick(offered)
		if !ok {
			break
		}
		offered.Set(i)
		p.offers[i] = &offer{made: now}
		s.by[i] = p
		pieces = append(pieces, i)
	}
	return pieces, false
}

// review removes the offers to a peer that have spread or timed out, and offers pieces
// that the peer receives slowly to others too. It reports whether the peer has not
// become interested in an offer in time. s.mu is locked.
func (p *superPeer) review(rate float64, wants, served bool, now time.Time) (unwanted bool) {
	s := p.super
	enough := int32(max(1, min(witnesses, len(s.peers)-1)))
	vain := len(s.peers) > 1 && now.Sub(s.passed) >= vainTime
	for i, o := range p.offers {
		others := s.count[i]
		if o.arrived() {
			others--
		}
		if others >= enough {
			s.passed = now
		}
		switch {
		case others >= enough, o.arrived() && (vain || now.Sub(o.got) >= spreadTime):
			delete(p.offers, i)
			if s.by[i] == p {
				delete(s.by, i)
			}
		case o.arrived():
		case !wants && now.Sub(o.made) >= wantTime:
			unwanted = true
			delete(p.offers, i)
			s.reoffer(p, i)
		case o.isSlow(rate, now):
			if !o.late {
				o.late = true
				s.reoffer(p, i)
			}
			if served {
				delete(p.offers, i) // it had its chance
			}
		}
	}
	return unwanted
}

// arrived reports whether the peer has got the piece.
func (o *offer) arrived() bool { return !o.got.IsZero() }

// isSlow reports whether a piece that has not arrived should have by now, at the rate
// of the peer.
func (o *offer) isSlow(rate float64, now time.Time) bool {
	age := now.Sub(o.made)
	return rate == 0 && age >= offerTime || age >= slowTime
}

// pick takes the next piece to offer to a peer out of left, one that no peer has.
// s.mu is locked.
func (s *super) pick(offered peer.Bitfield) (piece int, ok bool) {
	for k := len(s.left) - 1; k >= 0; k-- {
		i := s.left[k]
		if offered.Has(i) {
			continue // it was offered to this peer before
		}
		s.left = slices.Delete(s.left, k, k+1)
		s.isLeft.Clear(i)
		if s.count[i] == 0 && s.by[i] == nil {
			return i, true
		}
	}
	return 0, false
}
