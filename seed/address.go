package seed

import (
	"net/netip"
	"slices"
)

// Addrs returns the addresses at which others can reach the Seeder, as far as they are
// known, at most one of each address family: those of Options.IPs, else what trackers, else
// what several peers or else several nodes of the DHT report. A router in between may need a
// mapping of the port.
func (s *Seeder) Addrs() []netip.AddrPort {
	list := slices.Clone(s.options.IPs)
	for _, ip := range append(s.external.Addrs(), s.finders.External()...) {
		if !slices.ContainsFunc(list, func(a netip.Addr) bool { return a.Is4() == ip.Is4() }) {
			list = append(list, ip)
		}
	}
	var addrs []netip.AddrPort
	for _, ip := range list {
		addrs = append(addrs, netip.AddrPortFrom(ip, s.port))
	}
	return addrs
}

// Magnet returns the magnet link of the torrent. Unless the torrent is private, it names the
// addresses of the Seeder (x.pe), so that a peer needs no tracker.
func (t *Torrent) Magnet() (string, error) {
	meta, err := t.Metainfo()
	if err != nil {
		return "", err
	}
	m := meta.Magnet()
	if !t.private {
		for _, addr := range t.seeder.Addrs() {
			m.Peers = append(m.Peers, addr.String())
		}
	}
	return m.String(), nil
}

// maxReported is how many addresses are ever reported.
const maxReported = 16

// reportAddrs emits the addresses that were not known before. What peers report may change
// back and forth.
func (s *Seeder) reportAddrs() {
	for _, addr := range s.Addrs() {
		if len(s.reported) < maxReported && !slices.Contains(s.reported, addr) {
			s.reported = append(s.reported, addr)
			s.events.Put(EventAddress{addr})
		}
	}
}
