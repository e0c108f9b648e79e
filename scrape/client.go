package scrape

import (
	"bt/internal/metainfo"
	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// A Torrent is a parsed torrent, as returned by inspect.Parse.
type Torrent = metainfo.Torrent

// A Magnet is a parsed magnet link, as returned by inspect.ParseMagnet.
type Magnet = metainfo.Magnet

// A Client asks trackers, over HTTP, UDP and WebSocket. Its fields say how: Timeout
// and Retries, Network ("4" or "6" for one address family), From (the address to ask
// from), Proxy, UserAgent and so on. The zero Client is ready to use, with a timeout
// of 15 seconds. It must not be copied, and its fields must not change after the
// first request. It may be used by several goroutines.
//
// Scrape and Announce ask one tracker, whose [URL] is parsed. Close ends its
// connections.
type Client = client.Client

// An Answer is what a tracker says of one torrent when a [Client] scrapes it: the
// Counts, or in Err why there are none.
type Answer = client.Answer

// A URL is a tracker's URL, parsed by [ParseURL].
type URL = tracker.URL

// ParseURL parses a tracker's URL. The error does not quote it, for it may hold a
// passkey; it wraps [ErrScheme] if no tracker has that scheme.
func ParseURL(s string) (*URL, error) { return tracker.ParseURL(s) }

// ErrScheme is wrapped by errors about a URL whose scheme is none of http, https,
// udp, ws and wss.
var ErrScheme = tracker.ErrScheme

// An AnnounceRequest is what a peer tells a tracker when a [Client] announces it.
// InfoHash, PeerID and Port are required.
type AnnounceRequest = tracker.AnnounceRequest

// An Event says why a peer announces itself.
type Event = tracker.Event

// The events. The zero Event is EventNone.
const (
	EventNone      = tracker.EventNone      // a regular announce
	EventStarted   = tracker.EventStarted   // the first announce
	EventCompleted = tracker.EventCompleted // the download has just been completed
	EventStopped   = tracker.EventStopped   // the last announce
)

// An AnnounceResponse is a tracker's answer to an announce.
type AnnounceResponse = tracker.AnnounceResponse

// An AnnouncedPeer is one peer of an [AnnounceResponse].
type AnnouncedPeer = tracker.Peer

// Counts are the numbers that a tracker knows of one swarm: Seeders, Leechers, and
// how often a download was Completed. Each may be [Unknown].
type Counts = tracker.Counts

// Unknown stands for a count that a tracker did not tell.
const Unknown = tracker.Unknown

// An Error says how a request failed: the Status, a message, and in RetryIn when the
// tracker wants to be asked again. Its text may quote the tracker, and the tracker
// may quote a passkey.
type Error = client.Error

// A Status says how a request ended. That of another HTTP code than 200 is "http-"
// and the code, such as "http-404". The empty Status means that there is no answer
// yet.
type Status = client.Status

// The statuses.
const (
	StatusOK            = client.StatusOK
	StatusNotRegistered = client.StatusNotRegistered // the tracker does not know the torrent
	StatusBadURL        = client.StatusBadURL
	StatusUnsupported   = client.StatusUnsupported // the scheme is not a tracker's (see ErrScheme), or the tracker has no scrape
	StatusDNS           = client.StatusDNS         // the host was not found
	StatusNoRoute       = client.StatusNoRoute     // the network or host can't be reached
	StatusRefused       = client.StatusRefused     // connection refused
	StatusTimeout       = client.StatusTimeout
	StatusTLS           = client.StatusTLS
	StatusRedirect      = client.StatusRedirect
	StatusHTML          = client.StatusHTML  // the answer is a web page
	StatusEmpty         = client.StatusEmpty // the answer is empty
	StatusTooBig        = client.StatusTooBig
	StatusMalformed     = client.StatusMalformed
	StatusFailed        = client.StatusFailed    // the tracker reports an error
	StatusTruncated     = client.StatusTruncated // the answer is cut short
	StatusProxy         = client.StatusProxy     // the proxy failed
	StatusStopped       = client.StatusStopped   // the context ended before there was an answer
)
