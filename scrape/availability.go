package scrape

import (
	"context"
	"net/netip"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"bt/internal/availability"
	"bt/internal/netguard"
)

const (
	// maxTorrents is the number of torrents whose peers are asked at once.
	maxTorrents = 8

	// maxAsked is about how many peers are asked in one run, but at least leastAsked of
	// each swarm.
	maxAsked   = 100 * availability.MaxPeers
	leastAsked = 20
)

// An Availability says how many copies of the pieces the peers of a swarm have, as they
// claim: Seeds, Copies, Rarest, and how many peers have answered. Copies is the number of
// distributed copies: those of the rarest piece, and as a fraction the share of pieces
// that have more.
type Availability = availability.Result

// Rarest describes the pieces with the fewest copies in an [Availability].
type Rarest = availability.Rarest

// A report is the availability of a swarm, or of the part of its peers that was asked so
// far.
type report struct {
	swarm  *Swarm
	result Availability
}

// askPeers asks the peers of all swarms.
func (t *Table) askPeers(ctx context.Context, o *Options) {
	swarms := 0
	for i := range t.Torrents {
		for k := range t.Torrents[i].Swarms {
			s := &t.Torrents[i].Swarms[k]
			s.Availability = &Availability{Peers: len(s.sources(t.Torrents[i].Peers, o.Client.Network))}
			swarms++
		}
	}
	ask := availability.Options{
		MaxPeers:    max(maxAsked/max(swarms, 1), leastAsked),
		Connections: semaphore.NewWeighted(availability.MaxConnections),
		Timeout:     o.PeerTimeout,
		Client:      o.Client.UserAgent,
	}
	reports := make(chan report, 64)
	go func() {
		defer close(reports)
		var g errgroup.Group
		g.SetLimit(maxTorrents)
		for i := range t.Torrents {
			g.Go(func() error {
				t.Torrents[i].askPeers(ctx, ask, o.Client.Network, reports)
				return nil
			})
		}
		_ = g.Wait()
	}()
	t.collect(reports, o.Tick)
}

// askPeers asks the peers of a torrent, of one swarm after the other: a peer that is in
// both may refuse a second connection at the same time.
func (t *TableTorrent) askPeers(ctx context.Context, ask availability.Options, network string, reports chan<- report) {
	for _, h := range t.Hashes {
		ask.Hashes = append(ask.Hashes, h.InfoHash)
	}
	for k := range t.Swarms {
		s := &t.Swarms[k]
		ask.InfoHash, ask.Pieces, ask.Peers = s.InfoHash, t.Pieces, s.sources(t.Peers, network)
		ask.Progress = func(r Availability) { reports <- report{s, r} }
		reports <- report{s, availability.Ask(ctx, ask)}
	}
}

// collect writes reports to the table until all swarms have been asked.
func (t *Table) collect(reports <-chan report, tick func(*Table)) {
	ticks, stop := ticker(tick != nil)
	defer stop()
	for {
		select {
		case <-ticks:
			tick(t)
		case r, ok := <-reports:
			if !ok {
				return
			}
			r.swarm.setAvailability(&r.result)
		}
	}
}

// setAvailability sets the availability, and the clients that peers have named.
func (s *Swarm) setAvailability(a *Availability) {
	s.Availability = a
	for i := range s.Rows {
		for k := range s.Rows[i].Peers {
			p := &s.Rows[i].Peers[k]
			addr, err := netip.ParseAddrPort(p.Addr)
			if err == nil && p.Client == "" {
				p.Client = a.Clients[addr]
			}
		}
	}
}

// sources returns the peers to ask in an address family, or in both if network is "": some
// that the caller has named, those of the trackers, which take turns, and those of the DHT.
func (s *Swarm) sources(named []netip.AddrPort, network string) []netip.AddrPort {
	var list []netip.AddrPort
	known := make(map[netip.AddrPort]bool)
	add := func(addr netip.AddrPort) {
		if ip := addr.Addr().Unmap(); !known[addr] && (network == "" || ip.Is4() == (network == "4")) {
			known[addr] = true
			list = append(list, addr)
		}
	}
	for _, addr := range named {
		add(addr)
	}
	for i, more := 0, true; more; i++ {
		more = false
		for k := range s.Rows {
			r := &s.Rows[k]
			if i >= len(r.Peers) {
				continue
			}
			more = true
			// A peer whose tracker has named a host is not asked: its name could lead
			// anywhere.
			addr, err := netip.ParseAddrPort(r.Peers[i].Addr)
			if err == nil && (r.isNear() || !addr.Addr().Unmap().IsLoopback()) {
				add(addr)
			}
		}
	}
	if s.DHT != nil {
		for _, addr := range s.DHT.found {
			if !addr.Addr().IsLoopback() {
				add(addr)
			}
		}
	}
	return list
}

// isNear reports whether the tracker is on this machine or its network, so that it may
// name peers on this machine.
func (r *Row) isNear() bool {
	for _, f := range r.Families() {
		if f.Addr.IsValid() && netguard.IsPrivate(f.Addr.Addr()) {
			return true
		}
	}
	return false
}
