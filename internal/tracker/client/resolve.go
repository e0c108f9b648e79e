package client

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// maxAddrs is how many addresses of a host are tried at most.
const maxAddrs = 8

// resolve returns the addresses of a host, those of one IP version and of the other
// in turn, so that the second attempt takes another route.
func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		if !c.allows(addr) {
			return nil, &Error{Status: StatusNoRoute, Msg: fmt.Sprintf("its address is not one of IPv%s", c.Network)}
		}
		return []netip.Addr{addr}, nil
	}
	lookup := c.lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	found, err := lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, addr := range found {
		if addr = addr.Unmap(); c.allows(addr) {
			allowed = append(allowed, addr)
		}
	}
	if len(allowed) == 0 {
		return nil, &Error{Status: StatusNoRoute, Msg: fmt.Sprintf("it has no IPv%s address", c.Network)}
	}
	addrs := interleave(allowed)
	return addrs[:min(len(addrs), maxAddrs)], nil
}

// allows reports whether an address is of Network's IP version.
func (c *Client) allows(addr netip.Addr) bool {
	switch c.Network {
	case "4":
		return addr.Is4()
	case "6":
		return addr.Is6()
	}
	return true
}

// interleave returns the addresses with the IP versions in turn. The version of the
// first address is the first one; each version keeps its order.
func interleave(addrs []netip.Addr) []netip.Addr {
	var same, other []netip.Addr
	for _, addr := range addrs {
		if addr.Is4() == addrs[0].Is4() {
			same = append(same, addr)
		} else {
			other = append(other, addr)
		}
	}
	mixed := make([]netip.Addr, 0, len(addrs))
	for len(same) > 0 && len(other) > 0 {
		mixed = append(mixed, same[0], other[0])
		same, other = same[1:], other[1:]
	}
	return append(append(mixed, same...), other...)
}
