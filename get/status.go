package get

import (
	"net/netip"
	"slices"
	"time"
)

// A Status is a snapshot of a Getter.
type Status struct {
	Time    time.Time
	State   State
	Torrent *Metainfo // nil while it is not known

	Done, Size int64 // bytes that are wanted: those that are verified, and all of them

	Checked, ToCheck int64 // progress of a check in bytes; set in StateChecking

	Downloaded, Uploaded int64 // bytes of blocks
	DownloadRate         int64 // bytes per second, over the last seconds
	UploadRate           int64
	Peers                []PeerStatus
	WebSeeds             []WebSeedStatus // in the order of the torrent; empty until it is known what is missing
	Trackers             []TrackerStatus

	// Pieces describes each piece, in order. It is nil while the torrent is not known.
	Pieces []PieceStatus
}

// A PieceStatus describes a piece.
type PieceStatus uint8

// States of pieces.
const (
	PieceMissing  PieceStatus = iota
	PieceOpen                 // blocks of it were requested or have arrived
	PieceVerified             // it is there
	PieceUnwanted             // no file of it is wanted
)

// A PeerStatus is a snapshot of one connected peer.
type PeerStatus struct {
	Addr         netip.AddrPort
	Client       string  // name of the client, untrusted
	Downloaded   int64   // bytes of blocks that it has sent
	Uploaded     int64   // bytes of blocks that it was sent
	DownloadRate int64   // bytes per second, over the last seconds
	UploadRate   int64   //
	Progress     float64 // fraction of the pieces that the peer has, from 0 to 1
	Choked       bool    // we choke it
	Chokes       bool    // it chokes us
	Called       bool    // we have connected to it, and not it to us
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

// Status returns a snapshot.
func (g *Getter) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{
		Time: time.Now(), State: g.life.state, Torrent: g.life.torrent, Checked: g.life.checked, ToCheck: g.life.total,
		Downloaded: g.downloaded.Load(), Uploaded: g.uploaded.Load(),
		DownloadRate: int64(g.speeds[0].Rate), UploadRate: int64(g.speeds[1].Rate),
		Peers: []PeerStatus{}, WebSeeds: []WebSeedStatus{}, Trackers: []TrackerStatus{},
	}
	for _, w := range g.web {
		s.WebSeeds = append(s.WebSeeds, w.status())
	}
	for c := range g.conns {
		s.Peers = append(s.Peers, c.status())
	}
	slices.SortFunc(s.Peers, func(a, b PeerStatus) int { return a.Addr.Compare(b.Addr) })
	for _, m := range g.swarms {
		for _, e := range m.entries {
			for _, t := range e.Status() {
				s.Trackers = append(s.Trackers, TrackerStatus(t))
			}
		}
	}
	if p := g.pieces; p != nil {
		s.Done, s.Size, s.Pieces = p.there, p.size, p.status()
	}
	return s
}

// status returns the status of a peer. Getter.mu is locked.
func (c *conn) status() PeerStatus {
	slot := c.up.Slot
	up, down := slot.Rates()
	s := PeerStatus{
		Addr: c.Addr, Client: c.client, Downloaded: slot.Downloaded(), Uploaded: slot.Uploaded(),
		DownloadRate: int64(down), UploadRate: int64(up), Choked: !slot.Given(), Chokes: c.chokes, Called: c.Called(),
	}
	if c.remote != nil {
		s.Progress = float64(c.has.Load()) / float64(max(1, c.getter.pieces.count))
	}
	return s
}

// status returns the state of each piece. Getter.mu is locked.
func (p *pieces) status() []PieceStatus {
	list := make([]PieceStatus, p.count)
	for i := range list {
		switch {
		case p.own.Has(i):
			list[i] = PieceVerified
		case p.picker.IsOpen(i):
			list[i] = PieceOpen
		case !p.needed.Has(i):
			list[i] = PieceUnwanted
		}
	}
	return list
}
