package dht

import (
	"net/netip"
	"slices"

	"bt/internal/discover/krpc"
)

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
	state    candidateState
	token    string
	source   *candidate // whose response contained it; nil: a table
	answered int        // of the candidates that its own response contained
	failed   int
}

// isDoubtful reports whether the response of a candidate contained nodes that don't exist,
// which would use up the queries of a lookup. The other nodes in it are not asked, and the
// candidate does not count among the nearest.
func (c *candidate) isDoubtful() bool { return c != nil && c.failed >= 3 && c.failed > 2*c.answered }

// count counts a candidate for its source.
func (c *candidate) count() {
	switch {
	case c.source == nil:
	case c.state == stateAnswered:
		c.source.answered++
	default:
		c.source.failed++
	}
}

type candidateState uint8

const (
	stateNew candidateState = iota
	stateAsked
	stateAnswered
	stateFailed
)

// add adds a candidate. It returns nil if it is known. A lookup asks few nodes, and takes
// few candidates from each, so that there are never too many.
func (s *side) add(target krpc.ID, node krpc.Node, source *candidate) *candidate {
	if i := slices.IndexFunc(s.list, func(c *candidate) bool { return c.Node == node }); i >= 0 {
		if c := s.list[i]; c.source.isDoubtful() {
			c.source = source
		}
		return nil
	}
	c := &candidate{Node: node, source: source}
	i, _ := slices.BinarySearchFunc(s.list, c, func(a, b *candidate) int { return compare(target, a, b) })
	s.list = slices.Insert(s.list, i, c)
	return c
}

// taken yields the addresses of candidates that were asked and did not fail.
func (s *side) taken(yield func(netip.AddrPort) bool) {
	for _, c := range s.list {
		if (c.state == stateAsked || c.state == stateAnswered) && !yield(c.Addr) {
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

// live yields the k best candidates that did not fail, and may be asked.
func (s *side) live(yield func(c *candidate) bool) {
	n := 0
	for _, c := range s.list {
		if c.state == stateFailed || c.isDoubtful() || c.state == stateNew && (c.source.isDoubtful() || !isAllowed(c.Addr, s.taken)) {
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
	for _, doubtful := range []bool{false, true} {
		for _, c := range s.list {
			if c.state == stateAnswered && c.token != "" && c.isDoubtful() == doubtful && len(list) < k {
				list = append(list, c)
			}
		}
	}
	return list
}
