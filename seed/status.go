package seed

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// A Status is a snapshot of a Seeder.
type Status struct {
	Time     time.Time
	Since    time.Time // when the Seeder was created
	Uploaded int64     // bytes of blocks sent since then
	Rate     int64     // bytes per second, over the last seconds
	Peers    int       // connected peers
	Torrents []TorrentStatus

	Handshakes int // connections in their handshake, which are no peers yet
	Banned     int // addresses that are refused for a time, because they violate the protocol
}

// A TorrentStatus is a snapshot of one torrent.
type TorrentStatus struct {
	Name       string
	InfoHashV1 string // hex; empty if the torrent has no v1 info-hash
	InfoHashV2 string // hex; empty if the torrent has no v2 info-hash
	Size       int64  // bytes
	State      State
	Message    string // why the torrent is not seeded, if known

	Done, Total int64 // progress of a check in bytes, pad files included; set in StateChecking
	Left        int64 // bytes that are missing
	Uploaded    int64 // bytes of blocks, in all runs that are known
	Rate        int64 // bytes per second, over the last seconds
	Peers       []PeerStatus
	Trackers    []TrackerStatus
}

// A PeerStatus is a snapshot of one connected peer.
type PeerStatus struct {
	Addr     netip.AddrPort
	Client   string  // name of the client, untrusted
	Uploaded int64   // bytes of blocks
	Rate     int64   // bytes per second, over the last seconds
	Progress float64 // fraction of the pieces that the peer has, from 0 to 1
	Choked   bool
	Called   bool // we have connected to it, and not it to us
}

// A TrackerStatus is a snapshot of one tier of trackers.
type TrackerStatus struct {
	URL      string    // URL of the tracker that answered last, or was asked last; may contain a passkey
	Message  string    // warning of the tracker, or the error; untrusted
	Failed   bool      // the last announce failed
	Seeders  int64     // -1 if unknown
	Leechers int64     // -1 if unknown
	Next     time.Time // time of the next announce; zero if there is none
}

// measure updates the rates once per second until ctx ends, and stops torrents that
// are done.
func (s *Seeder) measure(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var last EventStats
	s.reportAddrs()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-second.C:
			s.warnNotRemembered(s.known.Flush())
			s.reportAddrs()
			conns := s.conns.all()
			peers := make(map[*Torrent]int)
			for _, c := range conns {
				peers[c.torrent]++
				c.up.Slot.Tick()
				if c.exchange != nil {
					c.exchange.Tick(now)
				}
			}
			s.speedMu.Lock()
			s.speed.Tick(s.uploaded.Load(), len(conns))
			stats := EventStats{s.Uploaded(), int64(s.speed.Rate), len(conns)}
			s.speedMu.Unlock()
			if stats != last {
				last = stats
				s.events.Put(stats)
			}
			for _, t := range s.all() {
				t.measure(peers[t])
			}
		}
	}
}

// Reasons why a torrent is done, as EventStopped reports them.
var (
	ErrRatio = errors.New("its ratio is reached")
	ErrTime  = errors.New("its time is over")
)

// reached returns the reason why the torrent is done, or nil.
func (t *Torrent) reached() error {
	o := &t.seeder.options
	switch {
	case o.For > 0 && t.Served() >= o.For:
		return ErrTime
	case o.UntilRatio > 0 && t.size > 0 && float64(t.Uploaded()) >= o.UntilRatio*float64(t.size):
		return ErrRatio
	}
	return nil
}

func (t *Torrent) measure(peers int) {
	if s := t.super.Load(); s != nil && !s.isOver() {
		s.tick()
	}
	t.tick(t.Uploaded(), peers)
	if why := t.reached(); why != nil {
		t.setState(nil, StateDone, EventStopped{t, t.Uploaded(), why}, func() { t.cause = why })
	}
}

// Status returns a snapshot of the Seeder and its torrents.
func (s *Seeder) Status() Status {
	peers := make(map[*Torrent][]PeerStatus)
	conns := s.conns.all()
	for _, c := range conns {
		rate, _ := c.up.Slot.Rates()
		p := PeerStatus{Addr: c.Addr, Uploaded: c.up.Slot.Uploaded(), Rate: int64(rate), Choked: !c.up.Slot.Given(), Called: c.Called()}
		if c.torrent.pieces > 0 {
			p.Progress = float64(c.hasCount.Load()) / float64(c.torrent.pieces)
		}
		c.mu.Lock()
		p.Client = c.client
		c.mu.Unlock()
		peers[c.torrent] = append(peers[c.torrent], p)
	}
	status := Status{Time: time.Now(), Since: s.since, Uploaded: s.Uploaded(), Rate: s.Rate(), Peers: len(conns)}
	_, status.Handshakes = s.hub.Connections()
	for _, h := range s.hub.Hosts() {
		if h.Banned {
			status.Banned++
		}
	}
	all := s.all()
	status.Torrents = make([]TorrentStatus, len(all))
	for i, t := range all {
		status.Torrents[i] = t.status(peers[t])
	}
	return status
}

func (t *Torrent) status(peers []PeerStatus) TorrentStatus {
	status := TorrentStatus{
		Name: t.name, InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(), Size: t.size,
		Left: t.left.Load(), Uploaded: t.Uploaded(), Peers: peers, Trackers: t.trackerStatus(),
	}
	t.describe(&status)
	if s := t.super.Load(); status.State == StateSeeding && s != nil && !s.isOver() {
		status.State = StateSuperSeeding
	}
	return status
}
