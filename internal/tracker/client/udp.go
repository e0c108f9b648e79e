package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"bt/internal/netguard"
	"bt/internal/tracker"
)

// maxAttempts is the number of attempts of BEP 15: they wait 15 x 2^n s, with n from
// 0 to 8.
const maxAttempts = 9

func (c *Client) announceUDP(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) (*tracker.AnnounceResponse, error) {
	r.URLData = u.Rest
	resp, err := c.doUDP(ctx, u, &tracker.UDPRequest{Action: tracker.ActionAnnounce, Announce: r}, effortFull)
	if err != nil {
		return nil, err
	}
	return &resp.Announce, nil
}

// doUDP sends a request and returns the answer. It repeats a request that is not
// answered, and may shorten r then.
func (c *Client) doUDP(ctx context.Context, u *tracker.URL, r *tracker.UDPRequest, e effort) (*tracker.UDPResponse, error) {
	attempts := e.retries(c.retries()) + 1
	if c.BEP15 {
		attempts = e.retries(maxAttempts-1) + 1
	} else {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout())
		defer cancel()
	}
	ctx, err := c.guardUDP(ctx, u)
	if err != nil {
		return nil, failure(err)
	}
	h, err := c.host(u)
	if err != nil {
		return nil, failure(err)
	}
	defer h.release()
	resp, err := h.do(ctx, r, attempts, e)
	if err != nil {
		return nil, failure(err)
	}
	return resp, nil
}

// errSilence is the cause of a context whose attempt has timed out.
var errSilence = errors.New("no answer to this attempt")

// errUnanswered is errSilence of a tracker that has given a connection id.
var errUnanswered = fmt.Errorf("with a connection id: %w", errSilence)

// Connects reports whether err is that a UDP tracker has given a connection id, and not
// answered the request itself.
func Connects(err error) bool { return errors.Is(err, errUnanswered) }

// do tries the addresses of the host in turn. The one that answers is tried first the
// next time. If an address can't be reached, the next one is tried at once.
func (h *udpHost) do(ctx context.Context, r *tracker.UDPRequest, attempts int, e effort) (*tracker.UDPResponse, error) {
	n, start, err := h.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var last error
	for attempt, hop, unreachable := 0, 0, 0; attempt < attempts && unreachable < n; hop++ {
		at := (start + hop) % n
		resp, err := h.try(ctx, at, r, attempt, attempt == attempts-1)
		if err == nil {
			h.answered(at)
			return resp, nil
		}
		switch status := failure(err).Status; {
		case errors.Is(err, errSilence):
			last = &Error{Status: StatusTimeout, Msg: "no answer in time", Err: err}
			attempt++
			unreachable = 0
			if e == effortShorten && len(r.Hashes) > 1 && errors.Is(err, errUnanswered) {
				r.Hashes = r.Hashes[:1]
				attempts = max(attempts, attempt+1)
			}
		case ctx.Err() != nil && status != StatusProxy:
			return nil, ctx.Err()
		case status == StatusRefused || status == StatusNoRoute || status == StatusPrivate:
			last = err
			unreachable++
		default:
			return nil, err
		}
	}
	h.silent()
	return nil, last
}

// try makes one attempt at an address.
func (h *udpHost) try(ctx context.Context, at int, r *tracker.UDPRequest, attempt int, last bool) (*tracker.UDPResponse, error) {
	if err := h.check(ctx, at); err != nil {
		return nil, err
	}
	conn, err := h.conn(ctx, at)
	if err != nil {
		return nil, err
	}
	wait := Wait(attempt, h.client.BEP15)
	if end, ok := ctx.Deadline(); ok && last && h.client.Patient {
		wait = time.Until(end)
	}
	return conn.do(ctx, *r, wait)
}

// check checks an address, and records it in the Trace of ctx, unless a proxy resolves the
// name. The dialer would check it too, but there may be a socket already, dialled for
// another URL.
func (h *udpHost) check(ctx context.Context, at int) error {
	p := &h.client.udp
	p.mu.Lock()
	addr := h.addrs[at]
	p.mu.Unlock()
	if !addr.IsValid() {
		return nil
	}
	traceAddr(ctx, addr)
	return netguard.Check(ctx, addr.Addr())
}

// lookup returns the addresses of the host, or one zero address if a proxy resolves the
// name.
func (h *udpHost) lookup(ctx context.Context) ([]netip.AddrPort, error) {
	if proxy, err := h.proxy(); err != nil || proxy != nil {
		return []netip.AddrPort{{}}, err
	}
	found, err := h.client.resolve(ctx, h.url.Host)
	var addrs []netip.AddrPort
	for _, addr := range found {
		addrs = append(addrs, netip.AddrPortFrom(addr, h.url.Port))
	}
	return addrs, err
}

// proxy returns the proxy for the host, or nil if there is none.
func (h *udpHost) proxy() (*url.URL, error) {
	return h.client.proxyFor(&url.URL{Scheme: "udp", Host: h.url.HostPort()})
}

// dial connects a socket, so that the kernel drops packets from other addresses.
func (h *udpHost) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	// A proxy may not answer, and with BEP15 ctx may have no deadline.
	ctx, cancel := context.WithTimeout(ctx, h.client.timeout())
	defer cancel()
	if h.client.dialUDP != nil {
		return h.client.dialUDP(ctx, addr)
	}
	proxy, err := h.proxy()
	switch {
	case err != nil:
		return nil, err
	case proxy == nil:
		return h.client.dialer("udp").DialContext(ctx, "udp", addr.String())
	case proxy.Scheme == "socks5" || proxy.Scheme == "socks5h":
		return h.client.dialSOCKS5(ctx, proxy, h.url.Host, h.url.Port)
	}
	return nil, &Error{Status: StatusProxy, Msg: fmt.Sprintf("a proxy of scheme %q carries no UDP", proxy.Scheme), Err: ErrProxyUDP}
}

// socketError returns an error of StatusNoRoute for an error number for which classify
// has no status, such as EPERM, which a firewall causes. It returns other errors
// unchanged.
func socketError(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if status, _ := classify(err); !ok || status != StatusMalformed {
		return err
	}
	return &Error{Status: StatusNoRoute, Msg: "there is no way to its address: " + errno.Error(), Err: err}
}
