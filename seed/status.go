package seed

import (
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

	Done, Total int64 // bytes, while it is checked
	Left        int64 // bytes that are not there
	Uploaded    int64 // bytes of blocks, in this run and, as far as is known, before it
	Rate        int64 // bytes a second, over the last seconds
	Peers       []PeerStatus
	Trackers    []TrackerStatus
}

// State is what becomes of a torrent, as it stands in JSON.
type State string

// The states.
const (
	Queued       State = "queued" // to be checked
	InCheck      State = "checking"
	IsSeeding    State = "seeding"
	SuperSeeding State = "super-seeding"
	Waiting      State = "waiting" // for its data, which is not what it was
	Done         State = "done"    // it has reached its ratio or its time
)

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
