package metainfo

import (
	"strings"
	"testing"
)

func TestParseInfoHash(t *testing.T) {
	const v1, base32 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a", "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"
	v2 := strings.Repeat("ab", 32)
	for _, tt := range []struct{ in, want string }{
		{v1, "btih:" + v1},
		{strings.ToUpper(v1), "btih:" + v1},
		{base32, "btih:" + v1},
		{strings.ToLower(base32), "btih:" + v1},
		{"urn:btih:" + v1, "btih:" + v1},
		{"URN:BTIH:" + base32, "btih:" + v1},
		{"btih:" + v1, "btih:" + v1},
		{v2, "btmh:1220" + v2},
		{"1220" + v2, "btmh:1220" + v2},
		{"urn:btmh:1220" + v2, "btmh:1220" + v2},
		{"btmh:" + v2, "btmh:1220" + v2},
		{"", ""},
		{v1[1:], ""},
		{v1 + "0", ""},
		{"urn:btmh:" + v1, ""},
		{"urn:btih:" + v2, ""},
		{"urn:sha1:" + v1, ""},
		{"urn:" + v1, "btih:" + v1},
		{"1114" + v2, ""},
		{"1114" + v1, "btih:" + v1},
		{"1114" + strings.ToUpper(v1), "btih:" + v1},
		{"urn:btmh:1114" + v1, ""}, // as in a magnet link
		{"urn:btih:1114" + v1, ""},
		{"1220" + v1, ""},
		{"1113" + v1, ""},
		{"1114" + v1[1:] + "g", ""},
		{"1220" + v2[1:] + "g", ""},
		{"g" + v1[1:], ""},
		{"8" + base32[1:], ""},
		{"x:y:" + v1, ""},
		{"é" + v1[2:], ""},
	} {
		m, err := ParseInfoHash(tt.in)
		got := ""
		if err == nil {
			got = strings.TrimPrefix(m.String(), "magnet:?xt=urn:")
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}
