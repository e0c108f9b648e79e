package dht

import (
	"net/netip"
	"slices"
	"strings"

	"bt/internal/discover/krpc"
)

const (
	alpha         = 4  // queries of a lookup at once, in each family
	maxAsked      = 60 // nodes that a lookup asks in each family
	maxCandidates = 64
	maxFound      = 2000 // peers that a lookup remembers
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

// A side is the part of a lookup in one family.
type side struct {
	family    *family
	seeds     []netip.AddrPort // nodes of unknown id to begin with
	list      []*candidate     // the best first
	asked     int
	failed    int // of those asked
	inFlight  int
	converged bool
	targets   []*candidate // nodes to announce to
}

type candidate struct {
	krpc.Node
	state  candidateState
	token  string
	teller *teller // nil: ours
}

// A teller is a node that told of others.
type teller struct {
	answered, failed int // of these
}

// isDoubtful reports whether a node told of nodes that don't exist, which would use up
// the queries of a lookup.
func (t *teller) isDoubtful() bool { return t != nil && t.failed >= 3 && t.failed > 2*t.answered }

// count counts a candidate for its teller.
func (t *teller) count(state candidateState) {
	switch {
	case t == nil:
	case state == stateAnswered:
		t.answered++
	default:
		t.failed++
	}
}

type candidateState uint8

const (
	stateNew candidateState = iota
	stateAsked
	stateAnswered
	stateFailed
)

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
	if s.inFlight >= alpha {
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
		case m == nil || m.ID != c.ID: // another id was told to get its place
			c.state = stateFailed
			s.failed++
		default:
			c.state = stateAnswered
			c.token = strings.Clone(m.Token)
			n.collect(l, c.Addr, m)
		}
		c.teller.count(c.state)
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
			if c := s.add(l.target, krpc.Node{ID: m.ID, Addr: addr}, nil); c != nil {
				c.state = stateAnswered
				c.token = strings.Clone(m.Token)
			}
			n.collect(l, addr, m)
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

// collect takes the nodes and peers of a response.
func (n *Node) collect(l *lookup, from netip.AddrPort, m *krpc.Message) {
	l.answers++
	by := new(teller)
	for _, s := range l.sides {
		nodes := m.Nodes
		if s.family.v6() {
			nodes = m.Nodes6
		}
		for _, node := range nodes[:min(k, len(nodes))] {
			if node.ID != s.family.id && node.Addr != s.family.external && isPlausible(node.Addr, from.Addr()) {
				s.add(l.target, node, by)
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

// add adds a candidate. It returns nil if it is known or there are too many.
func (s *side) add(target krpc.ID, node krpc.Node, by *teller) *candidate {
	isKnown := func(c *candidate) bool {
		return c.Node == node || c.state != stateFailed && (c.Addr == node.Addr || c.ID == node.ID)
	}
	if i := slices.IndexFunc(s.list, isKnown); i >= 0 {
		if c := s.list[i]; c.Node == node && c.teller.isDoubtful() {
			c.teller = by
		}
		return nil
	}
	if !isAllowed(node.Addr, s.addrs) {
		return nil
	}
	c := &candidate{Node: node, teller: by}
	i, _ := slices.BinarySearchFunc(s.list, c, func(a, b *candidate) int { return compare(target, a, b) })
	if i >= maxCandidates {
		return nil
	}
	s.list = slices.Insert(s.list, i, c)
	s.list = s.list[:min(maxCandidates, len(s.list))]
	return c
}

// addrs yields the addresses that limits count.
func (s *side) addrs(yield func(netip.AddrPort) bool) {
	for _, c := range s.list {
		if c.state != stateFailed && !yield(c.Addr) {
			return
		}
	}
}

// compare orders candidates by distance, and those last whose id does not fit their
// address: BEP 42 lets only the others count, as long as there are any.
func compare(target krpc.ID, a, b *candidate) int {
	fitsA, fitsB := a.ID.FitsAddr(a.Addr.Addr()), b.ID.FitsAddr(b.Addr.Addr())
	switch {
	case fitsA && !fitsB:
		return -1
	case fitsB && !fitsA:
		return 1
	}
	return target.CompareDistance(a.ID, b.ID)
}

// live yields the k best candidates that did not fail, and probably won't.
func (s *side) live(yield func(c *candidate) bool) {
	n := 0
	for _, c := range s.list {
		if c.state == stateFailed || c.state == stateNew && c.teller.isDoubtful() {
			continue
		}
		if n++; n > k || !yield(c) {
			return
		}
	}
}

// next returns a candidate to ask, or nil. Up to twice as many are asked if some fail.
func (s *side) next(maxAsked int) *candidate {
	for c := range s.live {
		if c.state == stateNew && s.asked < maxAsked+min(s.failed, maxAsked) {
			return c
		}
	}
	return nil
}

// isComplete reports whether the k best candidates have answered.
func (s *side) isComplete() bool {
	n := 0
	for c := range s.live {
		if c.state != stateAnswered {
			return false
		}
		n++
	}
	return n == k
}

// nearest returns the k best candidates that gave a token.
func (s *side) nearest() (list []*candidate) {
	for _, c := range s.list {
		if c.state == stateAnswered && c.token != "" && len(list) < k {
			list = append(list, c)
		}
	}
	return list
}
