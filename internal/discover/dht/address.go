package dht

import (
	"iter"
	"net/netip"

	"bt/internal/discover/krpc"
)

// unmap returns an address of IPv4 that is mapped to IPv6 as one of IPv4.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// isUnicast reports whether something can be sent to an address, and it means the same
// on other machines.
func isUnicast(a netip.AddrPort) bool {
	ip := a.Addr()
	return a.Port() != 0 && ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && !ip.Is4In6() && ip.Zone() == "" &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// isPlausible reports whether a node can know of an address. Nodes on the internet can't
// know those of local networks, and could make us send packets into ours.
func isPlausible(a netip.AddrPort, from netip.Addr) bool {
	ip := a.Addr()
	return isUnicast(a) && (!ip.IsLoopback() || from.IsLoopback()) && (!krpc.IsLocal(ip) || krpc.IsLocal(from))
}

// hostOf returns what limits for one host count: an IPv4 address, an IPv6 network of one
// subscriber, or any address and port in local networks, where many nodes may share a
// host and attacks are not expected.
func hostOf(a netip.AddrPort) netip.AddrPort {
	if krpc.IsLocal(a.Addr()) {
		return a
	}
	return netip.AddrPortFrom(network(a.Addr(), 32, 64), 0)
}

// The numbers of nodes of one host (an IPv4 address or IPv6 /64), and of one network
// (IPv4 /24 or IPv6 /48), that a table or a lookup may hold. Local networks have no limit.
const (
	maxPerHost    = 2
	maxPerNetwork = 4
)

// isAllowed reports whether these limits allow one more address.
func isAllowed(a netip.AddrPort, others iter.Seq[netip.AddrPort]) bool {
	if krpc.IsLocal(a.Addr()) {
		return true
	}
	host, net := network(a.Addr(), 32, 64), network(a.Addr(), 24, 48)
	hosts, nets := 0, 0
	for other := range others {
		if network(other.Addr(), 24, 48) == net {
			nets++
			if network(other.Addr(), 32, 64) == host {
				hosts++
			}
		}
	}
	return hosts < maxPerHost && nets < maxPerNetwork
}

// network returns the first address of a network of so many bits.
func network(ip netip.Addr, bits4, bits6 int) netip.Addr {
	bits := bits6
	if ip.Is4() {
		bits = bits4
	}
	p, _ := ip.Prefix(bits)
	return p.Addr()
}
