package seed

import (
	"net/netip"

	"bt/internal/peer"
	"bt/internal/swarm"
)

// usesDHT reports whether peers of the torrent are told of our DHT node, and we of theirs
// (BEP 5). Private torrents use no DHT (BEP 27).
func (t *Torrent) usesDHT() bool { return t.seeder.options.DHTPort != 0 && !t.private }

// sendPort sends the port of our DHT node, if the peer has one too.
func (c *conn) sendPort() {
	if c.torrent.usesDHT() && c.hello.Has(peer.FeatureDHT) {
		c.Queue(peer.Message{ID: peer.IDPort, Port: c.seeder.options.DHTPort})
	}
}

// handlePort passes on the address of the peer's DHT node, once per connection.
func (c *conn) handlePort(port uint16) error {
	if f := c.seeder.options.DHTNode; f != nil && port != 0 && !c.sentPort && c.torrent.usesDHT() {
		c.sentPort = true
		f(netip.AddrPortFrom(c.Addr.Addr(), port))
	}
	return c.pay(swarm.CostSmall)
}
