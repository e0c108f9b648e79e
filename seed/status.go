package seed

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// A Status is what a Seeder does at one moment.
type Status struct {
	Time     time.Time
	Since    time.Time // when it began
	Uploaded int64     // bytes of blocks, in this run
	Rate     int64     // bytes a second, over the last seconds
	Peers    int       // connected
	Torrents []TorrentStatus
}

// A TorrentStatus is what becomes of one torrent.
type TorrentStatus struct {
	Name       string
	InfoHashV1 string // hex; empty: it has none
	InfoHashV2 string
	Size       int64 // bytes
	State      State
	Message    string // why it is not seeded, or what is wrong with it

	Done, Total int64 // bytes, while it is checked; pad files included
	Left        int64 // bytes that are not there
	Uploaded    int64 // bytes of blocks, in this run and, as far as is known, before it
	Rate        int64 // bytes a second, over the last seconds
	Peers       []PeerStatus
	Trackers    []TrackerStatus
}

// A PeerStatus is one connected peer.
type PeerStatus struct {
	Addr     netip.AddrPort
	Client   string  // as it names itself, untrusted
	Uploaded int64   // bytes of blocks
	Rate     int64   // bytes a second, over the last seconds
	Progress float64 // the part of the pieces that it has, 0 to 1
	Choked   bool
}

// A TrackerStatus is what is known of one tier of trackers.
type TrackerStatus struct {
	URL      string    // that answered last, or was asked last; passkey and all
	Message  string    // what it says, or what went wrong, untrusted
	Failed   bool      // the last announce
	Seeders  int64     // -1: not told
	Leechers int64     // -1: not told
	Next     time.Time // of the next announce
}

// A speed follows a counter of bytes.
type speed struct {
	last int64
	rate float64 // bytes a second, smoothed
}

// tick is called once a second. Without a peer the rate is 0 at once.
func (s *speed) tick(count int64, peers int) {
	if s.rate = 0.7*s.rate + 0.3*float64(count-s.last); s.rate < 1 || peers == 0 {
		s.rate = 0
	}
	s.last = count
}

// measure follows the rates until ctx ends, and ends torrents that are done.
func (s *Seeder) measure(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var last EventStats
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			s.warnNotRemembered(s.known.Flush())
			conns := s.choker.all()
			peers := make(map[*Torrent]int)
			for _, c := range conns {
				peers[c.torrent]++
				c.slot.mu.Lock()
				c.slot.speed.tick(c.slot.uploaded.Load(), 1)
				c.slot.mu.Unlock()
			}
			s.speedMu.Lock()
			s.speed.tick(s.uploaded.Load(), len(conns))
			stats := EventStats{s.Uploaded(), int64(s.speed.rate), len(conns)}
			s.speedMu.Unlock()
			if stats != last {
				last = stats
				s.events.put(stats)
			}
			for _, t := range s.all() {
				t.measure(peers[t])
			}
		}
	}
}

// Why a torrent is done.
var (
	ErrRatio = errors.New("it has reached its ratio")
	ErrTime  = errors.New("it has had its time")
)

// reached tells why a torrent is done; nil: it is not.
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

// Status tells what the Seeder does now.
func (s *Seeder) Status() Status {
	peers := make(map[*Torrent][]PeerStatus)
	conns := s.choker.all()
	for _, c := range conns {
		l := &c.slot
		p := PeerStatus{Addr: c.addr, Uploaded: l.uploaded.Load()}
		if c.torrent.pieces > 0 {
			p.Progress = float64(c.hasCount.Load()) / float64(c.torrent.pieces)
		}
		l.mu.Lock()
		p.Client, p.Rate, p.Choked = c.client, int64(l.speed.rate), !l.given
		peers[c.torrent] = append(peers[c.torrent], p)
		l.mu.Unlock()
	}
	status := Status{Time: time.Now(), Since: s.since, Uploaded: s.Uploaded(), Rate: s.Rate(), Peers: len(conns)}
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
