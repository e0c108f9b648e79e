package finders

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"bt/internal/metainfo"
)

const (
	// maxHosts is how many nodes of torrents are ever looked up, and maxHostsOfTorrent how
	// many of one torrent. lookupTime limits the time for each.
	maxHosts          = 1000
	maxHostsOfTorrent = 20
	lookupTime        = 10 * time.Second
)

// hosts are the nodes of torrents (BEP 5), which may be names.
type hosts struct {
	news chan struct{} // has a buffer of one

	mu   sync.Mutex
	seen map[metainfo.Node]bool
	next []metainfo.Node // to be looked up
}

func (h *hosts) add(nodes []metainfo.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		h.seen = make(map[metainfo.Node]bool)
	}
	for _, node := range nodes[:min(len(nodes), maxHostsOfTorrent)] {
		if !h.seen[node] && len(h.seen) < maxHosts {
			h.seen[node] = true
			h.next = append(h.next, node)
		}
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// take returns the nodes that were added since the last call.
func (h *hosts) take() []metainfo.Node {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.next
	h.next = nil
	return list
}

// AddNodes suggests the nodes of a torrent to the DHT, once their names are looked up.
func (f *Finders) AddNodes(nodes []metainfo.Node) {
	if f.node != nil && len(nodes) > 0 {
		f.hosts.add(nodes)
	}
}

// lookUp looks up the hosts until ctx ends.
func (f *Finders) lookUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.hosts.news:
		}
		for _, node := range f.hosts.take() {
			limited, cancel := context.WithTimeout(ctx, lookupTime)
			ips, _ := net.DefaultResolver.LookupNetIP(limited, "ip", node.Host) // an old torrent may name a host that is gone
			cancel()
			for _, ip := range ips {
				f.AddNode(netip.AddrPortFrom(ip.Unmap(), uint16(node.Port)))
			}
		}
	}
}
