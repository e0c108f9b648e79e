// Package netguard keeps requests to URLs from untrusted sources, such as a torrent, from
// reaching private addresses. Otherwise a torrent could make this host send requests to
// services that only it or its network can reach.
//
// Addresses are checked after names were resolved, when they are dialled: [Control] is a
// hook of a [net.Dialer]. [Transport] adds the policy for HTTP and its redirects.
package netguard

import (
	"context"
	"net/netip"
	"syscall"
)

// An Error reports that an address was not dialled because it is private.
type Error struct{ Addr netip.Addr }

func (e *Error) Error() string { return "its address is private: " + e.Addr.String() }

// prefixes are private networks besides those that package netip knows. The range for
// benchmarks, 198.18.0.0/15, is not among them, since some proxies give addresses of it
// to all names.
var prefixes = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network
	netip.MustParsePrefix("100.64.0.0/10"),  // behind a carrier's NAT (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments (RFC 6890)
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved, with broadcast
	netip.MustParsePrefix("64:ff9b:1::/48"), // local NAT64 (RFC 8215)
	netip.MustParsePrefix("fec0::/10"),      // site-local (RFC 3879)
}

// embedded are the networks of IPv6 whose addresses stand for one of IPv4, and where in
// the address that is.
var embedded = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible (RFC 4291)
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64 (RFC 6052)
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4 (RFC 3056)
}

// IsPrivate reports whether an address is not that of a host on the Internet: loopback,
// link-local, of a private network, multicast, unspecified, reserved or invalid. An
// address of IPv6 that stands for one of IPv4 is as private as that.
func IsPrivate(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return true
	}
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	for _, e := range embedded {
		if e.prefix.Contains(ip) {
			b := ip.As16()
			return IsPrivate(netip.AddrFrom4([4]byte(b[e.at:])))
		}
	}
	return false
}

type guardKey struct{}

// Guard returns a context with which Control and Check refuse private addresses.
func Guard(ctx context.Context) context.Context {
	return context.WithValue(ctx, guardKey{}, true)
}

// Check returns an *Error if the context is one of Guard and the address is private.
func Check(ctx context.Context, ip netip.Addr) error {
	if ctx.Value(guardKey{}) != nil && IsPrivate(ip) {
		return &Error{ip}
	}
	return nil
}

// Control is a [net.Dialer.ControlContext] that checks addresses.
func Control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	addr, _ := netip.ParseAddrPort(address) // an invalid address is refused by Check
	return Check(ctx, addr.Addr())
}
