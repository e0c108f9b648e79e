package get

import (
	"errors"
	"net/netip"
	"time"

	"bt/internal/discover/pex"
	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
)

func init() {
	extensions.Add(peer.PEXName, (*conn).handlePEX)
	extensions.Add(peer.HolepunchName, (*conn).handleHolepunch)
}

// isPrivate reports whether the torrent is known to be private (BEP 27).
func (g *Getter) isPrivate() bool {
	t := g.Torrent()
	return t != nil && t.Private
}

// becomePrivate ends what was begun before the info dict was known, which says that the
// torrent is private: its peers are only known from its trackers. g.mu is locked.
func (g *Getter) becomePrivate() {
	g.endSearch()
	g.exchange.Close()
	g.hub.Keep(entry{g}, swarm.SourceTracker)
}

// extensionIDs returns the ids of the kinds of extended messages that are handled. again
// reports that they were sent before, so that those of the exchange must be disabled if
// the torrent has turned out to be private.
func (g *Getter) extensionIDs(again bool) map[string]uint8 {
	ids := extensions.IDs()
	private := g.isPrivate()
	if !g.options.NoPEX && !private {
		return ids
	}
	for _, name := range []string{peer.PEXName, peer.HolepunchName} {
		delete(ids, name)
		if again && private && !g.options.NoPEX {
			ids[name] = 0
		}
	}
	return ids
}

// joinExchange adds the peer to the exchange of addresses, unless there is none.
func (c *conn) joinExchange() {
	g := c.getter
	if g.options.NoPEX {
		return
	}
	c.exchange = g.exchange.Join(pex.Joining{
		Addr: c.Addr, Called: c.Called(), Encrypted: c.Encrypts(), Extends: c.hello.Has(peer.FeatureExtensions),
		Port: g.port, Wake: c.Wake,
	})
}

func (c *conn) leaveExchange() {
	if c.exchange != nil {
		c.exchange.Leave()
	}
}

// sendExchange sends the messages of the exchange that are due.
func (c *conn) sendExchange() {
	if c.exchange != nil && c.exchange.News() {
		c.QueueBytes(func(b []byte) []byte { return c.exchange.Append(b, time.Now()) })
	}
}

// handlePEX offers the addresses that the peer has sent to the hub (BEP 11).
func (c *conn) handlePEX(payload []byte) error {
	if c.exchange == nil || c.getter.isPrivate() {
		return c.pay(swarm.CostUseless)
	}
	addrs, ok, err := c.exchange.Receive(payload, time.Now())
	switch {
	case err != nil:
		return errors.Join(link.ErrProtocol, err)
	case !ok:
		return c.pay(swarm.CostEarly)
	}
	c.swarm.offer(swarm.Origin{Source: swarm.SourcePEX, Giver: c.Addr.Addr()}, addrs)
	return c.pay(swarm.CostExchange)
}

// offer offers addresses of peers to the hub that no tracker has named, unless the torrent
// has turned out to be private.
func (s *membership) offer(o swarm.Origin, peers []netip.AddrPort) {
	g := s.getter
	g.mu.Lock() // becomePrivate must not come between
	defer g.mu.Unlock()
	if t := g.life.torrent; t == nil || !t.Private {
		g.hub.Offer(entry{g}, s.hash, o, peers)
	}
}

// handleHolepunch relays a message to another peer (BEP 55).
func (c *conn) handleHolepunch(payload []byte) error {
	if c.exchange == nil {
		return c.pay(swarm.CostUseless)
	}
	answer, ok, err := c.exchange.Relay(payload, time.Now())
	switch {
	case err != nil:
		return errors.Join(link.ErrProtocol, err)
	case !ok:
		return c.pay(swarm.CostUseless)
	}
	c.QueueBytes(func(b []byte) []byte { return c.exchange.AppendHolepunch(b, &answer) })
	return c.pay(swarm.CostRelay)
}
