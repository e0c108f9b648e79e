package get

import (
	"net/netip"
	"time"

	"bt/internal/tracker/client"
)

// An Event reports something that happened in a Getter. It is one of the Event types of
// this package.
type Event interface{ isEvent() }

// A TrackerError is the error of a failed announce. Its Status classifies the failure,
// and RetryIn is the delay that the tracker asks for, if any. Its text may quote the
// tracker's response, which may contain a passkey.
type TrackerError = client.Error

// An AnnounceStatus is the Status of a [TrackerError], such as "timeout", "refused" or
// "http-404". Package scrape declares constants for them.
type AnnounceStatus = client.Status

// EventListening reports that the Getter accepts connections at Addr.
type EventListening struct{ Addr netip.AddrPort }

// EventMetadata reports that the torrent is known. It is the first event about it.
type EventMetadata struct{ Torrent *Metainfo }

// EventChecking reports the progress of a check of the data that is there already.
type EventChecking struct{ Done, Total int64 } // bytes

// EventAnnounce reports the outcome of an announce.
type EventAnnounce struct {
	Tracker           string        // URL, which may contain a passkey
	Err               error         // nil if the announce succeeded; a *TrackerError if the tracker failed
	Message           string        // warning of the tracker, untrusted
	Seeders, Leechers int64         // -1 if unknown
	Next              time.Duration // until the next announce; 0 if Err is not nil
}

// EventPeer reports that a peer connected or disconnected.
type EventPeer struct {
	Addr       netip.AddrPort
	Client     string // name of the client, derived from its peer id; untrusted
	Joined     bool   // true if it connected, false if it disconnected
	Downloaded int64  // bytes of blocks that the peer has sent; set when it disconnected
	Uploaded   int64  // bytes of blocks that the peer was sent; set when it disconnected
	Err        error  // the violation for which it was disconnected, if any
}

// EventWebSeed reports that a web seed has sent a block, the first one or the first after a
// failure, or that it is not used for now or any more.
type EventWebSeed struct {
	URL        string // may contain a password
	State      WebSeedState
	Downloaded int64 // bytes of blocks that it has sent
	Err        error // why it is not used, if it is not
}

// EventProgress reports the progress. It is sent at most once per second, and only if
// something has changed.
type EventProgress struct {
	Done     int64 // bytes that are wanted and verified
	Size     int64 // bytes that are wanted
	Rate     int64 // bytes per second of blocks that arrive
	Uploaded int64 // bytes of blocks that peers were sent
	Peers    int
	WebSeeds int // that are in use
}

// EventFile reports that a file is complete, verified and has its final name.
type EventFile struct {
	File int    // index in the torrent
	Path string // on disk; "" for a Stream
	Size int64  // bytes

	Found bool // it was there already
}

// EventWarning reports a problem that does not end the download.
type EventWarning struct{ Err error }

// EventComplete reports that all that is wanted is there and verified.
type EventComplete struct {
	Path    string // of the file or the directory of the files; "" for a Stream
	Elapsed time.Duration
}

// EventStopped is the last event.
type EventStopped struct {
	Downloaded   int64 // bytes of blocks that peers and web seeds have sent, those that were not used included
	FromWebSeeds int64 // those of web seeds
	Uploaded     int64 // bytes of blocks that peers were sent
}

func (EventListening) isEvent() {}
func (EventMetadata) isEvent()  {}
func (EventChecking) isEvent()  {}
func (EventAnnounce) isEvent()  {}
func (EventPeer) isEvent()      {}
func (EventWebSeed) isEvent()   {}
func (EventProgress) isEvent()  {}
func (EventFile) isEvent()      {}
func (EventWarning) isEvent()   {}
func (EventComplete) isEvent()  {}
func (EventStopped) isEvent()   {}

// isDroppable reports whether an event may be dropped if the user is far behind.
func isDroppable(e Event) bool {
	switch e.(type) {
	case EventChecking, EventPeer, EventProgress:
		return true
	}
	return false
}
