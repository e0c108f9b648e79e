// Package dht implements a node of the DHT (BEP 5), which announces and searches swarms
// by their info-hashes. It has a routing table, an id and a socket for each address
// family (BEP 32); the ids differ because each fits the external address of its family
// (BEP 42). It is read-only until it knows that others can reach it (BEP 43), and
// answers scrapes and makes them (BEP 33).
//
// A lookup asks the nodes that are nearest to an info-hash for peers and for still
// nearer nodes, until the 8 nearest have answered, and then announces to these. One
// lookup is search and announce.
//
// Every packet from outside is untrusted. A response counts only if it comes from the
// address that was asked, with the transaction of the query. Everything that others can
// make the node store is bounded, and so are the packets that it sends.
//
// The package leaves out the storage of arbitrary data (BEP 44) and the indexing of
// info-hashes (BEP 51).
package dht

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"bt/internal/discover"
	"bt/internal/discover/krpc"

	"golang.org/x/time/rate"
)

// k is the number of nodes of a bucket, of a response, and of those announced to.
const k = 8

// defaultRate is the default of Options.Rate.
const defaultRate = 200

// version is the client in the key "v" of all messages: two letters and a version.
const version = "bt\x00\x01"

// Options are the options of a Node.
type Options struct {
	// Conns are the sockets, at most one of IPv4 and one of IPv6. Their LocalAddr is a
	// *net.UDPAddr. Run closes them.
	Conns []net.PacketConn

	// Port is the TCP port that is announced. 0 means that nothing is announced, and the
	// node only searches.
	Port uint16

	// Bootstrap are nodes to begin with, as host:port. They are asked again, with back-off,
	// while no other node is known. Without them, nodes come from State and AddNodes.
	Bootstrap []string

	// State is a file that keeps the routing tables. "" means none. Processes may share it;
	// what the last one wrote is kept.
	State string

	// Rate limits the queries that are sent to an average of so many packets per second.
	// 0 means 200. Answers are limited to half of it.
	Rate float64

	// ReadOnly makes the node read-only, even if others can reach it.
	ReadOnly bool

	// Warn, if not nil, is called with errors that don't end Run. Calls are serialized.
	Warn func(error)
}

// A Node is a node of the DHT. It implements discover.Finder.
type Node struct {
	options  Options
	families []*family
	queries  *rate.Limiter // what may be sent
	answers  *rate.Limiter
	wake     chan struct{}
	stopped  chan struct{} // closed when Run has ended
	warn     sync.Mutex    // serializes Options.Warn

	mu        sync.Mutex
	calls     []func() // that unlock makes after mu is unlocked
	closed    bool     // Run has ended
	wakeAt    time.Time
	pending   map[transaction]*query
	sent      []*query // those in pending and answered ones, by deadline
	rtt       rtt
	stalled   []*lookup // that wait for the limit of queries
	waiting   []*lookup // that wait until other nodes are known
	bootstrap bootstrap
	pings     []ping
	pingAt    time.Time // when the next may be sent
	tokens    tokens
	store     store
	sources   sources
	jobs      []job
	schedule  schedule
	counters  Counters
}

var _ discover.Finder = (*Node)(nil)

// New returns a node, which does nothing before Run is called.
func New(o Options) *Node {
	if o.Rate <= 0 {
		o.Rate = defaultRate
	}
	now := time.Now()
	n := &Node{
		options: o,
		queries: rate.NewLimiter(rate.Limit(o.Rate), max(8, int(o.Rate/4))),
		answers: rate.NewLimiter(rate.Limit(o.Rate/2), max(8, int(o.Rate/2))),
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
		pending: map[transaction]*query{},
		tokens:  newTokens(),
		store:   newStore(),
		sources: newSources(),

		schedule: schedule{byHash: map[krpc.ID]*entry{}},
	}
	for _, c := range o.Conns {
		n.families = append(n.families, newFamily(c))
	}
	n.schedule.cost = float64(typicalCost * len(n.families))
	n.jobs = []job{
		{every: tokenTime, do: func(time.Time) { n.tokens.rotate() }},
		{every: time.Minute, do: n.store.expire},
		{every: sourceTime, do: func(time.Time) { n.sources.reset() }},
		{every: recentTime, do: n.forgetRecent},
		{every: time.Minute, do: n.maintain},
		{every: saveTime, do: func(time.Time) { n.calls = append(n.calls, n.save) }},
	}
	for i := range n.jobs {
		n.jobs[i].next = now.Add(n.jobs[i].every)
	}
	return n
}

// unlock unlocks mu and makes the calls that were noted.
func (n *Node) unlock() {
	calls := n.calls
	n.calls = nil
	n.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// signal makes the loop look for work.
func (n *Node) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// warning calls Options.Warn. mu is not locked.
func (n *Node) warning(err error) {
	if n.options.Warn != nil {
		n.warn.Lock()
		defer n.warn.Unlock()
		n.options.Warn(err)
	}
}

// Port returns the UDP port to advertise to a peer with an address, by the message PORT
// (BEP 5). It returns 0 if there is none of the address family, or the node is never to
// be reached. A node that is read-only for now advertises its port, because the pings of
// peers prove that it can be reached.
func (n *Node) Port(peer netip.Addr) uint16 {
	if f := n.family(peer); f != nil && !n.options.ReadOnly {
		return f.local.Port()
	}
	return 0
}

// AddNodes suggests nodes, of which a peer or a torrent knows. They are pinged when the
// limits allow, and some are dropped if there are too many.
func (n *Node) AddNodes(addrs []netip.AddrPort) {
	n.mu.Lock()
	for _, a := range addrs {
		n.suggest(unmap(a))
	}
	n.unlock()
	n.signal()
}
