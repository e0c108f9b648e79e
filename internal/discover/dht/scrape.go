package dht

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"bt/internal/discover/krpc"
)

// errStopped is the error of a scrape when Run has ended.
var errStopped = errors.New("the DHT node has stopped")

// A ScrapeResult is the result of a scrape (BEP 33).
type ScrapeResult struct {
	Seeds   float64          // an estimate
	Peers   float64          // an estimate of peers that are not seeds
	Nodes   int              // that answered
	Filters int              // of these, those that implement BEP 33 and know the swarm
	Found   []netip.AddrPort // peers and seeds, sorted and untrusted
}

// Scrape looks up an info-hash and estimates the size of its swarm. It announces nothing.
// It waits until Run knows other nodes. If ctx ends first, it returns an error with the
// result until then.
func (n *Node) Scrape(ctx context.Context, infoHash [20]byte) (ScrapeResult, error) {
	n.mu.Lock()
	done := make(chan struct{})
	l := n.newLookup(infoHash, krpc.GetPeers)
	l.scrape = new(scrape)
	l.done = func() { close(done) }
	n.waiting = append(n.waiting, l)
	n.unlock()
	n.signal()

	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("scraping the DHT: %w", ctx.Err())
	case <-n.stopped:
		err = fmt.Errorf("scraping the DHT: %w", errStopped)
	}
	n.mu.Lock()
	defer n.unlock()
	l.over = true
	n.waiting = slices.DeleteFunc(n.waiting, func(w *lookup) bool { return w == l })
	return l.scrape.result(l), err
}

// A scrape is what a lookup collects for Scrape.
type scrape struct {
	seeds, peers krpc.Filter
	filters      int
	unfiltered   map[netip.Addr]struct{} // peers from nodes that don't implement BEP 33
}

// add adds a response.
func (s *scrape) add(m *krpc.Message) {
	if m.SeedFilter == nil && m.PeerFilter == nil {
		for _, p := range m.Peers {
			if s.unfiltered == nil {
				s.unfiltered = map[netip.Addr]struct{}{}
			}
			if len(s.unfiltered) < maxFound {
				s.unfiltered[p.Addr()] = struct{}{}
			}
		}
		return
	}
	s.filters++
	if m.SeedFilter != nil {
		s.seeds.Union(m.SeedFilter)
	}
	if m.PeerFilter != nil {
		s.peers.Union(m.PeerFilter)
	}
}

// result estimates the size of the swarm. Addresses without filters count as peers,
// unless another node knows them as seeds.
func (s *scrape) result(l *lookup) ScrapeResult {
	peers := s.peers
	for ip := range s.unfiltered {
		if !s.seeds.Contains(ip) {
			peers.Insert(ip)
		}
	}
	return ScrapeResult{
		Seeds:   s.seeds.Estimate(),
		Peers:   peers.Estimate(),
		Nodes:   l.answers,
		Filters: s.filters,
		Found:   slices.SortedFunc(maps.Keys(l.found), netip.AddrPort.Compare),
	}
}
