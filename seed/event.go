package seed

import (
	"net/netip"
	"time"

	"bt/internal/tracker/client"
)

// An Event reports something that happened in a Seeder. It is one of the Event types
// of this package. Events of one torrent arrive in the order of its state changes,
// and none arrives after its EventStopped.
type Event interface{ isEvent() }

// A TrackerError is the error of a failed announce. Its Status classifies the
// failure, and RetryIn is the delay that the tracker asks for, if any. Its text may
// quote the tracker's response, which may contain a passkey.
type TrackerError = client.Error

// An AnnounceStatus is the Status of a [TrackerError], such as "timeout", "refused"
// or "http-404". Package scrape declares constants for them.
type AnnounceStatus = client.Status

// EventListening reports that the Seeder accepts connections at Addr.
type EventListening struct{ Addr netip.AddrPort }

// EventAddress reports an address at which others can reach the Seeder, once it is known.
type EventAddress struct{ Addr netip.AddrPort }

// EventChecking reports the progress of a check. It is sent at the start of the check
// and then once per second.
type EventChecking struct {
	Torrent     *Torrent
	Done, Total int64 // bytes, pad files included
}

// EventSeeding reports that a torrent is being served.
type EventSeeding struct {
	Torrent *Torrent
	Pieces  int  // number of pieces that are available
	Known   bool // the data was not hashed now: an earlier check covers it, or it was trusted as Options.Check says
}

// EventAnnounce reports the outcome of an announce.
type EventAnnounce struct {
	Torrent           *Torrent
	Tracker           string        // URL, which may contain a passkey
	Err               error         // nil if the announce succeeded; a *TrackerError if the tracker failed
	Message           string        // warning of the tracker, untrusted
	Seeders, Leechers int64         // -1 if unknown
	Next              time.Duration // until the next announce; 0 if Err is not nil
}

// EventPeer reports that a peer connected or disconnected.
type EventPeer struct {
	Torrent  *Torrent
	Addr     netip.AddrPort
	Client   string // name of the client, derived from its peer id; untrusted
	Joined   bool   // true if it connected, false if it disconnected
	Uploaded int64  // bytes sent to the peer; set when it disconnected
	Err      error  // the violation for which it was disconnected, if any
}

// EventStats reports the totals of all torrents. It is sent at most once per second,
// and only if they have changed.
type EventStats struct {
	Uploaded int64 // bytes
	Rate     int64 // bytes per second
	Peers    int
}

// EventWarning reports a problem that does not stop the torrent.
type EventWarning struct {
	Torrent *Torrent // nil if the problem is not about one torrent
	Err     error
}

// EventFailed reports that a torrent is not served until its data changes. Without a
// torrent it reports that a file of a Directory can't be seeded.
type EventFailed struct {
	Torrent *Torrent
	Err     error
}

// EventStopped reports that a torrent was removed or is done, or that the Seeder has
// stopped.
type EventStopped struct {
	Torrent  *Torrent // nil for the Seeder itself
	Uploaded int64    // bytes
	Why      error    // ErrRatio or ErrTime if the torrent is done; nil if it was removed
}

func (EventListening) isEvent() {}
func (EventAddress) isEvent()   {}
func (EventChecking) isEvent()  {}
func (EventSeeding) isEvent()   {}
func (EventAnnounce) isEvent()  {}
func (EventPeer) isEvent()      {}
func (EventStats) isEvent()     {}
func (EventWarning) isEvent()   {}
func (EventFailed) isEvent()    {}
func (EventStopped) isEvent()   {}

// isDroppable reports whether an event may be dropped if the user is far behind.
func isDroppable(e Event) bool {
	switch e.(type) {
	case EventChecking, EventPeer, EventStats:
		return true
	}
	return false
}
