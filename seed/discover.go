package seed

import (
	"net/netip"

	"bt/internal/discover/finders"
	"bt/internal/swarm"
)

// A searched is a swarm as the ways of finding peers without trackers know it. It
// implements finders.Swarm.
type searched struct{ announced }

// Seeds returns true: only complete torrents are served.
func (s searched) Seeds() bool { return true }

// Found offers the peers to the hub.
func (s searched) Found(source swarm.Source, peers []netip.AddrPort) {
	s.torrent.offer(s.swarm.hash, swarm.Origin{Source: source}, peers)
}

// updateFinders adds the torrent to the finders, or removes it, by whether it is served.
// t.mu is locked.
func (t *Torrent) updateFinders() {
	if t.private {
		return
	}
	if !t.state.serves() {
		for _, e := range t.searches {
			e.Remove()
		}
		t.searches = nil
		return
	}
	if t.searches == nil {
		for _, s := range t.swarms {
			t.searches = append(t.searches, t.seeder.finders.Add(s.hash, searched{announced{t, s}}))
		}
	}
}

// newFinders returns the finders that the options ask for.
func (s *Seeder) newFinders(listener netip.AddrPort, from []netip.Addr) *finders.Finders {
	return finders.New(finders.Options{
		DHT: s.options.DHT, LSD: s.options.LSD, Listener: listener, From: from, Local: listener.Addr().IsLoopback(),
		Warn: func(err error) { s.events.Put(EventWarning{Err: err}) },
	})
}
