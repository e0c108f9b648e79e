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

// A Client sends requests to trackers, over HTTP, UDP and WebSocket. Its fields are
// options: Timeout and Retries, Network ("4" or "6" for one address family), From (the
// local address), Proxy, UserAgent and so on. The zero Client is ready to use, with a
// timeout of 15 seconds. A Client must not be copied, and its fields must not change
// after the first request. It is safe for concurrent use.
//
// Scrape and Announce ask the tracker at a [URL]. Close closes the connections.
type Client = client.Client

// An Answer is a tracker's answer for one torrent to a scrape by a [Client]: the Counts,
// or Err.
type Answer = client.Answer

// A URL is a tracker's URL, parsed by [ParseURL].
type URL = tracker.URL

// ParseURL parses the URL of a tracker. The error does not quote the URL, which may
// contain a passkey. It wraps [ErrScheme] if the scheme is not supported.
func ParseURL(s string) (*URL, error) { return tracker.ParseURL(s) }

// ErrScheme is wrapped by errors about a URL whose scheme is none of http, https,
// udp, ws and wss.
var ErrScheme = tracker.ErrScheme

// ErrProxyUDP is wrapped by the error for a UDP tracker behind a proxy that is not SOCKS5.
var ErrProxyUDP = client.ErrProxyUDP

// An AnnounceRequest is the announce of a peer, sent by a [Client]. InfoHash, PeerID and
// Port are required.
type AnnounceRequest = tracker.AnnounceRequest

// An Event is the reason for an announce.
type Event = tracker.Event

// The events. The zero Event is EventNone.
const (
	EventNone      = tracker.EventNone      // a regular announce
	EventStarted   = tracker.EventStarted   // the first announce
	EventCompleted = tracker.EventCompleted // the download has completed
	EventStopped   = tracker.EventStopped   // the last announce
)

// An AnnounceResponse is a tracker's answer to an announce.
type AnnounceResponse = tracker.AnnounceResponse

// An AnnouncedPeer is one peer of an [AnnounceResponse].
type AnnouncedPeer = tracker.Peer

// Counts are a tracker's numbers for one swarm: Seeders, Leechers, and Completed
// downloads. Each may be [Unknown].
type Counts = tracker.Counts

// Unknown is the value of a count that is not in a tracker's answer.
const Unknown = tracker.Unknown

// An Error reports a failed request: the Status, a message, and in RetryIn how long the
// tracker asks to wait. The message may quote the tracker, whose text may contain a
// passkey.
type Error = client.Error

// MayLackScrape reports whether err is that a WebSocket tracker does not answer a scrape,
// as those without scrape do. An announce gets its numbers.
func MayLackScrape(err error) bool { return client.MayLackScrape(err) }

// A Status is the outcome of a request. For HTTP codes other than 200 it is "http-" and
// the code, such as "http-404". The empty Status means that there is no answer yet.
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
