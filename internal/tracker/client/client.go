// Package client asks trackers: it announces and it scrapes, over HTTP, UDP and
// WebSocket, directly or through a proxy, and names what went wrong.
//
// Whatever a tracker does, a request is bounded in time (Client.Timeout) and in
// memory (MaxBody).
package client

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"bt/internal/tracker"
)

// What the zero Client does.
const (
	DefaultTimeout = 15 * time.Second
	DefaultRetries = 2
	DefaultConns   = 4
)

// MaxBody is how long an answer may be, in bytes, before and after it is
// unpacked.
const MaxBody = 1 << 20

// A Client asks trackers. The zero Client is ready; it must not be copied, its
// fields not changed after the first request. It is safe for use by several
// goroutines.
type Client struct {
	// Timeout is how long a request may take, with all its repetitions;
	// 0 means DefaultTimeout.
	Timeout time.Duration

	// Retries is how often a request is repeated; 0 means DefaultRetries, and
	// what is negative never. UDP repeats what is not answered, HTTP and
	// WebSocket only what an overloaded tracker might answer a little later.
	Retries int

	// BEP15 waits for answers over UDP as long as BEP 15 wants it, whatever
	// Timeout is.
	BEP15 bool

	// Patient has the last attempt over UDP wait for all of Timeout: a tracker may be
	// slow.
	Patient bool

	// Network is "4" to ask over IPv4 alone and "6" for IPv6; empty means both.
	Network string

	// From is the address that requests leave from, of Network's IP version. The zero
	// or an unspecified Addr leaves it to the system.
	From netip.Addr

	// Proxy returns the proxy for a URL of scheme http, https, ws, wss or udp,
	// nil for none. It is a http, https or socks5 URL.
	Proxy func(*url.URL) (*url.URL, error)

	// Conns is how many connections of HTTP a tracker gets at once; 0 means
	// DefaultConns.
	Conns int

	// Insecure accepts any certificate.
	Insecure bool

	// UserAgent is what HTTP requests carry as such; empty means none.
	UserAgent string

	// Batch is how many info-hashes a scrape over HTTP or WebSocket has at most;
	// 0 means 50: URLs of 4 KB pass every server.
	Batch int

	web httpHosts
	udp udpHosts

	// Tests have a network of their own.
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	dialUDP func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

// Wait is how long to wait for the answer to an attempt, the first being 0,
// before the next: 2, 4, 8 s and so on, or as BEP 15 has it, 15, 30, 60 s up to
// 15 x 2^8.
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

// Close ends all connections, and waits for the goroutines that read from them.
// Requests must have ended.
func (c *Client) Close() {
	c.udp.close()
	c.http().CloseIdleConnections()
}

// Announce tells a tracker of a peer. The error is an *Error.
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

// Keys of a context: of the *atomic.Bool for noteSent, and of the func of OnSent.
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

// dialer returns what all connections of a network, tcp or udp, are made with.
func (c *Client) dialer(network string) *net.Dialer {
	d := &net.Dialer{Timeout: min(c.timeout(), mostDial)}
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
		return nil, &Error{Status: Proxy, Msg: "the address of the proxy makes no sense", Err: err}
	}
	return proxy, nil
}

// sleep waits, and returns false if ctx ends first, or will: there is no use in
// waiting then.
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
