// Package upload is the upload side of connections to peers: it answers the requests of
// peers that are unchoked, straight from mapped files, within the limits of package
// swarm.
//
// A [Peer] is the upload side of one connection, for a seed as well as for a peer that
// downloads at the same time. What it sends comes from a [Source].
package upload

import (
	"sync/atomic"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/store"
	"bt/internal/swarm"
)

// Limits bound what the peers of all torrents are sent.
type Limits struct {
	choker *swarm.Choker
	rate   *swarm.Rate
	turns  *turns
}

// NewLimits returns limits. rate may be nil, and at most maxTurns peers are sent data at
// the same moment.
func NewLimits(choker *swarm.Choker, rate *swarm.Rate, maxTurns int) *Limits {
	return &Limits{choker, rate, newTurns(maxTurns)}
}

// A Torrent has the limits of one torrent. Its methods may be called by several
// goroutines.
type Torrent struct {
	limits *Limits
	rates  swarm.Rates
	turns  turnQueue // guarded by limits.turns.mu
}

// Torrent returns the limits of a torrent, which may have a rate of its own or nil.
func (l *Limits) Torrent(own *swarm.Rate) *Torrent {
	return &Torrent{limits: l, rates: swarm.Rates{All: l.rate, Own: own}}
}

// Take waits for the turn to read data from the disk. The caller must give it back by
// Give.
func (t *Torrent) Take() { t.limits.turns.take(&t.turns) }

// Give returns a turn.
func (t *Torrent) Give() { t.limits.turns.give(&t.turns) }

// A Source is what a peer is served from. The goroutine of the link calls its methods.
type Source interface {
	// Content returns the content of the torrent. It is not called before Introduce or
	// Begin, and neither is Length.
	Content() *store.Content

	// Length returns the length up to which blocks of a piece may be requested.
	Length(piece int) int64

	// Sent records that n bytes of blocks were sent.
	Sent(n int64)

	// Unread records blocks of which one or more could not be read. The connection ends.
	Unread(blocks ...store.Block)
}

// A Peer is the upload side of a connection. The goroutine of its link calls its methods,
// except where they say otherwise. The first four fields are required.
type Peer struct {
	Link    *link.Link
	Slot    *swarm.Slot
	Torrent *Torrent
	Source  Source

	Flood swarm.Flood // useless messages of the peer
	News  atomic.Bool // there may be pieces to advertise; Notify sets it

	fast       bool // both sides support BEP 6
	interested bool
	unchoked   bool
	advertised peer.Bitfield // pieces that were advertised to the peer, which may request them; nil: their number is unknown
	queue      queue
	budget     swarm.Budget
	hashing    swarm.Flood // hash requests
}

// Join adds the peer to the choker. fast reports whether both sides support BEP 6. Leave
// must be called later.
func (p *Peer) Join(fast bool) {
	p.fast = fast
	p.budget.Rates = &p.Torrent.rates
	p.Torrent.limits.choker.Add(p.Slot)
}

// Leave removes the peer from the choker, and returns what it was granted.
func (p *Peer) Leave() {
	p.budget.End()
	p.Torrent.limits.choker.Remove(p.Slot)
}

// Interested reports whether the peer is interested, and Unchoked whether it was sent
// an unchoke.
func (p *Peer) Interested() bool { return p.interested }
func (p *Peer) Unchoked() bool   { return p.unchoked }
