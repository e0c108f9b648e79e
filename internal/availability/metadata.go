package availability

import (
	"errors"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
)

func init() { extensions.Add(peer.MetadataName, (*conn).handleMetadata) }

// offerMetadata makes the peer one of those that the info dict is fetched from, if it says
// that it has it, and the number of pieces is unknown.
func (c *conn) offerMetadata(size int) {
	a := c.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fetch != nil && extensions.PeerID(c.extensions, peer.MetadataName) != 0 && a.fetch.Join(c, size) {
		a.conns[c] = true
		a.askMetadata()
	}
}

// askMetadata makes peers send the requests for the info dict that are due. a.mu is
// locked.
func (a *asker) askMetadata() {
	if a.fetch == nil {
		return
	}
	for _, r := range a.fetch.Requests(time.Now()) {
		r.Peer.requests = append(r.Peer.requests, r.Piece)
		r.Peer.Wake()
	}
}

// requestMetadata queues the requests for the info dict that are due.
func (c *conn) requestMetadata() {
	a := c.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns[c] {
		a.askMetadata()
	}
	id := extensions.PeerID(c.extensions, peer.MetadataName)
	for _, piece := range c.requests {
		m := peer.Metadata{Kind: peer.MetadataRequest, Piece: piece}
		c.QueueBytes(func(b []byte) []byte { return m.Append(b, id) })
	}
	c.requests = nil
}

// fetches reports whether the info dict is being fetched from the peer, among others.
func (c *conn) fetches() bool {
	c.asker.mu.Lock()
	defer c.asker.mu.Unlock()
	return c.asker.fetch != nil && c.asker.conns[c]
}

// owesMetadata reports whether the peer may send a piece of the info dict.
func (c *conn) owesMetadata() bool {
	c.asker.mu.Lock()
	defer c.asker.mu.Unlock()
	return c.asker.fetch != nil && c.asker.fetch.Owes(c)
}

// handleMetadata handles a message about the info dict (BEP 9).
func (c *conn) handleMetadata(payload []byte) error {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	a := c.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fetch == nil {
		return c.flood.Pay(swarm.CostLong(len(payload)))
	}
	switch m.Kind {
	case peer.MetadataData:
		liars, err := a.fetch.Data(c, m.Piece, m.TotalSize, m.Data, time.Now())
		if err != nil {
			return c.flood.Pay(swarm.CostLong(len(payload)))
		}
		a.convict(liars)
		if info := a.fetch.Info(); info != nil {
			a.setInfo(info)
		}
	case peer.MetadataReject:
		if err := a.fetch.Reject(c, m.Piece, time.Now()); err != nil {
			return c.flood.Pay(swarm.CostLong(len(payload)))
		}
	default:
		return c.flood.Pay(swarm.CostLong(len(payload)))
	}
	a.askMetadata()
	return nil
}

// convict disconnects peers that have sent a wrong info dict. a.mu is locked.
func (a *asker) convict(liars []*conn) {
	for _, c := range liars {
		c.lied = true
		delete(a.conns, c)
		c.Close()
	}
}

// leave ends the part of the peer in the fetch.
func (c *conn) leave() {
	a := c.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
	if a.fetch != nil {
		a.fetch.Leave(c)
		a.askMetadata()
	}
}
