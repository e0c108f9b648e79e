package peer

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// Handshakes that are written as they are read.
var extendedHandshakes = []struct {
	name, wire string
	h          ExtendedHandshake
}{
	{"nothing", "d1:mdee", ExtendedHandshake{}},
	{"the example of BEP 9", "d1:md11:ut_metadatai3ee13:metadata_sizei31235ee",
		ExtendedHandshake{Extensions: map[string]uint8{"ut_metadata": 3}, MetadataSize: 31235}},
	{"the example of BEP 10", "d1:md11:LT_metadatai1e6:\xb5T_PEXi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e",
		ExtendedHandshake{Extensions: map[string]uint8{"LT_metadata": 1, "\xb5T_PEX": 2}, Port: 6881, Client: "µTorrent 1.2"}},
	{"the example of BEP 21", "d1:md11:ut_metadatai3ee11:upload_onlyi1ee",
		ExtendedHandshake{Extensions: map[string]uint8{"ut_metadata": 3}, UploadOnly: true}},
	{"all there is",
		"d4:ipv44:\xc0\x00\x02\x014:ipv616:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
			"1:md11:ut_metadatai1e6:ut_pexi0ee13:metadata_sizei100e1:pi65535e4:reqqi2048e11:upload_onlyi1e1:v6:bt 0.16:yourip4:\x7f\x00\x00\x01e",
		ExtendedHandshake{
			Extensions: map[string]uint8{MetadataName: 1, PEXName: 0},
			Client:     "bt 0.1", Port: 65535, Queue: 2048, MetadataSize: 100, UploadOnly: true,
			YourIP: netip.MustParseAddr("127.0.0.1"), IPv4: netip.MustParseAddr("192.0.2.1"), IPv6: netip.MustParseAddr("2001:db8::1"),
		}},
	{"seen over IPv6", "d1:mde6:yourip16:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02e",
		ExtendedHandshake{YourIP: netip.MustParseAddr("2001:db8::2")}},
}

func TestExtendedHandshake(t *testing.T) {
	for _, tt := range extendedHandshakes {
		got, err := ParseExtendedHandshake([]byte(tt.wire))
		if err != nil || !reflect.DeepEqual(got, tt.h) {
			t.Errorf("%s: read %+v, %v", tt.name, got, err)
		}
		wire := tt.h.Append(nil)
		m, n, err := Next(wire, testPieces)
		if err != nil || n != len(wire) || m.ID != IDExtended || m.Extension != ExtHandshake || string(m.Payload) != tt.wire {
			t.Errorf("%s: wrote %q, %v", tt.name, wire, err)
		}
		for n := range len(tt.wire) {
			if got, err := ParseExtendedHandshake([]byte(tt.wire[:n])); err == nil {
				t.Errorf("%s: %d bytes are %+v", tt.name, n, got)
			}
		}
	}
}

// Odd handshakes, and how they are parsed.
func TestOddExtendedHandshakes(t *testing.T) {
	zero := ExtendedHandshake{}
	for _, tt := range []struct {
		name, wire string
		want       ExtendedHandshake
	}{
		{"an empty dict", "de", zero},
		{"bytes after the dict", "d1:pi1ee\x00\x00", ExtendedHandshake{Port: 1}},
		{"unsorted, and with keys of others", "d1:pi5e1:ei1e12:complete_agoi-1e1:ali1ee1:mde4:reqqi7ee", ExtendedHandshake{Port: 5, Queue: 7}},
		{"the same key twice", "d1:pi5e1:pi6ee", ExtendedHandshake{Port: 5}},
		{"m is a list", "d1:ml11:ut_metadataee", zero},
		{"m is a string", "d1:m3:abce", zero},
		{"numbers that are none", "d1:md1:ai256e1:bi-1e1:c1:31:dle1:ei99999999999999999999e1:fi255e1:gi0eee",
			ExtendedHandshake{Extensions: map[string]uint8{"f": 255, "g": 0}}},
		{"the same extension twice", "d1:md1:ai1e1:ai2eee", ExtendedHandshake{Extensions: map[string]uint8{"a": 1}}},
		{"an extension without a name", "d1:md0:i1eee", ExtendedHandshake{Extensions: map[string]uint8{"": 1}}},
		{"ports that are none", "d1:pi65536ee", zero},
		{"a negative port", "d1:pi-6881ee", zero},
		{"a port in a string", "d1:p4:6881e", zero},
		{"a negative queue", "d4:reqqi-1ee", zero},
		{"a huge queue", "d4:reqqi9223372036854775807ee", ExtendedHandshake{Queue: MaxQueue}},
		{"a queue beyond 64 bits", "d4:reqqi9223372036854775808ee", zero},
		{"negative metadata", "d13:metadata_sizei-1ee", zero},
		{"huge metadata", "d13:metadata_sizei1073741825ee", zero},
		{"the most metadata", "d13:metadata_sizei1073741824ee", ExtendedHandshake{MetadataSize: 1 << 30}},
		{"upload_only is 2", "d11:upload_onlyi2ee", ExtendedHandshake{UploadOnly: true}},
		{"upload_only is 0", "d11:upload_onlyi0ee", zero},
		{"upload_only is a string", "d11:upload_only1:1e", zero},
		{"v is a number", "d1:vi1ee", zero},
		{"v is long", "d1:v129:" + strings.Repeat("v", 128) + "we", ExtendedHandshake{Client: strings.Repeat("v", 128)}},
		{"yourip of 5 bytes", "d6:yourip5:12345e", zero},
		{"yourip of no bytes", "d6:yourip0:e", zero},
		{"yourip with IPv4 in IPv6", "d6:yourip16:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01e", ExtendedHandshake{YourIP: netip.MustParseAddr("127.0.0.1")}},
		{"ipv4 with IPv6", "d4:ipv416:................e", zero},
		{"ipv6 with IPv4", "d4:ipv64:....e", zero},
		{"ipv6 with IPv4 in IPv6", "d4:ipv616:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01e", zero},
	} {
		got, err := ParseExtendedHandshake([]byte(tt.wire))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestBadExtendedHandshakes(t *testing.T) {
	for _, wire := range []string{
		"", "le", "i1e", "2:de", "d", "d1:m", "d1:mi1e", "x", "d1:m" + strings.Repeat("l", 16) + strings.Repeat("e", 16) + "e",
		"d1:al" + strings.Repeat("i1e", 2000) + "ee", "d1:a65536:" + strings.Repeat("a", 65536) + "e",
	} {
		if got, err := ParseExtendedHandshake([]byte(wire)); err == nil {
			t.Errorf("%.20q: %+v", wire, got)
		} else if _, ok := err.(*Error); !ok {
			t.Errorf("%.20q: a %T", wire, err)
		}
	}
}

func TestExtensionLimits(t *testing.T) {
	long := strings.Repeat("x", MaxExtensionName)
	wire := "d1:md65:" + long + "xi1e64:" + long + "i2e"
	for i := range 100 {
		wire += fmt.Sprintf("3:n%02di3e", i)
	}
	got, err := ParseExtendedHandshake([]byte(wire + "ee"))
	if err != nil || len(got.Extensions) != MaxExtensions || got.Extensions[long] != 2 || got.Extensions["n62"] != 3 {
		t.Errorf("%v, %v", got.Extensions, err)
	}
	if _, ok := got.Extensions["n63"]; ok {
		t.Error("one too many")
	}
}

// A parsed handshake does not share memory with the buffer.
func TestExtendedHandshakeKeepsNothing(t *testing.T) {
	wire := []byte("d1:md1:ai1ee1:v2:bte")
	got, err := ParseExtendedHandshake(wire)
	if err != nil {
		t.Fatal(err)
	}
	clear(wire)
	if want := (ExtendedHandshake{Extensions: map[string]uint8{"a": 1}, Client: "bt"}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
