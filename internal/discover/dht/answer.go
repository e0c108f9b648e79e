package dht

import (
	"net"
	"net/netip"
	"time"

	"bt/internal/discover/krpc"
)

// maxAnswer is the maximum length of an answer in bytes (BEP 32).
const maxAnswer = 1024

// receive handles a packet, which it keeps.
func (n *Node) receive(f *family, packet []byte, from netip.AddrPort) {
	m, err := krpc.Parse(packet)
	now := time.Now()
	n.mu.Lock()
	defer n.unlock()
	n.counters.PacketsReceived++
	n.counters.BytesReceived += int64(len(packet))
	switch {
	case n.closed || from.Addr().Is6() != f.v6() || !isUnicast(netip.AddrPortFrom(from.Addr().WithZone(""), from.Port())):
	case m.Kind == krpc.Query:
		n.query(f, &m, err, from, now)
	case err == nil:
		n.response(f, &m, from, now)
	}
}

// query handles a query. err is an error in its arguments.
func (n *Node) query(f *family, m *krpc.Message, err error, from netip.AddrPort, now time.Time) {
	if m.ID == f.id || !n.sources.allow(from) {
		return
	}
	n.noteQuery(f, from.Addr(), now)
	if n.readOnly(f) || !n.answers.Allow() {
		return
	}
	if err == nil && !m.ReadOnly && f.table.asked(krpc.Node{ID: m.ID, Addr: from}, now) {
		n.suggest(from)
	}
	var r krpc.Message
	if err != nil {
		r = failure(krpc.CodeProtocol, "malformed query")
	} else {
		r = n.answer(f, m, from, now)
	}
	r.Transaction, r.External = m.Transaction, from
	if m.Method == krpc.GetPeers && r.Kind == krpc.Response {
		r.Peers = n.fitting(f, &r, m, from)
	}
	n.send(f, &r, from)
}

// answer returns the answer to a query, without the peers.
func (n *Node) answer(f *family, m *krpc.Message, from netip.AddrPort, now time.Time) krpc.Message {
	r := krpc.Message{Kind: krpc.Response, ID: f.id}
	switch m.Method {
	case krpc.Ping:
		return r
	case krpc.AnnouncePeer:
		return n.storePeer(f, m, from, now)
	case krpc.FindNode, krpc.GetPeers:
		if !m.HasTarget {
			return failure(krpc.CodeProtocol, "no target")
		}
	default:
		// A query of a later BEP may be a kind of find_node (BEP 5, "forward compatibility").
		if !m.HasTarget {
			return failure(krpc.CodeMethod, "method unknown")
		}
	}
	if m.Method == krpc.GetPeers {
		r.Token = n.tokens.token(from.Addr())
		if m.Scrape {
			r.SeedFilter, r.PeerFilter = n.filters(f, m.Target, from)
		}
	}
	n.addNodes(f, &r, m, from)
	return r
}

// addNodes adds the nodes that are nearest to the target of a query.
func (n *Node) addNodes(f *family, r, m *krpc.Message, from netip.AddrPort) {
	want4, want6 := m.Want4, m.Want6
	if !want4 && !want6 || r.SeedFilter != nil { // there is no room for more with filters (BEP 33)
		want4, want6 = !f.v6(), f.v6()
	}
	for _, of := range n.families {
		switch {
		case want4 && !of.v6():
			r.Nodes = of.nodesFor(m.Target, from)
		case want6 && of.v6():
			r.Nodes6 = of.nodesFor(m.Target, from)
		}
	}
}

// failure returns an error message.
func failure(code int, text string) krpc.Message {
	return krpc.Message{Kind: krpc.Error, Code: code, Text: text}
}

// nodesFor returns the nodes nearest to a target, to send to another node.
func (f *family) nodesFor(target krpc.ID, to netip.AddrPort) []krpc.Node {
	list := []krpc.Node{}
	for _, node := range f.table.closest(target, 2*k) {
		if len(list) < k && node.Addr != to && isPlausible(node.Addr, to.Addr()) {
			list = append(list, node)
		}
	}
	return list
}

// fitting returns as many random peers as fit into an answer.
func (n *Node) fitting(f *family, r, m *krpc.Message, to netip.AddrPort) (peers []netip.AddrPort) {
	r.Version = version
	perPeer := len("6:") + 6
	if f.v6() {
		perPeer = len("18:") + 18
	}
	room := max(0, (maxAnswer-len(r.Append(nil))-len("6:valuesle"))/perPeer)
	if own := n.ownPeer(f, m.Target, to); own.IsValid() && room > 0 {
		peers = append(peers, own)
		room--
	}
	for _, p := range n.store.sample(m.Target, f.v6(), room, m.NoSeeds) {
		if isPlausible(p, to.Addr()) {
			peers = append(peers, p)
		}
	}
	return peers
}

// ownPeer returns our own address, if we take part in a swarm: a node that a torrent names
// may be the only one (BEP 5, "Torrent File Extensions").
func (n *Node) ownPeer(f *family, infoHash krpc.ID, to netip.AddrPort) netip.AddrPort {
	if n.options.Port == 0 || n.schedule.byHash[infoHash] == nil {
		return netip.AddrPort{}
	}
	ip := f.external.Addr()
	switch {
	case ip.IsValid() && isPlausible(f.external, to.Addr()):
	case !f.local.Addr().IsUnspecified():
		ip = f.local.Addr().WithZone("")
	default:
		ip = routeTo(to)
	}
	own := netip.AddrPortFrom(ip, n.options.Port)
	if !ip.IsValid() || !isPlausible(own, to.Addr()) {
		return netip.AddrPort{}
	}
	return own
}

// filters returns the Bloom filters of a swarm (BEP 33), with us if we take part in it, or
// nil if it is unknown.
func (n *Node) filters(f *family, infoHash krpc.ID, to netip.AddrPort) (seeds, peers *krpc.Filter) {
	seeds, peers = n.store.filters(infoHash)
	own := n.ownPeer(f, infoHash, to)
	if !own.IsValid() {
		return seeds, peers
	}
	if seeds == nil {
		seeds, peers = new(krpc.Filter), new(krpc.Filter)
	}
	if n.schedule.byHash[infoHash].seeds {
		seeds.Insert(own.Addr())
	} else {
		peers.Insert(own.Addr())
	}
	return seeds, peers
}

// routeTo returns the address from which the system sends to another one.
func routeTo(to netip.AddrPort) netip.Addr {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)) // which sends nothing
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	addr, _ := conn.LocalAddr().(*net.UDPAddr)
	return addr.AddrPort().Addr().Unmap().WithZone("")
}

// storePeer stores a peer that announces itself.
func (n *Node) storePeer(f *family, m *krpc.Message, from netip.AddrPort, now time.Time) krpc.Message {
	addr := from
	if !m.ImpliedPort {
		addr = netip.AddrPortFrom(from.Addr(), m.Port)
	}
	switch {
	case !m.HasTarget || addr.Port() == 0:
		return failure(krpc.CodeProtocol, "no info-hash or port")
	case !n.tokens.isValid(m.Token, from.Addr()):
		return failure(krpc.CodeProtocol, "bad token")
	case !n.store.add(f.id, m.Target, storedPeer{addr, m.Seed, now.Add(peerTime)}):
		return failure(krpc.CodeServer, "no room")
	}
	return krpc.Message{Kind: krpc.Response, ID: f.id}
}
