package dht

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"bt/internal/discover/krpc"
)

const (
	// peerTime is the time for which an announce is valid. Most clients announce every 30
	// minutes or more often.
	peerTime = 45 * time.Minute

	maxSwarms        = 5000
	maxPeersPerSwarm = 500
	maxPeers         = 50_000
)

// A store holds the peers that other nodes announced.
type store struct {
	swarms map[krpc.ID]map[netip.AddrPort]storedPeer // by hostOf: a host is one peer (BEP 33)
	peers  int
}

type storedPeer struct {
	addr  netip.AddrPort
	seed  bool
	until time.Time
}

func newStore() store { return store{swarms: map[krpc.ID]map[netip.AddrPort]storedPeer{}} }

// add adds a peer. It returns false if there is no room. If there are too many swarms,
// the one whose info-hash is farthest from the id of this node makes room, because others
// are better places for it.
func (s *store) add(own, infoHash krpc.ID, p storedPeer) bool {
	swarm, host := s.swarms[infoHash], hostOf(p.addr)
	_, known := swarm[host]
	switch {
	case known:
	case len(swarm) >= maxPeersPerSwarm:
		for h := range swarm { // one at random
			delete(swarm, h)
			s.peers--
			break
		}
	case s.peers >= maxPeers, swarm == nil && len(s.swarms) >= maxSwarms:
		if !s.makeRoom(own, infoHash) {
			return false
		}
	}
	if swarm == nil {
		swarm = map[netip.AddrPort]storedPeer{}
		s.swarms[infoHash] = swarm
	}
	if !known {
		s.peers++
	}
	swarm[host] = p
	return true
}

// makeRoom removes the farthest swarm, if it is farther than an info-hash.
func (s *store) makeRoom(own, infoHash krpc.ID) bool {
	farthest := infoHash
	for hash := range s.swarms {
		if own.CompareDistance(hash, farthest) > 0 {
			farthest = hash
		}
	}
	if farthest == infoHash {
		return false
	}
	s.peers -= len(s.swarms[farthest])
	delete(s.swarms, farthest)
	return true
}

// expire removes peers that did not announce again.
func (s *store) expire(now time.Time) {
	for hash, swarm := range s.swarms {
		for host, p := range swarm {
			if now.After(p.until) {
				delete(swarm, host)
				s.peers--
			}
		}
		if len(swarm) == 0 {
			delete(s.swarms, hash)
		}
	}
}

// sample returns up to n peers of one address family at random. With noSeeds, seeds are
// only taken if there are not enough others.
func (s *store) sample(infoHash krpc.ID, v6 bool, n int, noSeeds bool) []netip.AddrPort {
	var peers, seeds []netip.AddrPort
	for _, p := range s.swarms[infoHash] {
		switch {
		case p.addr.Addr().Is6() != v6:
		case noSeeds && p.seed:
			seeds = append(seeds, p.addr)
		default:
			peers = append(peers, p.addr)
		}
	}
	shuffle(peers)
	shuffle(seeds)
	peers = append(peers, seeds...)
	return peers[:min(n, len(peers))]
}

func shuffle(list []netip.AddrPort) {
	rand.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
}

// filters returns the Bloom filters of a swarm, or nil if it is unknown.
func (s *store) filters(infoHash krpc.ID) (seeds, peers *krpc.Filter) {
	swarm := s.swarms[infoHash]
	if len(swarm) == 0 {
		return nil, nil
	}
	seeds, peers = new(krpc.Filter), new(krpc.Filter)
	for _, p := range swarm {
		if p.seed {
			seeds.Insert(p.addr.Addr())
		} else {
			peers.Insert(p.addr.Addr())
		}
	}
	return seeds, peers
}
