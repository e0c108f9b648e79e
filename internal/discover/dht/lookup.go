package dht

import (
	"net/netip"
	"slices"
	"strings"

	"bt/internal/discover/krpc"
)

const (
	alpha    = 4    // queries of a lookup at once, in each family
	maxAsked = 60   // nodes that a lookup asks in each family
	maxFound = 2000 // peers that a lookup remembers
)

// A lookup approaches a target in all families at once. Its fields are guarded by the mu
// of the node.
type lookup struct {
	target   krpc.ID
	method   string // FindNode or GetPeers
	noSeeds  bool
	announce bool // to the nearest nodes
	seed     bool // announce as a seed
	scrape   *scrape
	maxAsked int
	found    map[netip.AddrPort]struct{}
	peers    func([]netip.AddrPort) // if not nil, is called with new peers
	done     func()                 // is called at the end, unless the lookup is abandoned

	sides     []*side
	answers   int // nodes that answered
	announced int // nodes that accepted the announce
	packets   int // queries sent
	stalled   bool
	over      bool // ended or abandoned
}

// newLookup returns a lookup to start.
func (n *Node) newLookup(target krpc.ID, method string) *lookup {
	l := &lookup{target: target, method: method, maxAsked: maxAsked}
	for _, f := range n.families {
		l.sides = append(l.sides, &side{family: f})
	}
	return l
}

// start starts a lookup from the nodes in the tables.
func (n *Node) start(l *lookup) {
	for _, s := range l.sides {
		for _, node := range s.family.table.closest(l.target, 2*k) {
			s.add(l.target, node, nil)
		}
	}
	n.step(l)
}

// find starts a lookup that only fills the tables.
func (n *Node) find(target krpc.ID) {
	n.start(n.newLookup(target, krpc.FindNode))
}

// step sends what a lookup can send, and ends it if there is nothing more to do.
func (n *Node) step(l *lookup) {
	if l.over || l.stalled || n.proceed(l) {
		return
	}
	// No side can get closer. They end together, because one may get nodes from another.
	for _, s := range l.sides {
		if !s.converged {
			l.converge(s)
		}
	}
	if n.proceed(l) {
		return
	}
	l.over = true
	if l.done != nil {
		l.done()
	}
}

// proceed sends what a lookup can send. It returns false if it waits for nothing.
func (n *Node) proceed(l *lookup) (busy bool) {
	for _, s := range l.sides {
		for n.advance(l, s) {
		}
		busy = busy || s.inFlight > 0
	}
	return busy || l.stalled
}

// converge ends the search of a side.
func (l *lookup) converge(s *side) {
	s.converged = true
	if l.announce {
		s.targets = s.nearest()
	}
}

// advance takes the next step of a side. It returns false if there is none now.
func (n *Node) advance(l *lookup, s *side) bool {
	if l.stalled || s.inFlight >= alpha {
		return false
	}
	var next *candidate
	if !s.converged && len(s.seeds) == 0 {
		if next = s.next(l.maxAsked); next == nil && s.isComplete() {
			l.converge(s)
		}
	}
	if next == nil && len(s.seeds) == 0 && len(s.targets) == 0 {
		return false
	}
	if !n.queries.Allow() {
		l.stalled = true
		n.stalled = append(n.stalled, l)
		return false
	}
	l.packets++
	s.inFlight++
	switch {
	case next != nil:
		n.askCandidate(l, s, next)
	case len(s.seeds) > 0:
		seed := s.seeds[0]
		s.seeds = s.seeds[1:]
		n.askSeed(l, s, seed)
	default:
		c := s.targets[0]
		s.targets = s.targets[1:]
		n.announceTo(l, s, c)
	}
	return true
}

// message returns the query of a lookup.
func (n *Node) message(l *lookup) krpc.Message {
	m := krpc.Message{Method: l.method, HasTarget: true, Target: l.target, NoSeeds: l.noSeeds, Scrape: l.scrape != nil}
	if len(n.families) > 1 {
		m.Want4, m.Want6 = true, true
	}
	return m
}

func (n *Node) askCandidate(l *lookup, s *side, c *candidate) {
	c.state = stateAsked
	s.asked++
	n.ask(s.family, c.Addr, n.message(l), func(m *krpc.Message) {
		s.inFlight--
		switch {
		case l.over:
			return
		case m == nil || m.ID != c.ID: // the source gave it a nearer id
			c.state = stateFailed
			s.failed++
		default:
			c.state = stateAnswered
			c.token = strings.Clone(m.Token)
			n.collect(l, c, c.Addr, m)
		}
		c.count()
		n.step(l)
	})
}

func (n *Node) askSeed(l *lookup, s *side, addr netip.AddrPort) {
	s.asked++
	n.ask(s.family, addr, n.message(l), func(m *krpc.Message) {
		s.inFlight--
		if l.over {
			return
		}
		if m != nil {
			c := s.add(l.target, krpc.Node{ID: m.ID, Addr: addr}, nil)
			if c != nil {
				c.state = stateAnswered
				c.token = strings.Clone(m.Token)
			}
			n.collect(l, c, addr, m)
		}
		n.step(l)
	})
}

func (n *Node) announceTo(l *lookup, s *side, c *candidate) {
	m := krpc.Message{
		Method: krpc.AnnouncePeer, HasTarget: true, Target: l.target,
		Port: n.options.Port, Seed: l.seed, Token: c.token,
	}
	n.ask(s.family, c.Addr, m, func(m *krpc.Message) {
		s.inFlight--
		if l.over {
			return
		}
		if m != nil {
			l.announced++
		}
		n.step(l)
	})
}

// collect takes the nodes and peers of a response. c is nil if the node was known.
func (n *Node) collect(l *lookup, c *candidate, from netip.AddrPort, m *krpc.Message) {
	l.answers++
	for _, s := range l.sides {
		nodes := m.Nodes
		if s.family.v6() {
			nodes = m.Nodes6
		}
		for _, node := range nodes[:min(k, len(nodes))] {
			if node.ID != s.family.id && node.Addr != s.family.external && isPlausible(node.Addr, from.Addr()) {
				s.add(l.target, node, c)
			}
		}
	}
	m.Peers = slices.DeleteFunc(m.Peers, func(p netip.AddrPort) bool { return !isPlausible(p, from.Addr()) })
	if l.scrape != nil {
		l.scrape.add(m)
	}
	var fresh []netip.AddrPort
	for _, p := range m.Peers {
		if _, known := l.found[p]; !known && len(l.found) < maxFound {
			if l.found == nil {
				l.found = map[netip.AddrPort]struct{}{}
			}
			l.found[p] = struct{}{}
			fresh = append(fresh, p)
		}
	}
	if len(fresh) > 0 && l.peers != nil {
		l.peers(fresh)
	}
}
