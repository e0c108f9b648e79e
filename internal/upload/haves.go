package upload

import (
	"bytes"

	"bt/internal/peer"
)

// maxHaves is how many have messages are sent at once, and up to 512 more.
const maxHaves = 1000

// Introduce advertises what we have, as the first message after the extended
// handshake. have is kept.
func (p *Peer) Introduce(have peer.Bitfield) {
	p.advertised = have
	switch n := have.Count(); {
	case p.fast && n == p.Source.Content().Pieces():
		p.Link.Queue(peer.Message{ID: peer.IDHaveAll})
	case p.fast && n == 0:
		p.Link.Queue(peer.Message{ID: peer.IDHaveNone})
	case n > 0:
		p.Link.Queue(peer.Message{ID: peer.IDBitfield, Payload: have})
	}
}

// Begin replaces Introduce for a peer that has joined before the number of pieces was
// known, as with a magnet link: none was advertised to it. Before Begin, all its requests
// are refused, and Advertise must not be called. The role sends have none, as the first
// message, if both sides support BEP 6.
func (p *Peer) Begin(pieces int) { p.advertised = peer.NewBitfield(pieces) }

// Advertised returns the pieces that were advertised to the peer. A role that chooses
// pieces for the peer (BEP 16) introduces a bitfield of this peer only, and sets here what
// it queues have messages for.
func (p *Peer) Advertised() peer.Bitfield { return p.advertised }

// Notify makes the link call Prepare, for pieces that were not advertised to the peer.
// Any goroutine may call it.
func (p *Peer) Notify() {
	if !p.News.Swap(true) {
		p.Link.Wake()
	}
}

// Advertise sends have messages for the pieces in have that were not advertised to the
// peer, except for those that are in has, its own; nil means that it has none. have is
// kept. If there are too many, News is set and the rest follows when these are sent.
func (p *Peer) Advertise(have, has peer.Bitfield) {
	const step = 64 // bytes that are compared at once: most are equal
	sent := 0
	for at := 0; at < len(have); at += step {
		end := min(at+step, len(have))
		if bytes.Equal(have[at:end], p.advertised[at:end]) {
			continue
		}
		if sent >= maxHaves {
			p.advertised = append(have[:at:at], p.advertised[at:]...)
			p.News.Store(true)
			return
		}
		for i := 8 * at; i < 8*end; i++ {
			if have.Has(i) && !p.advertised.Has(i) && (has == nil || !has.Has(i)) {
				p.Link.Queue(peer.Message{ID: peer.IDHave, Index: uint32(i)})
				sent++
			}
		}
	}
	p.advertised = have
}
