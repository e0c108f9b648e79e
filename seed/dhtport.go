package seed

import (
	"net/netip"

	"bt/internal/peer"
	"bt/internal/swarm"
)

// usesDHT reports whether peers of the torrent are sent the port of our DHT node, and
// theirs is used (BEP 5). Private torrents use no DHT (BEP 27).
func (t *Torrent) usesDHT() bool { return !t.private && t.seeder.dht.HasDHT() }

// sendPort sends the port of our DHT node, if the peer has one too.
func (c *conn) sendPort() {
	if !c.torrent.usesDHT() || !c.hello.Has(peer.FeatureDHT) {
		return
	}
	if port := c.seeder.dht.Port(c.Addr.Addr()); port != 0 {
		c.Queue(peer.Message{ID: peer.IDPort, Port: port})
	}
}

// handlePort passes on the address of the peer's DHT node, once per connection.
func (c *conn) handlePort(port uint16) error {
	if port != 0 && !c.sentPort && c.torrent.usesDHT() {
		c.sentPort = true
		c.seeder.dht.AddNode(netip.AddrPortFrom(c.Addr.Addr(), port))
	}
	return c.pay(swarm.CostSmall)
}
