package seed

import (
	"net/netip"
	"slices"

	"bt/internal/announce"
	"bt/internal/metainfo"
	"bt/internal/swarm"
)

// ForeignTrackers returns the trackers in further that are not among the torrent's
// own, if the torrent is private. A private torrent should only be announced to its
// own trackers (BEP 27). The result is empty for a public torrent and for one without
// trackers.
func ForeignTrackers(t *Metainfo, further [][]string) []string {
	own := slices.Concat(t.Trackers()...)
	if !t.Private || len(own) == 0 {
		return nil
	}
	all := metainfo.DistinctTrackers(append([][]string{own}, further...))
	return slices.Concat(all[1:]...)
}

// announced implements announce.Swarm for a swarm.
type announced struct {
	torrent *Torrent
	swarm   *swarmStats
}

func (a announced) Uploaded() int64 { return a.swarm.uploaded.Load() }

// Downloaded returns 0: a seed has all of the content.
func (a announced) Downloaded() int64 { return 0 }

func (a announced) Left() int64 { return a.torrent.left.Load() }

// Answered records and emits the answer of a tracker.
func (a announced) Answered(r announce.Answer) {
	if r.Err == nil {
		a.torrent.seeds.Store(max(0, r.Seeders-1)) // without us
	}
	a.torrent.emit(EventAnnounce{
		Torrent: a.torrent, Tracker: r.URL, Err: r.Err,
		Message: r.Warning, Seeders: r.Seeders, Leechers: r.Leechers, Next: r.Next,
	})
}

// wantedPeers is how many peers a tracker is asked for.
const wantedPeers = 50

// Wanted returns how many peers to ask for: none where there is no room to call them.
func (a announced) Wanted() int {
	if a.torrent.seeder.hub.HasRoom() {
		return wantedPeers
	}
	return 0
}

// Found offers the peers to the hub, unless the tracker says that all are seeds. Some
// trackers send zeros because they count nothing.
func (a announced) Found(_ string, peers []netip.AddrPort, seeders, leechers int64) {
	if leechers == 0 && seeders > 0 {
		return
	}
	a.torrent.offer(a.swarm.hash, swarm.Origin{Source: swarm.SourceTracker}, peers)
}

// offer offers addresses of peers to the hub.
func (t *Torrent) offer(infoHash [20]byte, o swarm.Origin, peers []netip.AddrPort) {
	t.seeder.hub.Offer(entry{t}, infoHash, o, peers)
	if !t.isServed() { // it may just have been removed
		t.seeder.hub.Forget(entry{t})
	}
}

// announceAt adds the swarms of a torrent to the announcer.
func (t *Torrent) announceAt(tiers [][]string) {
	tiers = metainfo.DistinctTrackers(tiers)
	for _, s := range t.swarms {
		t.entries = append(t.entries, t.seeder.announcer.Add(s.hash, tiers, announced{t, s}))
	}
}

// updateAnnouncer passes the state of a torrent to the announcer and the finders.
func (t *Torrent) updateAnnouncer() {
	t.mu.Lock() // so that concurrent calls can't end with an old state
	defer t.mu.Unlock()
	for _, e := range t.entries {
		if t.state == StateRemoved {
			e.Remove()
		} else {
			e.Serve(t.state.serves())
		}
	}
	t.updateFinders()
}

// trackerStatus returns the status of each tier of trackers.
func (t *Torrent) trackerStatus() []TrackerStatus {
	list := []TrackerStatus{}
	for _, e := range t.entries {
		for _, s := range e.Status() {
			list = append(list, TrackerStatus(s))
		}
	}
	return list
}
