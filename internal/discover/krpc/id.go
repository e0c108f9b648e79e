package krpc

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"
	"math/bits"
	"net/netip"
)

// An ID identifies a node, or is an info-hash; both are points of one space. Their
// distance is the XOR of their bits.
type ID [20]byte

// String returns the id in hex.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Common returns the number of leading bits that two ids have in common, 160 if they
// are equal.
func (id ID) Common(other ID) int {
	for i := range id {
		if x := id[i] ^ other[i]; x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return len(id) * 8
}

// CompareDistance compares the distances of a and b from id, like cmp.Compare.
func (id ID) CompareDistance(a, b ID) int {
	for i := range id {
		a[i] ^= id[i]
		b[i] ^= id[i]
	}
	return bytes.Compare(a[:], b[:])
}

// FitAddr changes bits of a random id such that it fits an external address (BEP 42).
func (id ID) FitAddr(ip netip.Addr) ID {
	sum := prefix(ip, id[19])
	id[0], id[1], id[2] = byte(sum>>24), byte(sum>>16), byte(sum>>8)&0xf8|id[2]&7
	return id
}

// FitsAddr reports whether the id of a node fits its external address (BEP 42). Any id
// fits an address of a local network.
func (id ID) FitsAddr(ip netip.Addr) bool {
	return IsLocal(ip) || id == id.FitAddr(ip)
}

// IsLocal reports whether an address is of a local network, whose nodes are exempt from
// BEP 42. The BEP lists those of IPv4; fc00::/7 and fe80::/10 are those of IPv6.
func IsLocal(ip netip.Addr) bool {
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// prefix returns a number whose first 21 bits begin the ids that fit an address and end
// in the byte last.
func prefix(ip netip.Addr, last byte) uint32 {
	masked := ip.Unmap().AsSlice()
	mask := []byte{0x03, 0x0f, 0x3f, 0xff}
	if len(masked) > len(mask) {
		mask = []byte{0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff}
		masked = masked[:len(mask)]
	}
	for i := range masked {
		masked[i] &= mask[i]
	}
	if len(masked) > 0 {
		masked[0] |= last & 7 << 5
	}
	return crc32.Checksum(masked, castagnoli)
}
