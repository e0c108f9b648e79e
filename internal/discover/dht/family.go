package dht

import (
	"crypto/rand"
	"net"
	"net/netip"
	"slices"
	"time"

	"bt/internal/discover/krpc"
)

// A family is the node's part in the DHT of one address family.
type family struct {
	conn     net.PacketConn
	local    netip.AddrPort // the address of conn, which may be unspecified
	id       krpc.ID
	table    table
	external netip.AddrPort // as other nodes see it
	votes    []vote
	renamed  time.Time // when id was last changed
	global   bool      // a node outside of local networks has answered

	reachable time.Time // others can reach us until then
	compared  time.Time // when external was last compared with our own addresses
	recent    [2]addrSet
}

func newFamily(conn net.PacketConn) *family {
	f := &family{conn: conn}
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		f.local = unmap(a.AddrPort())
	}
	_, _ = rand.Read(f.id[:]) // which never fails
	f.table.own = f.id
	return f
}

func (f *family) v6() bool { return f.local.Addr().Is6() }

// family returns the family of an address, or nil.
func (n *Node) family(ip netip.Addr) *family {
	ip = ip.Unmap()
	for _, f := range n.families {
		if ip.IsValid() && f.v6() == ip.Is6() {
			return f
		}
	}
	return nil
}

// send sends a packet. Packets may get lost, so that errors mean nothing else.
func (n *Node) send(f *family, m *krpc.Message, to netip.AddrPort) {
	m.Version = version
	b := m.Append(nil)
	if _, err := f.conn.WriteTo(b, net.UDPAddrFromAddrPort(to)); err == nil {
		n.counters.PacketsSent++
		n.counters.BytesSent += int64(len(b))
	}
}

// A vote is our external address as one host sees it.
type vote struct {
	host, addr netip.AddrPort
}

const (
	maxVotes = 16 // that are remembered
	minVotes = 3  // that must agree

	// renameTime is the time between changes of our id, which makes other nodes lose us.
	renameTime = time.Hour

	// compareTime is the time between comparisons of an external address with our own ones,
	// of which the system must be asked.
	compareTime = 5 * time.Minute

	// reachableTime is the time for which a proof holds that others can reach us.
	reachableTime = time.Hour
)

// vote notes which external address a node sees (BEP 42).
func (n *Node) vote(f *family, from, addr netip.AddrPort, now time.Time) {
	isInside := krpc.IsLocal(from.Addr()) && f.global
	if isInside || !isPlausible(addr, from.Addr()) || addr.Addr().Is6() != f.v6() {
		return
	}
	host := hostOf(from)
	f.votes = slices.DeleteFunc(f.votes, func(v vote) bool { return v.host == host })
	if len(f.votes) == maxVotes {
		f.votes = slices.Delete(f.votes, 0, 1)
	}
	f.votes = append(f.votes, vote{host, addr})

	if !f.agree(func(v vote) bool { return v.addr.Addr() == addr.Addr() }) {
		return
	}
	isNew := addr != f.external || now.Sub(f.compared) > compareTime
	f.external = addr
	if isNew && f.agree(func(v vote) bool { return v.addr == addr }) {
		f.compared = now
		if f.isOwn(addr) {
			n.prove(f, now) // no router translates our address
		}
	}
	if !f.id.FitsAddr(addr.Addr()) && (f.renamed.IsZero() || now.Sub(f.renamed) > renameTime) {
		f.renamed = now
		f.rename(addr.Addr())
		n.find(f.id)
	}
}

// agree reports whether enough votes, and most of them, are for something.
func (f *family) agree(isFor func(v vote) bool) bool {
	needed := minVotes
	if !f.global {
		needed = 1 // a local network may be small, and attacks are not expected there
	}
	count := 0
	for _, v := range f.votes {
		if isFor(v) {
			count++
		}
	}
	return count >= needed && count*2 > len(f.votes)
}

// rename changes our id to a random one that fits an external address.
func (f *family) rename(ip netip.Addr) {
	_, _ = rand.Read(f.id[:])
	f.id = f.id.FitAddr(ip)
	f.table.rebase(f.id)
}

// isOwn reports whether an address is that of our socket.
func (f *family) isOwn(a netip.AddrPort) bool {
	switch {
	case a.Port() != f.local.Port():
		return false
	case !f.local.Addr().IsUnspecified():
		return a.Addr() == f.local.Addr().WithZone("")
	}
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(other net.Addr) bool {
		p, ok := other.(*net.IPNet)
		return ok && p.IP.Equal(a.Addr().AsSlice())
	})
}

// readOnly reports whether other nodes must not ask us (BEP 43).
func (n *Node) readOnly(f *family) bool {
	return n.options.ReadOnly || time.Now().After(f.reachable)
}

// noteQuery notes a query of a node. If we did not send to its address lately, others can
// reach us: no router of ours can have expected its packet. There is no router to a node on
// this machine. A node in our local network proves something only if there are no others.
func (n *Node) noteQuery(f *family, from netip.Addr, now time.Time) {
	isInside := krpc.IsLocal(from) && f.global
	wasExpected := !from.IsLoopback() && (f.recent[0].contains(from) || f.recent[1].contains(from))
	if isInside || wasExpected {
		return
	}
	n.prove(f, now)
}

// prove notes that others can reach us. Those near us may not know us yet, because nodes
// don't remember one that is read-only.
func (n *Node) prove(f *family, now time.Time) {
	was := n.readOnly(f)
	f.reachable = now.Add(reachableTime)
	if was && !n.options.ReadOnly {
		n.find(f.id)
	}
}

// forgetRecent forgets addresses that nothing was sent to lately.
func (n *Node) forgetRecent(time.Time) {
	for _, f := range n.families {
		f.recent[1] = f.recent[0]
		f.recent[0] = addrSet{}
	}
}
