package krpc

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func hexID(t testing.TB, s string) ID {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 20 {
		t.Fatalf("%s is no id", s)
	}
	return ID(b)
}

// The test vectors of BEP 42. The first 21 bits and the last byte are compared.
func TestFitAddr(t *testing.T) {
	for _, tt := range []struct{ ip, id string }{
		{"124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"},
		{"21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"},
		{"65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"},
		{"84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"},
		{"43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"},
	} {
		ip, want := netip.MustParseAddr(tt.ip), hexID(t, tt.id)
		if !want.FitsAddr(ip) {
			t.Errorf("%s does not fit %s", want, ip)
		}
		if mapped := netip.AddrFrom16(ip.As16()); !want.FitsAddr(mapped) {
			t.Errorf("%s does not fit %s", want, mapped)
		}
		random := want
		random[0], random[1], random[2] = 0, 0, want[2]&7
		if got := random.FitAddr(ip); got != want {
			t.Errorf("for %s %s, and not %s", ip, got, want)
		}
		for bit := range 21 {
			wrong := want
			wrong[bit/8] ^= 0x80 >> (bit % 8)
			if wrong.FitsAddr(ip) {
				t.Errorf("%s fits %s", wrong, ip)
			}
		}
		if other := netip.MustParseAddr("203.0.113.1"); want.FitsAddr(other) {
			t.Errorf("%s fits %s", want, other)
		}
	}
}

// An id depends only on the network of an address of IPv6.
func TestFitAddr6(t *testing.T) {
	id := hexID(t, "000000ff00000000000000000000000000000005").FitAddr(netip.MustParseAddr("2001:db8:1:2::3"))
	for ip, fits := range map[string]bool{"2001:db8:1:2::4": true, "2001:db8:1:3::3": false, "fd00::1": true, "fe80::1": true, "::1": true} {
		if id.FitsAddr(netip.MustParseAddr(ip)) != fits {
			t.Errorf("%s fits %s: %t", id, ip, !fits)
		}
	}
}

func TestLocalAddresses(t *testing.T) {
	for ip, local := range map[string]bool{
		"10.1.2.3": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.1.1": true, "169.254.1.1": true, "127.0.0.1": true,
		"192.0.2.1": false, "8.8.8.8": false, "2001:db8::1": false,
	} {
		if IsLocal(netip.MustParseAddr(ip)) != local {
			t.Errorf("%s is local: %t", ip, !local)
		}
	}
}

func TestDistance(t *testing.T) {
	zero := ID{}
	near, far := ID{19: 1}, ID{0: 1}
	if zero.CompareDistance(near, far) >= 0 || zero.CompareDistance(far, near) <= 0 || zero.CompareDistance(far, far) != 0 {
		t.Error("CompareDistance is wrong from 0")
	}
	if far.CompareDistance(near, far) <= 0 {
		t.Error("an id is not nearest to itself")
	}
	for _, tt := range []struct {
		a, b ID
		want int
	}{{zero, near, 159}, {zero, far, 7}, {zero, zero, 160}, {far, ID{0: 1, 1: 0x80}, 8}} {
		if got := tt.a.Common(tt.b); got != tt.want {
			t.Errorf("%s and %s have %d bits in common", tt.a, tt.b, got)
		}
	}
}
