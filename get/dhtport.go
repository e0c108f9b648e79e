package get

import (
	"net/netip"

	"bt/internal/peer"
	"bt/internal/swarm"
)

// sendPort sends the port of our DHT node (BEP 5), if the peer has one too. Private torrents
// use no DHT (BEP 27).
func (c *conn) sendPort() {
	g := c.getter
	if g.options.DHTPort != 0 && c.hello.Has(peer.FeatureDHT) && !g.isPrivate() {
		c.Queue(peer.Message{ID: peer.IDPort, Port: g.options.DHTPort})
	}
}

// handlePort passes on the address of the peer's DHT node, once per connection.
func (c *conn) handlePort(port uint16) error {
	o := &c.getter.options
	if o.DHTNode != nil && o.DHTPort != 0 && port != 0 && !c.sentNode && !c.getter.isPrivate() {
		c.sentNode = true
		o.DHTNode(netip.AddrPortFrom(c.Addr.Addr(), port))
	}
	return c.pay(swarm.CostSmall)
}
