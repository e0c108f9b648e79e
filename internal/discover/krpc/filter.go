package krpc

import (
	"crypto/sha1"
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// A Filter is a Bloom filter of IP addresses (BEP 33). The zero Filter is empty.
type Filter [256]byte

// filterBits is the number of bits of a Filter; each address sets two.
const filterBits = len(Filter{}) * 8

// Insert inserts an address.
func (f *Filter) Insert(ip netip.Addr) {
	for _, bit := range filterIndexes(ip) {
		f[bit/8] |= 1 << (bit % 8)
	}
}

// Contains reports whether an address may have been inserted.
func (f *Filter) Contains(ip netip.Addr) bool {
	for _, bit := range filterIndexes(ip) {
		if f[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

// Union adds the addresses of another filter.
func (f *Filter) Union(other *Filter) {
	for i, b := range other {
		f[i] |= b
	}
}

// Estimate estimates the number of addresses. Above about 6000, the estimate means only
// that there are many.
func (f *Filter) Estimate() float64 {
	zeros := filterBits
	for _, b := range f {
		zeros -= bits.OnesCount8(b)
	}
	if zeros == filterBits {
		return 0
	}
	// BEP 33 only bounds the number above. 1 is the lower bound, for which the logarithm exists.
	c := float64(max(1, min(filterBits-1, zeros)))
	const m = float64(filterBits)
	return math.Log(c/m) / (2 * math.Log(1-1/m))
}

func filterIndexes(ip netip.Addr) [2]int {
	sum := sha1.Sum(ip.AsSlice())
	return [2]int{
		int(binary.LittleEndian.Uint16(sum[0:])) % filterBits,
		int(binary.LittleEndian.Uint16(sum[2:])) % filterBits,
	}
}
