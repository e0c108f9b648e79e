package seed

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"bt/internal/peer"
)

const (
	// A peer is offered so many pieces at once, and as many as it gets in
	// offerAhead at its rate: it can't pass on what it does not have whole.
	minOffers  = 2
	maxOffers  = 64
	offerAhead = 8 * time.Second

	// So many others must have a piece before it counts as spread.
	witnesses = 2

	// Who has got a piece that does not spread is offered others after spreadTime:
	// those who have it from there may not be our peers. Who gets nothing from us is
	// offered others after offerTime, unless it waits for a slot, and who gets it
	// slowly after slowTime; others are offered its pieces then.
	spreadTime = 20 * time.Second
	offerTime  = 40 * time.Second
	slowTime   = 10 * offerTime

	// Who is not interested in what it was told of after wantTime is told of twice as
	// much the next time: it may want only a few files.
	wantTime       = 3 * time.Second
	maxExtraOffers = 1000

	// Where no piece has spread for vainTime the peers don't reach each other, or
	// don't tell: it is enough that they get what they are offered, until one spreads.
	vainTime = 3 * spreadTime

	// With a single peer there is nobody to spread anything; this is how long
	// another is waited for.
	aloneTime = 10 * time.Second
)

// A super decides which pieces each peer is told of while a torrent is
// super-seeded (BEP 16): the seed looks like a peer that has little, and tells each
// of the others of other pieces, so that each piece is sent once and they get the
// rest from each other. What they have is known from their haves. It ends when all
// is out, or when there is another seed.
type super struct {
	mu     sync.Mutex
	have   peer.Bitfield // of ours
	all    int           // pieces in it
	isLeft peer.Bitfield // those in left
	left   []int         // pieces that nobody has and nobody was offered, in random order; and some others
	out    int           // pieces of ours that somebody has
	count  []int32       // of peers that have a piece
	peers  map[*superPeer]bool
	by     map[int]*superPeer // who was offered a piece last, until it has spread
	alone  time.Time          // since when there may be a single peer
	passed time.Time          // when a piece has spread last, or there were two peers first
	over   bool
}

// A superPeer is a peer of a torrent that is super-seeded.
type superPeer struct {
	*super
	wake   func()         // has it ask what is new
	offers map[int]*offer // that have not spread yet
	plain  bool           // it is told everything
	more   int            // offers, for it wants none of those before
}

type offer struct {
	made time.Time
	got  time.Time // zero: not yet
	late bool      // somebody else is offered it too
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

// isOver reports whether everybody is told everything.
func (s *super) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// join adds a peer, of which nothing is known yet.
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

// leave removes a peer that had these pieces.
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

// reoffer has a piece that p was offered, or had, offered to others if nobody has
// it. s.mu is locked.
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

// addPiece notes that a peer has a piece that it did not have.
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
		from.wake() // a witness
	}
}

// finish is called when there is another seed.
func (s *super) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// end has everybody told everything. s.mu is locked.
func (s *super) end() {
	if s.over {
		return
	}
	s.over = true
	for p := range s.peers {
		p.wake()
	}
}

// tick has everybody look whether there is something new, for time has passed.
func (s *super) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		p.wake()
	}
}

// next returns pieces that a peer is to be told of now; all: of everything. It was
// told of some before, gets from us so many pieces a second, and may be interested
// and have a slot.
func (p *superPeer) next(told peer.Bitfield, rate float64, wants, served bool, now time.Time) (pieces []int, all bool) {
	s := p.super
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || p.plain || len(s.peers) == 1 && now.Sub(s.alone) >= aloneTime {
		p.plain = true
		return nil, true
	}
	enough := int32(max(1, min(witnesses, len(s.peers)-1)))
	vain := len(s.peers) > 1 && now.Sub(s.passed) >= vainTime
	unwanted := false
	for i, o := range p.offers {
		others := s.count[i]
		if !o.got.IsZero() {
			others--
		}
		if others >= enough {
			s.passed = now
		}
		switch {
		case others >= enough, vain && !o.got.IsZero(), !o.got.IsZero() && now.Sub(o.got) >= spreadTime:
			delete(p.offers, i)
			if s.by[i] == p {
				delete(s.by, i)
			}
		case !wants && o.got.IsZero() && now.Sub(o.made) >= wantTime:
			unwanted = true
			delete(p.offers, i)
			s.reoffer(p, i)
		case o.got.IsZero() && (rate == 0 && now.Sub(o.made) >= offerTime || now.Sub(o.made) >= slowTime):
			if !o.late {
				o.late = true
				s.reoffer(p, i)
			}
			if served {
				delete(p.offers, i) // it does not want it
			}
		}
	}
	target := min(minOffers+int(rate*offerAhead.Seconds()), maxOffers)
	switch {
	case wants:
		p.more = 0
	case unwanted:
		p.more = min(2*max(p.more, 1), maxExtraOffers)
	}
	target += p.more
	for len(p.offers) < target {
		i, ok := s.pick(told)
		if !ok {
			break
		}
		told.Set(i)
		p.offers[i] = &offer{made: now}
		s.by[i] = p
		pieces = append(pieces, i)
	}
	return pieces, false
}

// pick takes the next piece for a peer out of those that are left: one that nobody
// has is the rarest. s.mu is locked.
func (s *super) pick(told peer.Bitfield) (piece int, ok bool) {
	for k := len(s.left) - 1; k >= 0; k-- {
		i := s.left[k]
		if told.Has(i) {
			continue // it is somebody else's turn
		}
		s.left = slices.Delete(s.left, k, k+1)
		s.isLeft.Clear(i)
		if s.count[i] == 0 && s.by[i] == nil {
			return i, true
		}
	}
	return 0, false
}
