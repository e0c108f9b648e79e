package swarm

import (
	"net/netip"
	"slices"
	"sync"

	"bt/internal/netguard"
)

const (
	// enoughReports is how many peers of different networks must report an address.
	enoughReports = 3

	// maxReports is how many reports are kept of each address family, of one host each.
	maxReports = 64
)

// ExternalAddrs are our own addresses, as peers see them ("yourip" of BEP 10). A peer can
// report whatever it likes, so several hosts must agree. The zero value has none. Its
// methods may be called by several goroutines.
type ExternalAddrs struct {
	mu      sync.Mutex
	reports [2][]report // of IPv4 and of IPv6, the oldest first
}

// A report is the last one of a host.
type report struct {
	by   netip.Prefix // its network, or in a private network the host
	addr netip.Addr
}

// Report records that a peer sees us at an address. It is ignored if it can't be reached
// from where the peer is.
func (e *ExternalAddrs) Report(by, addr netip.Addr) {
	by, addr = by.Unmap(), addr.Unmap()
	if !by.IsValid() || !addr.IsGlobalUnicast() || netguard.IsPrivate(addr) && !netguard.IsPrivate(by) {
		return
	}
	family := 0
	if addr.Is6() {
		family = 1
	}
	network := networksOf(by)[0]
	if netguard.IsPrivate(by) {
		network = hostPrefix(by) // all may be in one network
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.DeleteFunc(e.reports[family], func(r report) bool { return r.by == network })
	if len(list) >= maxReports {
		list = slices.Delete(list, 0, 1)
	}
	e.reports[family] = append(list, report{network, addr})
}

// Addrs returns the addresses that most of the last reports agree on, at most one of each
// family.
func (e *ExternalAddrs) Addrs() []netip.Addr {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []netip.Addr
	for _, reports := range e.reports {
		n := make(map[netip.Addr]int)
		for _, r := range reports {
			if n[r.addr]++; n[r.addr] >= enoughReports && n[r.addr] > len(reports)/2 {
				list = append(list, r.addr)
				break
			}
		}
	}
	return list
}
