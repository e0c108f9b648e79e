package dht

import (
	"net/netip"
	"testing"
	"time"

	"bt/internal/discover/krpc"
)

// The store is bounded, and holds what is near.
func TestStoreBounds(t *testing.T) {
	s := newStore()
	own := hashNumber(0)
	peer := func(i int) storedPeer {
		return storedPeer{addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>24), byte(i >> 16), byte(i >> 8), byte(i)}), 1), until: time.Now()}
	}
	for i := range 2 * maxPeersPerSwarm {
		if !s.add(own, own, peer(i)) {
			t.Fatal("no room in a swarm")
		}
	}
	if n := len(s.swarms[own]); n != maxPeersPerSwarm || s.peers != n {
		t.Errorf("%d peers of one hash", n)
	}
	refused := 0
	for i := range maxSwarms + 1000 {
		if !s.add(own, hashNumber2(i), peer(i)) {
			refused++
		}
	}
	if len(s.swarms) != maxSwarms || refused == 0 || s.swarms[own] == nil {
		t.Errorf("%d hashes, %d refused", len(s.swarms), refused)
	}
	for hash := range s.swarms {
		for i := range 20 {
			s.add(own, hash, peer(1<<20+i))
		}
	}
	if s.peers > maxPeers {
		t.Errorf("%d peers", s.peers)
	}
	count := 0
	for _, swarm := range s.swarms {
		count += len(swarm)
	}
	if count != s.peers {
		t.Errorf("%d peers, and not %d", count, s.peers)
	}
	s.expire(time.Now().Add(time.Second))
	if s.peers != 0 || len(s.swarms) != 0 {
		t.Errorf("%d peers, %d hashes after they expired", s.peers, len(s.swarms))
	}
}

func hashNumber2(i int) krpc.ID {
	id := hashNumber(i)
	id[19], id[18], id[17] = byte(i), byte(i>>8), byte(i>>16)
	return id
}

// A host is one peer of a swarm, whatever its ports (BEP 33).
func TestStoreHosts(t *testing.T) {
	s := newStore()
	add := func(addr string, seed bool) {
		s.add(krpc.ID{}, krpc.ID{}, storedPeer{addr: netip.MustParseAddrPort(addr), seed: seed})
	}
	add("192.0.2.1:1", false)
	add("192.0.2.1:2", true)
	add("[2001:db8::1]:1", false)
	add("[2001:db8::2]:1", false)
	add("10.0.0.1:1", false)
	add("10.0.0.1:2", false)
	if s.peers != 4 {
		t.Errorf("%d peers", s.peers)
	}
	seeds, peers := s.filters(krpc.ID{})
	if !seeds.Contains(netip.MustParseAddr("192.0.2.1")) || peers.Contains(netip.MustParseAddr("192.0.2.1")) {
		t.Error("the seed is no seed")
	}
}
