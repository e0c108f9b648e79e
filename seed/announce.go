package seed

import (
	"net/netip"

	"bt/internal/announce"
	"bt/internal/metainfo"
)

// families returns the address families that peers can reach the listener by.
func families(listener, ip netip.Addr) []announce.Family {
	var list []announce.Family
	switch {
	case listener.Is4():
		list = []announce.Family{{Network: "4"}}
	case listener.Is6() && !listener.IsUnspecified():
		list = []announce.Family{{Network: "6"}}
	default: // all addresses of both
		list = []announce.Family{{Network: "4"}, {Network: "6"}}
	}
	for i := range list {
		if is4 := list[i].Network == "4"; ip.IsValid() && ip.Unmap().Is4() == is4 {
			list[i].IP = ip
		}
	}
	return list
}

// An announced swarm is what trackers are told of it.
type announced struct {
	torrent *Torrent
	swarm   *swarm
}

func (a announced) Uploaded() int64 { return a.swarm.uploaded.Load() }

func (a announced) Left() int64 { return a.torrent.left.Load() }

// Told takes the answer of a tracker.
func (a announced) Told(r announce.Answer) {
	if r.Err == nil {
		a.torrent.seeds.Store(max(0, r.Seeders-1)) // we are one
	}
	a.torrent.tell(EventAnnounce{
		Torrent: a.torrent, Tracker: r.URL, Err: r.Err,
		Message: r.Warning, Seeders: r.Seeders, Leechers: r.Leechers, Next: r.Next,
	})
}

// announceAt has a torrent announced to tiers of trackers while it is served.
func (t *Torrent) announceAt(tiers [][]string) {
	tiers = metainfo.DistinctTrackers(tiers)
	for _, s := range t.swarms {
		t.entries = append(t.entries, t.seeder.announcer.Add(s.hash, tiers, announced{t, s}))
	}
}

// tellTrackers has trackers told of the state of a torrent.
func (t *Torrent) tellTrackers() {
	t.mu.Lock() // so that the last state is told last
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if t.state == StateRemoved {
			e.Remove()
		} else {
			e.Serve(t.state.serves())
		}
	}
}

// trackerStatus returns what is known of the tiers of a torrent.
func (t *Torrent) trackerStatus() []TrackerStatus {
	list := []TrackerStatus{}
	for _, e := range t.entries {
		for _, s := range e.Status() {
			list = append(list, TrackerStatus(s))
		}
	}
	return list
}
