package metainfo

import (
	"strings"
	"testing"
)

func TestMagnet(t *testing.T) {
	const (
		v1hex = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
		v1b32 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"
		v2hex = "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb"
	)
	for _, tt := range []struct{ in, out string }{
		{"magnet:?xt=urn:btih:" + v1hex, "magnet:?xt=urn:btih:" + v1hex},
		{"MAGNET:?xt=URN:BTIH:" + strings.ToUpper(v1hex), "magnet:?xt=urn:btih:" + v1hex},
		{"magnet:?xt=urn:btih:" + v1b32, "magnet:?xt=urn:btih:" + v1hex},
		{"magnet:?xt=urn:btih:" + strings.ToLower(v1b32), "magnet:?xt=urn:btih:" + v1hex},
		{"magnet:?xt=urn%3Abtih%3A" + v1hex, "magnet:?xt=urn:btih:" + v1hex},
		{"magnet:?xt=urn:btmh:1220" + v2hex, "magnet:?xt=urn:btmh:1220" + v2hex},
		{"magnet:?xt.1=urn:btih:" + v1hex + "&xt.2=urn:btmh:1220" + v2hex, "magnet:?xt=urn:btih:" + v1hex + "&xt=urn:btmh:1220" + v2hex},
		{"magnet:?dn=a+b%20c%26&xl=5&xt=urn:btih:" + v1hex + "&tr=http%3A%2F%2Ft%2Fa%3Fx%3D1&tr.2=udp://u:1&ws=http://w/&x.pe=1.2.3.4:5&so=0,2,4-6&kt=k",
			"magnet:?xt=urn:btih:" + v1hex + "&dn=a%20b%20c%26&xl=5&tr=http%3A%2F%2Ft%2Fa%3Fx%3D1&tr=udp%3A%2F%2Fu%3A1&ws=http%3A%2F%2Fw%2F&x.pe=1.2.3.4:5&so=0,2,4-6&kt=k"},
		{"magnet:?xt=urn:btih:" + v1hex + "&xl=many&so=3-1&xt=urn:sha1:ABC", "magnet:?xt=urn:btih:" + v1hex + "&xl=many&so=3-1&xt=urn%3Asha1%3AABC"},
		{"magnet:", ""},
		{"magnet:?", ""},
		{"magnet:?dn=x", ""},
		{"http://x/?xt=urn:btih:" + v1hex, ""},
		{"magnet:?xt=urn:btih:" + v1hex[1:], ""},
		{"magnet:?xt=urn:btih:" + v1hex[:38] + "zz", ""},
		{"magnet:?xt=urn:btih:" + v1b32[1:] + "1", ""},
		{"magnet:?xt=urn:btmh:" + v2hex, ""},
		{"magnet:?xt=urn:btmh:1114" + v1hex, ""},
	} {
		m, err := ParseMagnet(tt.in)
		if err != nil || tt.out == "" {
			if err == nil || tt.out != "" {
				t.Errorf("%s: %v, %v", tt.in, m, err)
			}
			continue
		}
		if got := m.String(); got != tt.out {
			t.Errorf("%s:\n got %s\nwant %s", tt.in, got, tt.out)
		}
	}
}
