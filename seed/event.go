package seed

import (
	"errors"
	"net/netip"
	"time"

	"bt/internal/tracker/client"
)

// An Event is something that happened. Kind tells which fields count.
type Event struct {
	Time    time.Time
	Kind    EventKind
	Torrent *Torrent // nil: it is about all

	Addr netip.AddrPort // Listening: where; Peer: who

	Done, Total int64 // Checking: bytes
	Pieces      int   // Seeding: pieces that are there
	Known       bool  // Seeding: by an earlier check, or the user's word

	Tracker  string        // Announce: its URL, passkey and all
	Err      error         // Announce, Warning, Error, Stopped: what went wrong; nil: nothing
	Message  string        // Announce: what the tracker says to the user; Listening: the URL of a page, if that is what listens
	Seeders  int64         // Announce; -1: not told
	Leechers int64         // Announce; -1: not told
	Next     time.Duration // Announce: until the next

	Client   string // Peer: by its peer id
	Joined   bool   // Peer: it came, else it went
	Uploaded int64  // Peer, Stats, Stopped: bytes
	Rate     int64  // Stats: bytes a second
	Peers    int    // Stats
}

// EventKind names what happened, as it stands in JSON.
type EventKind string

// The kinds.
const (
	Listening EventKind = "listening"
	Checking  EventKind = "checking"
	Seeding   EventKind = "seeding"
	Announce  EventKind = "announce"
	Peer      EventKind = "peer"
	Stats     EventKind = "stats"
	Warning   EventKind = "warning"
	Failed    EventKind = "error"
	Stopped   EventKind = "stopped"
)

// Meaning says what the error of an announce tells of the tracker; "" where the
// error says all.
func (e *Event) Meaning() string {
	if failure, ok := errors.AsType[*client.Error](e.Err); ok {
		return failure.Status.Meaning()
	}
	return ""
}
