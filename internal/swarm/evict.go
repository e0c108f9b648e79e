package swarm

import (
	"cmp"
	"math/bits"
	"slices"
	"time"
)

const (
	// fewPeers is how many peers of one network do not count as a crowd.
	fewPeers = 8

	// rankPause is the delay after rank has found no peer to evict, before it is
	// tried again.
	rankPause = 100 * time.Millisecond
)

// A Use says how useful a peer is. At the limit, the least useful peer is evicted.
type Use struct {
	Active   bool      // it is being served, or serves us, and is not evicted
	Since    time.Time // of the last time when it was active; zero: never
	Needless bool      // it has had time, and neither side has ever wanted something of the other
}

// An evictionCandidate is a peer that is not active, with the keys that rank sorts by.
type evictionCandidate struct {
	*Peer
	needless bool
	crowd    int // logarithm of the number of peers in its network
	since    time.Time
}

// candidate returns the peer as a candidate for eviction; idle is false if it is active.
func (p *Peer) candidate(now time.Time) (s evictionCandidate, idle bool) {
	u := p.role.Use(now)
	if u.Active {
		return evictionCandidate{}, false
	}
	s = evictionCandidate{Peer: p, needless: u.Needless, since: p.Joined}
	if u.Since.After(s.since) {
		s.since = u.Since
	}
	return s, true
}

// rank returns the peers that may be evicted, least useful first: the needless ones, then
// those of crowded networks, then those that have been idle longest.
func rank(peers map[*Peer]bool, now time.Time) []*Peer {
	all := make(crowd)
	for p := range peers {
		all.add(p.Addr.Addr(), 1)
	}
	var list []evictionCandidate
	for p := range peers {
		if s, idle := p.candidate(now); idle && !p.evicted {
			s.crowd = bits.Len(uint(all.of(p.Addr.Addr()) / fewPeers))
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b evictionCandidate) int {
		if a.needless != b.needless {
			if a.needless {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.crowd, a.crowd), a.since.Compare(b.since), cmp.Compare(a.Number, b.Number))
	})
	order := make([]*Peer, len(list))
	for i, s := range list {
		order[i] = s.Peer
	}
	return order
}

// peers is the set of connected peers.
type peers struct {
	all       map[*Peer]bool
	leaving   int       // number of peers that are evicted and still connected
	useless   []*Peer   // the next to evict, in order
	allActive time.Time // when rank last found no peer to evict
}

// admit adds a peer, unless there are most already. Then it evicts the least useful one,
// and reports false if all are active.
func (s *peers) admit(p *Peer, most int) bool {
	if len(s.all)-s.leaving >= most && !s.evict(time.Now()) {
		return false
	}
	s.all[p] = true
	return true
}

func (s *peers) remove(p *Peer) {
	delete(s.all, p)
	if p.evicted {
		s.leaving--
	}
}

// evict disconnects the least useful peer, and reports false if there is none.
func (s *peers) evict(now time.Time) bool {
	if len(s.useless) == 0 && now.Sub(s.allActive) >= rankPause {
		s.useless = rank(s.all, now)
		// Rank again later: the others may have become useful.
		s.useless = s.useless[:(len(s.useless)+15)/16]
		if len(s.useless) == 0 {
			s.allActive = now
		}
	}
	for len(s.useless) > 0 {
		p := s.useless[0]
		s.useless = s.useless[1:]
		if _, idle := p.candidate(now); idle && s.all[p] && !p.evicted {
			p.evicted = true
			s.leaving++
			p.Close()
			return true
		}
	}
	return false
}
