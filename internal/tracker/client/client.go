// Package client sends announces and scrapes to trackers, over HTTP, UDP and
// WebSocket, directly or through a proxy. Each failure has a Status.
//
// A request is bounded in time (Client.Timeout) and in memory (MaxBody), whatever
// the tracker does.
package client

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/netguard"
	"bt/internal/tracker"
)

// The defaults of a Client.
const (
	DefaultTimeout = 15 * time.Second
	DefaultRetries = 2
	DefaultConns   = 4
)

// MaxBody is the maximum length of an answer in bytes, both compressed and
// decompressed.
const MaxBody = 1 << 20

// A Client sends requests to trackers. The zero Client is ready for use. A Client
// must not be copied, and its fields must not be changed after the first request. It
// is safe for concurrent use.
type Client struct {
	// Timeout is how long a request may take, including its retries; 0 means
	// DefaultTimeout.
	Timeout time.Duration

	// Retries is how often a request is repeated; 0 means DefaultRetries, and a
	// negative number means never. UDP requests are repeated if there is no answer, HTTP
	// and WebSocket requests only after errors that are typical of overloaded trackers.
	Retries int

	// BEP15 makes requests over UDP wait for answers as long as BEP 15 requires;
	// Timeout and Retries do not apply to them then.
	BEP15 bool

	// Patient makes the last attempt over UDP wait for the rest of Timeout, as slow
	// trackers need.
	Patient bool

	// Network is "4" to use IPv4 only and "6" to use IPv6 only; empty means both.
	Network string

	// From is the source address of requests, of Network's IP version. If it is the
	// zero or an unspecified Addr, the system chooses.
	From netip.Addr

	// Proxy returns the proxy for a URL of scheme http, https, ws, wss or udp, or nil
	// for none. The proxy is an http, https or socks5 URL.
	Proxy func(*url.URL) (*url.URL, error)

	// Untrusted says that the URLs of trackers are from an untrusted source, such as a
	// torrent. Those with a private address, and redirects to one, fail with
	// StatusPrivate. A private address is allowed if the path is /announce, as that of
	// trackers in local networks, and for UDP also if there is none; and then for
	// redirects too.
	Untrusted bool

	// Conns is the maximum number of HTTP requests to a tracker at once; 0 means
	// DefaultConns.
	Conns int

	// Insecure accepts any certificate.
	Insecure bool

	// UserAgent is the User-Agent header of HTTP requests; empty means none.
	UserAgent string

	// Batch is the maximum number of info-hashes in a scrape over HTTP or WebSocket;
	// 0 means 50, which makes URLs of about 4 KB, which every server accepts.
	Batch int

	web httpHosts
	udp udpHosts

	familiesMu sync.Mutex
	families   map[string]*Client // by Network

	limitsMu sync.Mutex
	limits   map[string]int // torrents in a scrape, by URL

	// Replaced in tests.
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	dialUDP func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

// Wait returns how long to wait for the answer to an attempt before the next one:
// 2, 4, 8 s and so on, or, by BEP 15, 15, 30, 60 s up to 15 x 2^8. The first attempt
// is 0.
func Wait(attempt int, bep15 bool) time.Duration {
	first := 2 * time.Second
	if bep15 {
		first = 15 * time.Second
	}
	return first << min(max(attempt, 0), 8)
}

func (c *Client) timeout() time.Duration {
	if c.Timeout <= 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

func (c *Client) retries() int {
	if c.Retries == 0 {
		return DefaultRetries
	}
	return max(c.Retries, 0)
}

func (c *Client) conns() int { return cmp.Or(max(c.Conns, 0), DefaultConns) }

// Close closes all connections and waits for the goroutines that read from them.
// It must not be called before all requests have ended.
func (c *Client) Close() {
	for _, f := range c.families {
		f.Close()
	}
	c.udp.close()
	c.http().CloseIdleConnections()
}

// Announce sends an announce to a tracker. The error is an *Error.
func (c *Client) Announce(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) (resp *tracker.AnnounceResponse, err error) {
	var sent atomic.Bool
	ctx = context.WithValue(ctx, sentKey{}, &sent)
	switch {
	case u.Scheme == "udp":
		resp, err = c.announceUDP(ctx, u, r)
	case u.IsWebSocket():
		resp, err = c.announceWS(ctx, u, r)
	default:
		resp, err = getHTTP(ctx, c, u, r.AppendQuery(nil), tracker.ParseHTTPAnnounce)
	}
	if err != nil {
		e := *failure(err) // several requests may share one
		e.Sent = sent.Load()
		return nil, &e
	}
	return resp, nil
}

// Keys of values in a context: the *atomic.Bool for noteSent, and the func of OnSent.
type (
	sentKey   struct{}
	onSentKey struct{}
)

// OnSent returns a context with which Announce calls f when the request is on its way
// to the tracker: each time, if the request is repeated.
func OnSent(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, onSentKey{}, f)
}

// noteSent notes that a request is on its way to the tracker.
func noteSent(ctx context.Context) {
	if sent, ok := ctx.Value(sentKey{}).(*atomic.Bool); ok {
		sent.Store(true)
	}
	if f, ok := ctx.Value(onSentKey{}).(func()); ok {
		f()
	}
}

// dialer returns the dialer for all connections of a network, tcp or udp.
func (c *Client) dialer(network string) *net.Dialer {
	d := &net.Dialer{Timeout: min(c.timeout(), mostDial), ControlContext: netguard.Control}
	if !c.From.IsValid() || c.From.IsUnspecified() {
		return d
	}
	from := netip.AddrPortFrom(c.From, 0)
	if network == "udp" {
		d.LocalAddr = net.UDPAddrFromAddrPort(from)
	} else {
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
	}
	return d
}

// proxyFor returns the proxy for the tracker.
func (c *Client) proxyFor(u *url.URL) (*url.URL, error) {
	if c.Proxy == nil {
		return nil, nil
	}
	proxy, err := c.Proxy(u)
	if err != nil {
		return nil, &Error{Status: StatusProxy, Msg: "the address of the proxy makes no sense", Err: err}
	}
	return proxy, nil
}

// sleep waits, and returns false if ctx ends first. It returns at once if the
// deadline of ctx is before the end.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
