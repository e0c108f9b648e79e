package get

import (
	"net/netip"

	"bt/internal/peer"
	"bt/internal/swarm"
)

// usesDHT reports whether peers are sent the port of our DHT node, and theirs is used
// (BEP 5). Private torrents use no DHT (BEP 27).
func (g *Getter) usesDHT() bool { return g.dht.HasDHT() && !g.isPrivate() }

// sendPort sends the port of our DHT node, if the peer has one too.
func (c *conn) sendPort() {
	if !c.hello.Has(peer.FeatureDHT) || !c.getter.usesDHT() {
		return
	}
	if port := c.getter.dht.Port(c.Addr.Addr()); port != 0 {
		c.Queue(peer.Message{ID: peer.IDPort, Port: port})
	}
}

// handlePort passes on the address of the peer's DHT node, once per connection.
func (c *conn) handlePort(port uint16) error {
	if port != 0 && !c.sentNode && c.getter.usesDHT() {
		c.sentNode = true
		c.getter.dht.AddNode(netip.AddrPortFrom(c.Addr.Addr(), port))
	}
	return c.pay(swarm.CostSmall)
}
