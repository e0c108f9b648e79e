package client

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"bt/internal/netguard"
	"bt/internal/tracker"
)

// announcePath is the path with which trackers may have a private address: many in local
// networks have it, and few other services.
const announcePath = "/announce"

// trusts returns which URLs over HTTP or WebSocket may have a private address, or nil if
// all may.
func (c *Client) trusts() func(*url.URL) bool {
	if !c.Untrusted {
		return nil
	}
	return func(u *url.URL) bool { return u.Path == announcePath }
}

// guardUDP returns the context for requests to a tracker over UDP. The error is that its
// host is a private address; names are checked when they are resolved. A request over UDP
// has no path that a server would act on, so URLs without one are as good as others.
func (c *Client) guardUDP(ctx context.Context, u *tracker.URL) (context.Context, error) {
	path, _, _ := strings.Cut(u.Rest, "?")
	if !c.Untrusted || path == announcePath || path == "" || path == "/" {
		return ctx, nil
	}
	ctx = netguard.Guard(ctx)
	if ip, err := netip.ParseAddr(u.Host); err == nil { // also behind a proxy
		return ctx, netguard.Check(ctx, ip)
	}
	return ctx, nil
}
