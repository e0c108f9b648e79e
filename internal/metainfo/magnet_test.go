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

func TestMaskURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://t.example/announce":                                  "http://t.example/announce",
		"http://t.example/0123456789abcdef/announce":                 "http://t.example/****/announce",
		"https://t.example:443/announce/0123456789ABCDEFxyz":         "https://t.example:443/announce/****",
		"http://t.example/announce.php?passkey=abc&x=1":              "http://t.example/announce.php?passkey=****&x=1",
		"http://t.example/a?x=1;PK=abc;authkey=d&auth=e&token=f":     "http://t.example/a?x=1;PK=****;authkey=****&auth=****&token=****",
		"http://t.example/a?uid=1&key=2#f":                           "http://t.example/a?uid=****&key=****#f",
		"http://t.example/a?passkey=a=b?c|d%25":                      "http://t.example/a?passkey=****",
		"http://t.example/a?p%61sskey=abc":                           "http://t.example/a?p%61sskey=****",
		"http://t.example/a?passkey=&passkey":                        "http://t.example/a?passkey=&passkey",
		"http://user:secret@t.example/announce":                      "http://user:****@t.example/announce",
		"http://0123456789abcdef.example/announce":                   "http://0123456789abcdef.example/announce",
		"http://[2001:db8::1]:80/announce":                           "http://[2001:db8::1]:80/announce",
		"http://t.example/0123456789abcde/a-long-name-with-hyphens/": "http://t.example/0123456789abcde/a-long-name-with-hyphens/",
		"udp://t.example:6969":                                       "udp://t.example:6969",
		"0123456789abcdef0123":                                       "****",
		"":                                                           "",
	} {
		if got := MaskURL(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
