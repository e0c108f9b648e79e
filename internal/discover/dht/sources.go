package dht

import (
	"net/netip"
	"time"
)

const (
	// A source may send so many queries within sourceTime. Lookups of thousands of torrents
	// ask one node less often.
	maxPerSource = 100
	sourceTime   = 10 * time.Second

	// maxSources is the number of sources that are counted. If there are more, the counts
	// begin again; the limit of all answers holds then.
	maxSources = 8192
)

// sources counts the queries of hosts.
type sources struct {
	counts map[netip.AddrPort]int
}

func newSources() sources { return sources{map[netip.AddrPort]int{}} }

func (s *sources) reset() { clear(s.counts) }

// allow counts a query, and reports whether it may be answered.
func (s *sources) allow(from netip.AddrPort) bool {
	host := hostOf(from)
	if len(s.counts) >= maxSources {
		clear(s.counts)
	}
	s.counts[host]++
	return s.counts[host] <= maxPerSource
}
