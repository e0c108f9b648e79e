package peer

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Messages that are written as they are read. Values of the dict are in hex here.
var pexMessages = []struct {
	name string
	keys [6]string // added, added.f, added6, added6.f, dropped, dropped6
	m    PEX
}{
	{"nothing", [6]string{}, PEX{}},
	{"one added", [6]string{"0a00000f 1ae1", "12"}, PEX{Added: []PEXPeer{
		{netip.MustParseAddrPort("10.0.0.15:6881"), PEXSeed | PEXReachable},
	}}},
	{"all flags", [6]string{"0a000001 0001 0a000002 0002", "1f00"}, PEX{Added: []PEXPeer{
		{netip.MustParseAddrPort("10.0.0.1:1"), PEXEncryption | PEXSeed | PEXUTP | PEXHolepunch | PEXReachable},
		{netip.MustParseAddrPort("10.0.0.2:2"), 0},
	}}},
	{"IPv6", [6]string{"", "", "20010db8000000000000000000000001 ffff", "01"}, PEX{Added: []PEXPeer{
		{netip.MustParseAddrPort("[2001:db8::1]:65535"), PEXEncryption},
	}}},
	{"dropped", [6]string{"", "", "", "", "c0000201 1ae1", "20010db8000000000000000000000002 1ae2"}, PEX{Dropped: []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:6881"), netip.MustParseAddrPort("[2001:db8::2]:6882"),
	}}},
}

// pexWire returns a dict with the values in hex.
func pexWire(t testing.TB, values [6]string) string {
	var b strings.Builder
	b.WriteString("d")
	for i, key := range []string{"5:added", "7:added.f", "6:added6", "8:added6.f", "7:dropped", "8:dropped6"} {
		v := unhex(t, values[i])
		b.WriteString(key)
		fmt.Fprintf(&b, "%d:%s", len(v), v)
	}
	return b.String() + "e"
}

func TestPEX(t *testing.T) {
	for _, tt := range pexMessages {
		wire := pexWire(t, tt.keys)
		got, err := ParsePEX([]byte(wire))
		if err != nil || !reflect.DeepEqual(got, tt.m) {
			t.Errorf("%s: read %+v, %v", tt.name, got, err)
		}
		b := tt.m.Append(nil, 7)
		m, n, err := Next(b, testPieces)
		if err != nil || n != len(b) || m.ID != IDExtended || m.Extension != 7 || string(m.Payload) != wire {
			t.Errorf("%s: wrote %q, %v", tt.name, b, err)
		}
	}
}

func TestOddPEX(t *testing.T) {
	one := []PEXPeer{{Addr: netip.MustParseAddrPort("1.2.3.4:5")}}
	for _, tt := range []struct {
		name, wire string
		want       []PEXPeer
	}{
		{"no flags", "d5:added6:\x01\x02\x03\x04\x00\x05e", one},
		{"an address in part", "d5:added9:\x01\x02\x03\x04\x00\x05\x01\x02\x03e", one},
		{"too many flags", "d5:added6:\x01\x02\x03\x04\x00\x057:added.f3:\x00\x01\x02e", one},
		{"a number", "d5:addedi1ee", nil},
		{"mapped addresses", "d6:added618:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x01\x02\x03\x04\x00\x05e", nil},
		{"bytes after it", "d5:added6:\x01\x02\x03\x04\x00\x05exyz", one},
		{"port 0", "d5:added6:\x01\x02\x03\x04\x00\x00e", []PEXPeer{{Addr: netip.MustParseAddrPort("1.2.3.4:0")}}},
	} {
		got, err := ParsePEX([]byte(tt.wire))
		if err != nil || !slices.Equal(got.Added, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	for _, wire := range []string{"", "le", "i1e", "d5:added", "d5:added6:abc", strings.Repeat("l", 100)} {
		if got, err := ParsePEX([]byte(wire)); err == nil {
			t.Errorf("%q: %+v", wire, got)
		}
	}
}

// However many addresses there are, few are kept.
func TestPEXBounds(t *testing.T) {
	var m PEX
	for i := range 5000 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
		m.Added, m.Dropped = append(m.Added, PEXPeer{Addr: a}), append(m.Dropped, a)
	}
	got, err := ParsePEX(m.Append(nil, 1)[6:])
	if err != nil || !slices.Equal(got.Added, m.Added[:MaxPEX]) || !slices.Equal(got.Dropped, m.Dropped[:MaxPEX]) {
		t.Errorf("%d added, %d dropped, %v", len(got.Added), len(got.Dropped), err)
	}
}

var holepunchMessages = []struct {
	name, hex string
	m         Holepunch
}{
	{"rendezvous", "00 00 c0000201 1ae1 00000000", Holepunch{HolepunchRendezvous, netip.MustParseAddrPort("192.0.2.1:6881"), 0}},
	{"connect, IPv6", "01 01 20010db8000000000000000000000001 ffff 00000000", Holepunch{HolepunchConnect, netip.MustParseAddrPort("[2001:db8::1]:65535"), 0}},
	{"no such peer", "02 00 00000000 0000 00000001", Holepunch{HolepunchFailed, netip.MustParseAddrPort("0.0.0.0:0"), HolepunchNoSuchPeer}},
	{"not connected", "02 00 c0000201 1ae1 00000002", Holepunch{HolepunchFailed, netip.MustParseAddrPort("192.0.2.1:6881"), HolepunchNotConnected}},
	{"no support", "02 01 20010db8000000000000000000000001 0001 00000003", Holepunch{HolepunchFailed, netip.MustParseAddrPort("[2001:db8::1]:1"), HolepunchNoSupport}},
	{"no self", "02 00 c0000201 1ae1 00000004", Holepunch{HolepunchFailed, netip.MustParseAddrPort("192.0.2.1:6881"), HolepunchNoSelf}},
	{"an error to come", "02 00 c0000201 1ae1 fffffffe", Holepunch{HolepunchFailed, netip.MustParseAddrPort("192.0.2.1:6881"), 0xfffffffe}},
}

func TestHolepunch(t *testing.T) {
	for _, tt := range holepunchMessages {
		wire := unhex(t, tt.hex)
		got, err := ParseHolepunch(wire)
		if err != nil || got != tt.m {
			t.Errorf("%s: read %+v, %v", tt.name, got, err)
		}
		b := tt.m.Append(nil, 4)
		m, n, err := Next(b, testPieces)
		if err != nil || n != len(b) || m.ID != IDExtended || m.Extension != 4 || !bytes.Equal(m.Payload, wire) {
			t.Errorf("%s: wrote %x, %v", tt.name, b, err)
		}
	}
}

func TestOddHolepunch(t *testing.T) {
	for wire, want := range map[string]Holepunch{
		"00 00 c0000201 1ae1":             {Addr: netip.MustParseAddrPort("192.0.2.1:6881")},
		"00 00 c0000201 1ae1 00000002":    {Addr: netip.MustParseAddrPort("192.0.2.1:6881")}, // the error of a rendezvous
		"02 00 c0000201 1ae1 0000":        {Kind: HolepunchFailed, Addr: netip.MustParseAddrPort("192.0.2.1:6881")},
		"00 00 c0000201 1ae1 00000000 ff": {Addr: netip.MustParseAddrPort("192.0.2.1:6881")},
	} {
		if got, err := ParseHolepunch(unhex(t, wire)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", wire, got, err)
		}
	}
	for _, wire := range []string{
		"", "00", "00 00", "00 00 c0000201 1a", "03 00 c0000201 1ae1", "00 02 c0000201 1ae1",
		"00 01 c0000201 1ae1 00000000", "00 01 00000000000000000000ffffc0000201 1ae1 00000000",
	} {
		if got, err := ParseHolepunch(unhex(t, wire)); err == nil {
			t.Errorf("%s: %+v", wire, got)
		}
	}
}

func FuzzParsePEX(f *testing.F) {
	for _, tt := range pexMessages {
		f.Add([]byte(pexWire(f, tt.keys)))
	}
	f.Add([]byte("d5:added9:123456789e"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParsePEX(in)
		if err != nil {
			return
		}
		if len(m.Added) > 2*MaxPEX || len(m.Dropped) > 2*MaxPEX {
			t.Fatalf("%d added, %d dropped", len(m.Added), len(m.Dropped))
		}
		wire := m.Append(nil, 3)
		next, n, err := Next(wire, 0)
		if err != nil || n != len(wire) || next.Extension != 3 {
			t.Fatalf("wrote %q, %v", wire, err)
		}
		if again, err := ParsePEX(next.Payload); err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v, %+v, %v", m, again, err)
		}
	})
}

func FuzzParseHolepunch(f *testing.F) {
	for _, tt := range holepunchMessages {
		f.Add(unhex(f, tt.hex))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseHolepunch(in)
		if err != nil {
			return
		}
		wire := m.Append(nil, 3)
		if again, err := ParseHolepunch(wire[6:]); err != nil || again != m {
			t.Fatalf("%+v, %s, %v", m, hex.EncodeToString(wire), err)
		}
	})
}
