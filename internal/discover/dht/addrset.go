package dht

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// recentTime is the time after which an addrSet of addresses that were sent to is
// replaced. Routers stop letting packets in from an address sooner than that.
const recentTime = 5 * time.Minute

// An addrSet is a set of many IP addresses in little memory. It may contain an address
// that was not added. The zero addrSet is empty.
type addrSet struct {
	bits []uint64
}

const addrSetBits = 1 << 18

var addrSeed = maphash.MakeSeed()

func addrIndex(ip netip.Addr) (word, bit uint64) {
	h := maphash.Comparable(addrSeed, ip) % addrSetBits
	return h / 64, h % 64
}

func (s *addrSet) add(ip netip.Addr) {
	if s.bits == nil {
		s.bits = make([]uint64, addrSetBits/64)
	}
	word, bit := addrIndex(ip)
	s.bits[word] |= 1 << bit
}

func (s *addrSet) contains(ip netip.Addr) bool {
	word, bit := addrIndex(ip)
	return s.bits != nil && s.bits[word]&(1<<bit) != 0
}
