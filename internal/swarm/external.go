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

// ExternalAddrs are our own addresses, as trackers (BEP 24) and peers ("yourip" of BEP 10)
// see them. A peer can report whatever it likes, so several hosts must agree; a tracker is
// believed. The zero value has none. Its methods may be called by several goroutines.
type ExternalAddrs struct {
	mu      sync.Mutex
	reports [2][]report   // of IPv4 and of IPv6, the oldest first
	trusted [2]netip.Addr // what a tracker has reported
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
	family := familyOf(addr)
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

// Trust records that a tracker sees us at an address. A tracker in a private network may
// see a private address; it does not replace another one.
func (e *ExternalAddrs) Trust(addr netip.Addr) {
	addr = addr.Unmap()
	if !addr.IsGlobalUnicast() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := &e.trusted[familyOf(addr)]; !old.IsValid() || !netguard.IsPrivate(addr) {
		*old = addr
	}
}

func familyOf(addr netip.Addr) int {
	if addr.Is6() {
		return 1
	}
	return 0
}

// Addrs returns the addresses that trackers have reported, else those that most of the last
// reports of peers agree on, at most one of each family.
func (e *ExternalAddrs) Addrs() []netip.Addr {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []netip.Addr
	for family, reports := range e.reports {
		if e.trusted[family].IsValid() {
			list = append(list, e.trusted[family])
			continue
		}
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
