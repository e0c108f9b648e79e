// Package tracker is the wire of BitTorrent trackers in both directions: what a
// client asks and what a tracker answers, over HTTP (BEP 3, 7, 23, 24, 31, 48),
// over UDP (BEP 15, 41) and over WebSocket (WebTorrent). It opens no sockets and
// reads no clock; the client is in the package below it. No parser keeps or
// shares the bytes that it was given.
//
// What is read is read as leniently as has one meaning: trackers have been
// written in every language there is. What is written is by the book.
package tracker

import (
	"fmt"
	"net/netip"
	"time"
)

// Unknown stands for a count that a tracker did not tell.
const Unknown = -1

// Counts are what a tracker knows of one swarm. Each may be Unknown.
type Counts struct {
	Seeders   int64 // "complete": peers that have all
	Leechers  int64 // "incomplete": peers that don't
	Completed int64 // "downloaded": how often a download was completed, ever
}

// unknownCounts are those of a tracker that told nothing.
var unknownCounts = Counts{Unknown, Unknown, Unknown}

// Known reports whether there is any number in c.
func (c Counts) Known() bool { return c != unknownCounts }

// Event says why a peer announces itself.
type Event uint8

// The events, by their numbers in BEP 15.
const (
	EventNone      Event = iota // a regular announce
	EventCompleted              // the download has just been completed
	EventStarted                // the first announce
	EventStopped                // the last one
)

var eventNames = [...]string{"", "completed", "started", "stopped"}

func (e Event) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return fmt.Sprintf("Event(%d)", uint8(e))
}

// parseEvent reads an event's name. "paused" (BEP 21) is what a partial seed
// says and is otherwise a regular announce, as is any name not known.
func parseEvent(s string) Event {
	for e, name := range eventNames {
		if s == name {
			return Event(e)
		}
	}
	return EventNone
}

// DefaultWant leaves the number of peers to the tracker.
const DefaultWant = -1

// An AnnounceRequest is what a peer tells a tracker of itself.
type AnnounceRequest struct {
	InfoHash [20]byte // of v2 torrents the first 20 bytes (BEP 52)
	PeerID   [20]byte
	Port     uint16 // where the peer listens

	Uploaded, Downloaded int64 // bytes
	Left                 int64 // bytes; math.MaxInt64: not known, as of a magnet link

	Event Event
	Want  int    // how many peers at most ("numwant"); DefaultWant, or 0 for none
	Key   uint32 // knows the peer again when its address has changed

	// IP is the address that peers are told to connect to, for peers behind a
	// proxy; the zero Addr leaves it to the tracker, who sees where the request
	// comes from. UDP carries IPv4 only.
	IP netip.Addr

	// IPv4 and IPv6 are where the peer can be reached too, for one that has
	// both and asks over the other (BEP 7). With port 0 it is Port there as well.
	// HTTP only.
	IPv4, IPv6 netip.AddrPort

	// PeerIDs asks for peers with their ids, one dict each, instead of the
	// compact form (BEP 23). HTTP only; a tracker need not heed it.
	PeerIDs bool

	// TrackerID is what the tracker's last answer gave as such. HTTP and
	// WebSocket only.
	TrackerID string

	// URLData is path and query of the tracker's URL (BEP 41). UDP only: HTTP
	// has it in the request line.
	URLData string
}

// An AnnounceResponse is a tracker's answer to an announce.
type AnnounceResponse struct {
	Interval    time.Duration // until the next regular announce; 0: not told
	MinInterval time.Duration // no announce sooner than this; 0: not told
	Counts      Counts
	Peers       []Peer
	Warning     string     // for the user; of any bytes
	TrackerID   string     // to be sent with the next announce
	ExternalIP  netip.Addr // the client's address as the tracker sees it (BEP 24)
}

// A Peer is one of a swarm.
type Peer struct {
	Addr netip.AddrPort // without an address where the tracker gave a name
	Host string         // the name, where the tracker gave one (BEP 3)
	ID   string         // 20 bytes; empty: not told
}

// A ScrapeResponse is a tracker's answer to a scrape (BEP 48).
type ScrapeResponse struct {
	Files       []File        // of HTTP in the order of the answer, of WebSocket sorted
	MinInterval time.Duration // no scrape sooner than this; 0: not told
}

// A File is one swarm of a ScrapeResponse, which BEP 48 calls so.
type File struct {
	InfoHash [20]byte
	Counts   Counts
}

// A Failure is an error that the tracker itself reports ("failure reason").
type Failure struct {
	Reason string // of any bytes; may be empty

	// RetryIn is when to try again (BEP 31; else the interval that stands beside the
	// reason): 0 is not told, Never never.
	RetryIn time.Duration
}

// ErrUnlisted is the error of an answer to an announce over UDP that ends where the
// interval should be: opentracker gives it for an info-hash that is not on its list.
var ErrUnlisted error = &Error{"the tracker serves only torrents that are registered with it, and this one is not"}

// Never is the RetryIn of a tracker that does not want to be asked again.
const Never = time.Duration(1<<63 - 1)

// Error quotes the reason, or the beginning of a long one.
func (f *Failure) Error() string {
	if f.Reason == "" {
		return "the tracker refuses and gives no reason"
	}
	return fmt.Sprintf("the tracker says %.300q", f.Reason)
}

// An Error says why bytes are not the message that they should be. It quotes only
// a little of them.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// maxInterval bounds the times that trackers tell, so that no sum overflows.
const maxInterval = 366 * 24 * time.Hour

// seconds reads a number of seconds as a tracker wrote it: one that is negative
// counts as not told, one that is huge as maxInterval.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(maxInterval/time.Second))) * time.Second
}
