package announce

import "net/netip"

// A Family is an address family over which peers can reach us.
type Family struct {
	Network string     // "4" or "6"
	From    netip.Addr // local address to announce from; zero or unspecified: the system chooses
	IP      netip.Addr // address to send to trackers; zero: trackers use the sender's address
}

// Families returns the address families to announce over: one per address in from, or
// without any those over which peers can reach the listener.
func Families(listener netip.Addr, from, ips []netip.Addr) []Family {
	switch {
	case len(from) > 0:
	case !listener.IsValid() || listener == netip.IPv6Unspecified(): // accepts both families
		from = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	default:
		from = []netip.Addr{listener}
	}
	var list []Family
	for _, addr := range from {
		f := Family{Network: "6", From: addr}
		if addr.Is4() {
			f.Network = "4"
		}
		for _, ip := range ips {
			if ip.Is4() == addr.Is4() {
				f.IP = ip
			}
		}
		list = append(list, f)
	}
	return list
}
