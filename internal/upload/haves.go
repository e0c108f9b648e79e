package upload

import (
	"math/bits"

	"bt/internal/peer"
)

// maxHaves is how many have messages are sent at once, or a few more.
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

// Told returns the pieces that the peer was told of.
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
	sent := 0
	for k := range have {
		if sent >= maxHaves {
			p.told = append(have[:k:k], p.told[k:]...)
			p.News.Store(true)
			return
		}
		news := have[k] &^ p.told[k]
		if has != nil {
			news &^= has[k]
		}
		for ; news != 0; sent++ {
			i := bits.LeadingZeros8(news)
			news &^= 0x80 >> i
			p.Link.Queue(peer.Message{ID: peer.IDHave, Index: uint32(8*k + i)})
		}
	}
	p.told = have
}
