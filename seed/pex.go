package seed

import (
	"errors"
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

// exchanges reports whether the addresses of the torrent's peers are exchanged with them.
// Those of a private torrent are only known from its trackers (BEP 27).
func (t *Torrent) exchanges() bool { return !t.private && !t.seeder.options.NoPEX }

// extensionIDs returns the ids of the kinds of extended messages that are handled.
func (t *Torrent) extensionIDs() map[string]uint8 {
	ids := extensions.IDs()
	if !t.exchanges() {
		delete(ids, peer.PEXName)
		delete(ids, peer.HolepunchName)
	}
	return ids
}

// joinExchange adds the peer to the exchange of addresses, unless there is none.
func (c *conn) joinExchange() {
	if !c.torrent.exchanges() {
		return
	}
	c.exchange = c.torrent.exchange.Join(pex.Joining{
		Addr: c.Addr, Called: c.Called(), Encrypted: c.Encrypts(), Extends: c.hello.Has(peer.FeatureExtensions),
		Port: c.seeder.port, Wake: c.Wake,
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
	if c.exchange == nil {
		return c.pay(swarm.CostUseless)
	}
	addrs, ok, err := c.exchange.Receive(payload, time.Now())
	switch {
	case err != nil:
		return errors.Join(link.ErrProtocol, err)
	case !ok:
		return c.pay(swarm.CostEarly)
	}
	c.torrent.offer(c.swarm.hash, swarm.Origin{Source: swarm.SourcePEX, Giver: c.Addr.Addr()}, addrs)
	return c.pay(swarm.CostExchange)
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
