package upload

import (
	"fmt"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/store"
	"bt/internal/swarm"
)

// Handle handles a message about what the peer wants: interested, not interested, request
// or cancel.
func (p *Peer) Handle(m peer.Message) error {
	b := store.Block{Piece: m.Index, Begin: m.Begin, Length: m.Length}
	switch m.ID {
	case peer.IDRequest:
		return p.request(b)
	case peer.IDCancel:
		return p.cancel(b)
	}
	p.interested = m.ID == peer.IDInterested
	p.Torrent.limits.choker.SetInterested(p.Slot, p.interested)
	return p.Flood.Pay(swarm.CostSmall)
}

// request queues a requested block, or rejects it.
func (p *Peer) request(b store.Block) error {
	if p.advertised == nil { // the number of pieces is unknown, and so is the content
		return p.refuse(b)
	}
	if pieces := p.Source.Content().Pieces(); int64(b.Piece) >= int64(pieces) {
		return fmt.Errorf("%w: it asks for piece %d of %d", link.ErrProtocol, b.Piece, pieces)
	}
	if b.Length == 0 || b.Length > peer.MaxBlock || int64(b.Begin)+int64(b.Length) > p.Source.Length(int(b.Piece)) {
		return fmt.Errorf("%w: it asks for %d bytes at %d of piece %d", link.ErrProtocol, b.Length, b.Begin, b.Piece)
	}
	accepted := p.unchoked && p.advertised.Has(int(b.Piece)) && p.queue.push(b)
	if !accepted {
		return p.refuse(b)
	}
	p.Slot.Asked(true)
	return nil
}

// refuse rejects a request that is not queued.
func (p *Peer) refuse(b store.Block) error {
	p.Slot.Asked(false)
	p.reject(b)
	return p.Flood.Pay(swarm.CostUseless)
}

// cancel removes a request from the queue.
func (p *Peer) cancel(b store.Block) error {
	if !p.queue.remove(b) {
		return p.Flood.Pay(swarm.CostUseless) // or the block is already sent
	}
	p.reject(b) // BEP 6: every request gets an answer
	return p.Flood.Pay(swarm.CostSmall)
}

// reject rejects a request if the peer supports BEP 6. Without BEP 6 there is no
// message for it.
func (p *Peer) reject(b store.Block) {
	if p.fast {
		p.Link.Queue(peer.Message{ID: peer.IDReject, Index: b.Piece, Begin: b.Begin, Length: b.Length})
	}
}

// ApplyChoke sends the choke or unchoke that the choker has decided.
func (p *Peer) ApplyChoke() {
	switch want := p.Slot.Given(); {
	case want && !p.unchoked:
		p.unchoked = true
		p.Link.Queue(peer.Message{ID: peer.IDUnchoke})
	case !want && p.unchoked:
		p.unchoked = false
		p.Link.Queue(peer.Message{ID: peer.IDChoke})
		for _, b := range p.queue.waiting() { // BEP 6: pending requests are rejected explicitly
			p.reject(b)
		}
		p.queue.clear()
	}
}
