// Package tracker implements the messages of BitTorrent trackers in both directions,
// requests and answers, over HTTP (BEP 3, 7, 23, 24, 31, 48), UDP (BEP 15, 41) and
// WebSocket (WebTorrent). It opens no connections and reads no clock; package client
// does. Parsed values don't share memory with the input.
//
// Parsers are lenient: they accept all unambiguous input, because trackers are written
// in many languages. Messages that the package writes conform to the BEPs.
package tracker

import (
	"fmt"
	"net/netip"
	"time"
)

// Unknown is the value of a count that a tracker did not send.
const Unknown = -1

// Counts are a tracker's numbers for one swarm. Each may be Unknown.
type Counts struct {
	Seeders   int64 // "complete": peers that have all data
	Leechers  int64 // "incomplete": peers that don't
	Completed int64 // "downloaded": number of completed downloads
}

// unknownCounts are Counts without any number.
var unknownCounts = Counts{Unknown, Unknown, Unknown}

// Known reports whether there is any number in c.
func (c Counts) Known() bool { return c != unknownCounts }

// An Event is the reason for an announce.
type Event uint8

// The events, by their numbers in BEP 15.
const (
	EventNone      Event = iota // a regular announce
	EventCompleted              // the download has completed
	EventStarted                // the first announce
	EventStopped                // the last announce
)

var eventNames = [...]string{"", "completed", "started", "stopped"}

func (e Event) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("Event(%d)", uint8(e))
}

// parseEvent parses the name of an event. "paused" (BEP 21), which partial seeds send,
// and unknown names are EventNone.
func parseEvent(s string) Event {
	for e, name := range eventNames {
		if s == name {
			return Event(e)
		}
	}
	return EventNone
}

// DefaultWant lets the tracker choose the number of peers.
const DefaultWant = -1

// An AnnounceRequest is the announce of a peer.
type AnnounceRequest struct {
	InfoHash [20]byte // for v2 torrents the first 20 bytes (BEP 52)
	PeerID   [20]byte
	Port     uint16 // the port that the peer listens on

	Uploaded, Downloaded int64 // bytes
	Left                 int64 // bytes; math.MaxInt64: unknown, as for a magnet link

	Event Event
	Want  int    // maximum number of peers ("numwant"); DefaultWant, or 0 for none
	Key   uint32 // identifies the peer if its address changes

	// IP is the address for other peers to connect to, if the peer is behind a proxy.
	// If it is the zero Addr, the tracker uses the address that the request comes from.
	// Over UDP it must be IPv4.
	IP netip.Addr

	// IPv4 and IPv6 are additional addresses of a peer that has both and announces over
	// the other (BEP 7). If the port is 0, it is Port. HTTP only.
	IPv4, IPv6 netip.AddrPort

	// PeerIDs asks for peers with their ids, as dicts instead of the compact form (BEP
	// 23). HTTP only; trackers may ignore it.
	PeerIDs bool

	// TrackerID is that of the tracker's last answer. HTTP and WebSocket only.
	TrackerID string

	// URLData is the path and query of the tracker's URL (BEP 41). UDP only; over HTTP
	// they are in the request line.
	URLData string
}

// An AnnounceResponse is a tracker's answer to an announce.
type AnnounceResponse struct {
	Interval    time.Duration // until the next regular announce; 0: unknown
	MinInterval time.Duration // minimum time until the next announce; 0: unknown
	Counts      Counts
	Peers       []Peer
	Warning     string     // a message for the user; any bytes
	TrackerID   string     // to send with the next announce
	ExternalIP  netip.Addr // the client's address as the tracker sees it (BEP 24)
}

// A Peer is a peer in an answer.
type Peer struct {
	Addr netip.AddrPort // the address is zero if Host is set
	Host string         // host name (BEP 3); "" if the tracker sent an address
	ID   string         // 20 bytes; "" if unknown
}

// A ScrapeResponse is a tracker's answer to a scrape (BEP 48).
type ScrapeResponse struct {
	Files       []File        // over HTTP in the order of the answer, over WebSocket sorted
	MinInterval time.Duration // minimum time until the next scrape; 0: unknown
}

// A File is one swarm in a ScrapeResponse. The name is from BEP 48.
type File struct {
	InfoHash [20]byte
	Counts   Counts
}

// A Failure is an error that the tracker reports ("failure reason").
type Failure struct {
	Reason string // any bytes; may be empty

	// RetryIn is the time until the next attempt (BEP 31, or the interval in the same
	// answer). 0 means unknown, and Never that the tracker should not be asked again.
	RetryIn time.Duration
}

// ErrUnlisted is the error for an answer to an announce over UDP that ends before the
// interval. opentracker sends it if the info-hash is not on its list.
var ErrUnlisted error = &Error{"the tracker serves only torrents that are registered with it, and this one is not"}

// Never is the RetryIn of a tracker that should not be asked again.
const Never = time.Duration(1<<63 - 1)

// Error quotes the reason, shortened if it is long.
func (f *Failure) Error() string {
	if f.Reason == "" {
		return "the tracker refuses and gives no reason"
	}
	return fmt.Sprintf("the tracker says %.300q", f.Reason)
}

// An Error reports an invalid message. It quotes only a few bytes of it.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// maxInterval limits the times that trackers send, so that sums don't overflow.
const maxInterval = 366 * 24 * time.Hour

// seconds converts a number of seconds from a tracker. A negative number is 0, and a
// huge one maxInterval.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(maxInterval/time.Second))) * time.Second
}
