package dht

import "net/netip"

// A Status is a snapshot of a node.
type Status struct {
	Families []FamilyStatus
	Hashes   int // that were added
	Counters
}

// Counters count since the start.
type Counters struct {
	Lookups   int64 // of hashes that were added
	Announces int64 // lookups after which at least one node accepted the announce

	PacketsSent, PacketsReceived int64
	BytesSent, BytesReceived     int64
}

// A FamilyStatus is a snapshot of a node's part in the DHT of one address family.
type FamilyStatus struct {
	ID       [20]byte
	Local    netip.AddrPort
	External netip.AddrPort // as other nodes see it; invalid if unknown
	Nodes    int            // that are in the routing table and seem to work
	ReadOnly bool
}

// Status returns a snapshot.
func (n *Node) Status() Status {
	n.mu.Lock()
	defer n.unlock()
	s := Status{Hashes: n.schedule.count, Counters: n.counters}
	for _, f := range n.families {
		s.Families = append(s.Families, FamilyStatus{
			ID: f.id, Local: f.local, External: f.external, Nodes: f.table.count(), ReadOnly: n.readOnly(f),
		})
	}
	return s
}
