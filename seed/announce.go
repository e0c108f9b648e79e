package seed

import (
	"net/netip"
	"slices"

	"bt/internal/announce"
	"bt/internal/metainfo"
)

// families returns the address families to announce over: those of from, or if there
// are none those that peers can reach the listener by.
func families(listener netip.Addr, from, ips []netip.Addr) []announce.Family {
	switch {
	case len(from) > 0:
	case !listener.IsValid() || listener == netip.IPv6Unspecified(): // all addresses of both
		from = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	default:
		from = []netip.Addr{listener}
	}
	var list []announce.Family
	for _, addr := range from {
		f := announce.Family{Network: "6", From: addr}
		if addr.Is4() {
			f.Network = "4"
		}
		for _, ip := range ips {
			if ip.Is4() == addr.Is4() {
				f.IP = ip
			}
		}
		list = append(list, f)
	}
	return list
}

// ForeignTrackers returns those of further trackers that are not a private torrent's
// own, which should be told of it alone (BEP 27). A public torrent has none, nor has
// one without a tracker of its own.
func ForeignTrackers(t *Metainfo, further [][]string) []string {
	own := slices.Concat(t.Trackers()...)
	if !t.Private || len(own) == 0 {
		return nil
	}
	all := metainfo.DistinctTrackers(append([][]string{own}, further...))
	return slices.Concat(all[1:]...)
}

// announced is the announce.Swarm of a swarm.
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
	a.torrent.emit(EventAnnounce{
		Torrent: a.torrent, Tracker: r.URL, Err: r.Err,
		Message: r.Warning, Seeders: r.Seeders, Leechers: r.Leechers, Next: r.Next,
	})
}

// announceAt adds the swarms of a torrent to the announcer, with its tiers of trackers.
func (t *Torrent) announceAt(tiers [][]string) {
	tiers = metainfo.DistinctTrackers(tiers)
	for _, s := range t.swarms {
		t.entries = append(t.entries, t.seeder.announcer.Add(s.hash, tiers, announced{t, s}))
	}
}

// tellTrackers passes the state of a torrent to the announcer.
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
