package get

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"bt/internal/announce"
	"bt/internal/netguard"
	"bt/internal/swarm"
)

// wantedPeers is how many peers a tracker is asked for.
const wantedPeers = 50

// unknownLeft is the number of missing bytes that trackers are sent while it is not
// known. Anything but 0, which would be a seed.
const unknownLeft = 16 << 10

// Uploaded, Downloaded, Left, Answered, Wanted and Found make a membership the
// announce.Swarm of its swarm.

// Uploaded returns the number of bytes that were sent.
func (s *membership) Uploaded() int64 { return s.uploaded.Load() }

// Downloaded returns the number of bytes of blocks that peers of the swarm have sent. Those of
// web seeds are left out: no peer reports them as uploaded, and trackers that keep ratios
// would charge for them. BEP 3 does not say; Transmission (3.00) leaves them out too, libtorrent
// (2.0.8) and aria2 (1.36) count them.
func (s *membership) Downloaded() int64 { return s.downloaded.Load() }

// Left returns the number of bytes that are missing, whether they are wanted or not.
func (s *membership) Left() int64 {
	s.getter.mu.Lock()
	defer s.getter.mu.Unlock()
	if p := s.getter.pieces; p != nil {
		return p.left
	}
	return unknownLeft
}

// Answered records and emits the answer of a tracker.
func (s *membership) Answered(r announce.Answer) {
	if r.Err == nil {
		s.getter.seeds.Store(max(0, r.Seeders))
	}
	s.getter.events.Put(EventAnnounce{
		Tracker: r.URL, Err: r.Err, Message: r.Warning, Seeders: r.Seeders, Leechers: r.Leechers, Next: r.Next,
	})
}

// Wanted returns how many peers to ask for: none where there is no room to call them.
func (s *membership) Wanted() int {
	if s.getter.hub.HasRoom() && (entry{s.getter}).Needs() {
		return wantedPeers
	}
	return 0
}

// Found offers the peers to the hub. A tracker on the Internet must not make us call
// programs of this machine.
func (s *membership) Found(tracker string, peers []netip.AddrPort, _, _ int64) {
	if !s.getter.options.AllowLocal && !isLocal(tracker) {
		peers = slices.DeleteFunc(slices.Clone(peers), func(a netip.AddrPort) bool { return a.Addr().Unmap().IsLoopback() })
	}
	s.getter.hub.Offer(entry{s.getter}, s.hash, swarm.Origin{Source: swarm.SourceTracker}, peers)
}

// isLocal reports whether a tracker is on this machine or its network, as far as its URL
// shows.
func isLocal(tracker string) bool {
	u, err := url.Parse(tracker)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	return netguard.IsPrivate(ip)
}

// announce adds the swarms to the announcer and the finders that they do not have yet, and
// calls the peers that were given. g.mu is locked.
func (g *Getter) announce() {
	g.search()
	for _, s := range g.swarms {
		if s.entries != nil {
			continue
		}
		s.entries = []*announce.Entry{g.announcer.Add(s.hash, g.trackers, s), g.trusted.Add(s.hash, g.further, s)}
		for _, e := range s.entries {
			e.Serve(true)
		}
		g.hub.Pin(entry{g}, s.hash, g.options.Peers)
	}
}
