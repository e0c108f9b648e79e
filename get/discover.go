package get

import (
	"net/netip"

	"bt/internal/discover/finders"
	"bt/internal/swarm"
)

// A searched is a swarm as the ways of finding peers without trackers know it. It
// implements finders.Swarm.
type searched struct{ *membership }

// Seeds reports whether the torrent is complete.
func (s searched) Seeds() bool { return s.Left() == 0 }

// Found offers the peers to the hub.
func (s searched) Found(source swarm.Source, peers []netip.AddrPort) {
	s.offer(swarm.Origin{Source: source}, peers)
}

// search adds the swarms to the finders that they do not have yet, unless the torrent is
// private (BEP 27). g.mu is locked.
func (g *Getter) search() {
	t := g.life.torrent
	if t != nil && t.Private {
		return
	}
	for _, s := range g.swarms {
		if s.search == nil {
			s.search = g.finders.Add(s.hash, searched{s})
		}
	}
	if t != nil {
		g.finders.AddNodes(t.Nodes)
	}
}

// endSearch removes the swarms from the finders. g.mu is locked.
func (g *Getter) endSearch() {
	for _, s := range g.swarms {
		s.search.Remove()
		s.search = nil
	}
}

// newFinders returns the finders that the options ask for.
func (g *Getter) newFinders(listener netip.AddrPort, from []netip.Addr) *finders.Finders {
	return finders.New(finders.Options{
		DHT: g.options.DHT, LSD: g.options.LSD, Listener: listener, From: from,
		Local: g.options.AllowLocal || listener.Addr().IsLoopback(),
		Warn:  func(err error) { g.events.Put(EventWarning{err}) },
	})
}
