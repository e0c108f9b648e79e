package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

const (
	// maxLinkPeers is the maximum number of peers of a magnet link that are called.
	maxLinkPeers = 100

	// lookupTime limits the time to find the addresses of peers.
	lookupTime = 15 * time.Second
)

// peerAddrs returns the addresses of the peers of --peer and of a magnet link, which may be
// nil, in the families of --ipv4 and --ipv6. It warns of names that have none. Peers of the
// link on this machine are left out unless allowLocal is set.
func peerAddrs(ctx context.Context, u *ui, named []maketorrent.Node, m *metainfo.Magnet, family familyOptions, allowLocal bool) (list []netip.AddrPort, err error) {
	limited, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	add := func(hostPort string, isFine func(netip.Addr) bool) {
		host, port, _ := net.SplitHostPort(hostPort) // the parsers of --peer and of links have checked it
		n, _ := strconv.ParseUint(port, 10, 16)
		addrs, err := net.DefaultResolver.LookupNetIP(limited, "ip", host)
		if err != nil && ctx.Err() == nil {
			if failed, ok := errors.AsType[*net.DNSError](err); ok {
				err = errors.New(failed.Err) // which lacks the name, and that of the server
			}
			u.warn("the peer %s is not called: %v", hostPort, err)
		}
		for _, a := range addrs {
			if a = a.Unmap(); isFine(a) && family.allows(a) {
				list = append(list, netip.AddrPortFrom(a, uint16(n)))
			}
		}
	}
	for _, p := range named {
		add(net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), func(netip.Addr) bool { return true })
	}
	if m != nil {
		for _, p := range m.Peers[:min(len(m.Peers), maxLinkPeers)] {
			add(p, func(a netip.Addr) bool {
				return allowLocal || !a.IsLoopback() && !a.IsMulticast() && !a.IsUnspecified()
			})
		}
	}
	return list, ctx.Err()
}
