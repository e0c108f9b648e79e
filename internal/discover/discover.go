// Package discover declares what ways of finding peers without trackers have in
// common. Its subpackages are these ways.
package discover

import (
	"context"
	"net"
	"net/netip"
)

// A DHT configures a node of the DHT (BEP 5).
type DHT struct {
	// Conns are UDP sockets, one for each address family, on the port of the listener for
	// peers. They are closed at the end.
	Conns []net.PacketConn

	Nodes []string // addresses of nodes to begin with, host:port
	State string   // file that keeps the known nodes between runs; "" means none
}

// A Finder announces the swarms that are added to it, and finds peers of them,
// while Run runs.
type Finder interface {
	// Add adds a swarm by its info-hash, truncated to 20 bytes for v2 (BEP 52). A swarm
	// with two info-hashes is added twice. Private torrents (BEP 27) must not be added.
	Add(infoHash [20]byte, s Swarm) Entry

	// Run announces and searches until ctx ends.
	Run(ctx context.Context) error
}

// An Entry is a swarm that was added to a Finder. Its methods do not block.
type Entry interface {
	// Hurry searches again before the interval is over, because more peers are needed,
	// but not sooner than the Finder's limits allow. It may be called at any time, and as
	// often as wanted.
	Hurry()

	// Remove removes the entry. Found is not called after Remove has returned, except by
	// a call that was in progress.
	Remove()
}

// A Swarm is what a Finder knows of a swarm. Its methods are called by goroutines
// of the Finder, without locks held, and must not block.
type Swarm interface {
	// Seeds reports whether this side has everything.
	Seeds() bool

	// Wanted returns how many peers are wanted. 0 means that the swarm is announced, so
	// that others find it, and nothing else.
	Wanted() int

	// Found is called with addresses of peers, which are untrusted.
	Found(peers []netip.AddrPort)
}

// A Node is our node of the DHT, as connections to peers use it.
type Node interface {
	HasDHT() bool                // there is one
	Port(peer netip.Addr) uint16 // to advertise to a peer; 0: none
	AddNode(netip.AddrPort)      // of a peer, which is untrusted
}
