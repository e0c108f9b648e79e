package scrape

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"bt/internal/discover/dht"
)

const (
	// maxLookups is the number of lookups in the DHT at once.
	maxLookups = 16

	// lookupTimeout is the timeout of a lookup in the DHT, and of that which finds the first
	// nodes. If no node has answered by then, the other lookups fail at once.
	lookupTimeout = 30 * time.Second
)

// A DHT says how to look up swarms in the DHT (BEP 5).
type DHT struct {
	Nodes []string // host:port of nodes to begin with
}

// A DHTAnswer is what the DHT knows of a swarm.
type DHTAnswer struct {
	Nodes   int   // that have answered
	Peers   int   // addresses that they know
	Err     error // nil, or why the lookup is not complete
	Elapsed time.Duration

	// Counts are estimates by Bloom filters (BEP 33). They are Unknown if no node knows
	// the swarm by them, as Completed always is.
	Counts Counts

	found []netip.AddrPort
}

// errNoNodes is the error of a lookup without an answer.
var errNoNodes = errors.New("no node of the DHT has answered")

// A lookup is the answer of the DHT for a swarm.
type lookup struct {
	swarm  *Swarm
	answer *DHTAnswer
}

// askDHT looks up the public swarms.
func (t *Table) askDHT(ctx context.Context, o *Options) {
	swarms := t.public()
	if len(swarms) == 0 {
		return
	}
	lookups := make(chan lookup)
	go func() {
		defer close(lookups)
		conns, err := listenUDP(ctx, o.Client.Network)
		if err != nil {
			for _, s := range swarms {
				lookups <- lookup{s, &DHTAnswer{Counts: unknown, Err: err}}
			}
			return
		}
		l := looker{node: dht.New(dht.Options{Conns: conns, Bootstrap: o.DHT.Nodes, ReadOnly: true})}
		l.silent.Store(len(o.DHT.Nodes) == 0)
		l.run(ctx, swarms, lookups)
	}()
	ticks, stop := ticker(o.Tick != nil)
	defer stop()
	for {
		select {
		case <-ticks:
			o.Tick(t)
		case l, ok := <-lookups:
			if !ok {
				return
			}
			l.swarm.DHT = l.answer
		}
	}
}

// public returns the swarms that no private torrent has.
func (t *Table) public() []*Swarm {
	private := make(map[[20]byte]bool)
	for _, torrent := range t.Torrents {
		for _, h := range torrent.Hashes {
			private[h.InfoHash] = private[h.InfoHash] || torrent.Private
		}
	}
	var swarms []*Swarm
	for _, torrent := range t.Torrents {
		for k := range torrent.Swarms {
			if s := &torrent.Swarms[k]; !private[s.InfoHash] {
				swarms = append(swarms, s)
			}
		}
	}
	return swarms
}

// A looker looks up swarms by a node.
type looker struct {
	node     *dht.Node
	answered atomic.Bool // a lookup had an answer
	silent   atomic.Bool // a lookup had none before any other had
}

// run runs the node, and looks up swarms.
func (l *looker) run(ctx context.Context, swarms []*Swarm, lookups chan<- lookup) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	var g, n errgroup.Group
	n.Go(func() error { return l.node.Run(running) })
	g.SetLimit(maxLookups)
	for _, s := range swarms {
		g.Go(func() error {
			lookups <- lookup{s, l.lookUp(ctx, s.InfoHash)}
			return nil
		})
	}
	_ = g.Wait()
	stop()
	_ = n.Wait() // an error would be that of the sockets, and the lookups have failed too
}

// lookUp looks up a swarm.
func (l *looker) lookUp(ctx context.Context, hash [20]byte) *DHTAnswer {
	if l.silent.Load() {
		return &DHTAnswer{Counts: unknown, Err: errNoNodes}
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	began := time.Now()
	r, err := l.node.Scrape(ctx, hash)
	if r.Nodes > 0 {
		l.answered.Store(true)
	} else {
		l.silent.Store(!l.answered.Load())
		err = errNoNodes
	}
	a := &DHTAnswer{Nodes: r.Nodes, Peers: len(r.Found), Err: err, Elapsed: time.Since(began), Counts: unknown, found: r.Found}
	if r.Filters > 0 {
		a.Counts.Seeders, a.Counts.Leechers = int64(math.Round(r.Seeds)), int64(math.Round(r.Peers))
	}
	return a
}

// listenUDP returns a socket of each address family, or of one if network is "4" or "6". It
// fails if there is none.
func listenUDP(ctx context.Context, network string) (conns []net.PacketConn, failed error) {
	var config net.ListenConfig
	for _, family := range []string{"4", "6"} {
		if network != "" && network != family {
			continue
		}
		conn, err := config.ListenPacket(ctx, "udp"+family, ":0")
		if err != nil {
			failed = err
			continue
		}
		conns = append(conns, conn)
	}
	if len(conns) > 0 {
		failed = nil
	}
	return conns, failed
}
