package upload

import (
	"bytes"

	"bt/internal/peer"
)

// maxHaves is how many have messages are sent at once, and up to 512 more.
const maxHaves = 1000

// Introduce tells the peer what we have, as the first message after the extended
// handshake. have is kept.
func (p *Peer) Introduce(have peer.Bitfield) {
	p.told = have
	switch n := have.Count(); {
	case p.fast && n == p.Source.Content().Pieces():
		p.Link.Queue(peer.Message{ID: peer.IDHaveAll})
	case p.fast && n == 0:
		p.Link.Queue(peer.Message{ID: peer.IDHaveNone})
	case n > 0:
		p.Link.Queue(peer.Message{ID: peer.IDBitfield, Payload: have})
	}
}

// Told returns the pieces that the peer was told of. A role that chooses pieces for the
// peer (BEP 16) introduces a bitfield of this peer only, and sets here what it queues have
// messages for.
func (p *Peer) Told() peer.Bitfield { return p.told }

// Notify makes the link call Prepare, for pieces that the peer was not told of. Any
// goroutine may call it.
func (p *Peer) Notify() {
	if !p.News.Swap(true) {
		p.Link.Wake()
	}
}

// Tell sends have messages for the pieces in have that the peer was not told of, except
// for those that are in has, its own; nil means that it has none. have is kept. If there
// are too many, News is set and the rest follows when these are sent.
func (p *Peer) Tell(have, has peer.Bitfield) {
	const step = 64 // bytes that are compared at once: most are equal
	sent := 0
	for at := 0; at < len(have); at += step {
		end := min(at+step, len(have))
		if bytes.Equal(have[at:end], p.told[at:end]) {
			continue
		}
		if sent >= maxHaves {
			p.told = append(have[:at:at], p.told[at:]...)
			p.News.Store(true)
			return
		}
		for i := 8 * at; i < 8*end; i++ {
			if have.Has(i) && !p.told.Has(i) && (has == nil || !has.Has(i)) {
				p.Link.Queue(peer.Message{ID: peer.IDHave, Index: uint32(i)})
				sent++
			}
		}
	}
	p.told = have
}
