package tracker

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const (
	hashQuery = "info_hash=%124Vx%9A%BC%DE%F0%20%2B%25%26%3D%2F%3F%23%00%FF~z"
	idQuery   = "peer_id=-bt0100-%00%80%FF%20%26%2B%25%3D0az9"
	least     = hashQuery + "&" + idQuery + "&port=6881"
)

// TestAnnounceQuery has requests as they are written, which is read again as the
// same.
func TestAnnounceQuery(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    AnnounceRequest
		want string // behind info_hash and peer_id
	}{
		{"zero", AnnounceRequest{}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&numwant=0&key=00000000"},
		{"regular", AnnounceRequest{Port: 6881, Uploaded: 1, Downloaded: 2, Left: 3, Want: DefaultWant, Key: 0xabc},
			"&port=6881&uploaded=1&downloaded=2&left=3&compact=1&key=00000abc"},
		{"large", AnnounceRequest{Port: 65535, Uploaded: math.MaxInt64, Downloaded: math.MaxInt64, Left: math.MaxInt64, Want: 1<<31 - 1, Key: 1<<32 - 1},
			"&port=65535&uploaded=9223372036854775807&downloaded=9223372036854775807&left=9223372036854775807&compact=1&numwant=2147483647&key=ffffffff"},
		{"started", AnnounceRequest{Event: EventStarted, Want: 50}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&event=started&numwant=50&key=00000000"},
		{"completed", AnnounceRequest{Event: EventCompleted, Want: DefaultWant}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&event=completed&key=00000000"},
		{"stopped", AnnounceRequest{Event: EventStopped}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&event=stopped&numwant=0&key=00000000"},
		{"dicts", AnnounceRequest{PeerIDs: true, Want: DefaultWant}, "&port=0&uploaded=0&downloaded=0&left=0&compact=0&key=00000000"},
		{"addresses", AnnounceRequest{
			IP: netip.MustParseAddr("2001:db8::1"), IPv4: netip.MustParseAddrPort("192.0.2.17:0"), IPv6: netip.MustParseAddrPort("[2001:db8::2]:0"), Want: DefaultWant,
		}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&key=00000000&ip=2001%3Adb8%3A%3A1&ipv4=192.0.2.17&ipv6=2001%3Adb8%3A%3A2"},
		{"endpoints", AnnounceRequest{
			IP: netip.MustParseAddr("192.0.2.1"), IPv4: netip.MustParseAddrPort("192.0.2.17:6882"), IPv6: netip.MustParseAddrPort("[2001:db8::2]:6883"), Want: DefaultWant,
		}, "&port=0&uploaded=0&downloaded=0&left=0&compact=1&key=00000000&ip=192.0.2.1&ipv4=192.0.2.17%3A6882&ipv6=%5B2001%3Adb8%3A%3A2%5D%3A6883"},
		{"tracker id", AnnounceRequest{TrackerID: "a b&c=\x00\xff+%", Want: DefaultWant},
			"&port=0&uploaded=0&downloaded=0&left=0&compact=1&key=00000000&trackerid=a%20b%26c%3D%00%FF%2B%25"},
	} {
		tt.r.InfoHash, tt.r.PeerID = testHash, testID
		got := string(tt.r.AppendQuery([]byte("before")))
		if want := "before" + hashQuery + "&" + idQuery + tt.want; got != want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
		}
		r, err := ParseAnnounceQuery(strings.TrimPrefix(got, "before"))
		checkParsed(t, tt.name, r, err, &tt.r, "")
	}
}

// TestParseAnnounceQuery has what clients write otherwise than AppendQuery.
func TestParseAnnounceQuery(t *testing.T) {
	ip := netip.MustParseAddr
	endpoint := netip.MustParseAddrPort
	for _, tt := range []struct {
		query string
		want  func(r *AnnounceRequest)
		err   string
	}{
		{least, func(*AnnounceRequest) {}, ""},
		{strings.NewReplacer("%9A%BC%DE%F0", "%9a%bc%de%f0", "%FF", "\xff", "%2B", "+", "4", "%34", "%3D", "=").Replace(least), func(*AnnounceRequest) {}, ""},
		{"&&" + least + "&&=&x&y=%zz&z=%", func(*AnnounceRequest) {}, ""},
		{"port=1&" + idQuery + "&" + hashQuery, func(r *AnnounceRequest) { r.Port = 1 }, ""},
		{least + "&compact=0&compact=1", func(*AnnounceRequest) {}, ""},
		{least + "&compact=0", func(r *AnnounceRequest) { r.PeerIDs = true }, ""},
		{least + "&uploaded=007&downloaded=18446744073709551615&left=18446744073709551615", func(r *AnnounceRequest) { r.Uploaded, r.Downloaded = 7, math.MaxInt64 }, ""},
		{least + "&left=0", func(r *AnnounceRequest) { r.Left = 0 }, ""},
		{least + "&event=paused", func(*AnnounceRequest) {}, ""},
		{least + "&event=stop%70ed", func(r *AnnounceRequest) { r.Event = EventStopped }, ""},
		{least + "&event=", func(*AnnounceRequest) {}, ""},
		{least + "&numwant=0", func(r *AnnounceRequest) { r.Want = 0 }, ""},
		{least + "&numwant=-1", func(*AnnounceRequest) {}, ""},
		{least + "&numwant=99999999999", func(*AnnounceRequest) {}, ""},
		{least + "&numwant=many", func(*AnnounceRequest) {}, ""},
		{least + "&key=DeadBeef", func(r *AnnounceRequest) { r.Key = 0xdeadbeef }, ""},
		{least + "&key=azureus!", func(*AnnounceRequest) {}, ""},
		{least + "&key=100000000", func(*AnnounceRequest) {}, ""},
		{least + "&key=0123456789abcdef", func(*AnnounceRequest) {}, ""},
		{least + "&trackerid=a+b%2B", func(r *AnnounceRequest) { r.TrackerID = "a+b+" }, ""},
		{least + "&ip=192.0.2.17", func(r *AnnounceRequest) { r.IP = ip("192.0.2.17") }, ""},
		{least + "&ip=::ffff:192.0.2.17", func(r *AnnounceRequest) { r.IP = ip("192.0.2.17") }, ""},
		{least + "&ip=fe80::1%25%1b[31m", func(r *AnnounceRequest) { r.IP = ip("fe80::1") }, ""},
		{least + "&ip=t.example", func(*AnnounceRequest) {}, ""},
		{least + "&ipv6=%5b2001:db8::2%5d:6883", func(r *AnnounceRequest) { r.IPv6 = endpoint("[2001:db8::2]:6883") }, ""},
		{least + "&ipv6=[2001:db8::2]", func(r *AnnounceRequest) { r.IPv6 = endpoint("[2001:db8::2]:0") }, ""},
		{least + "&ipv6=fe80::2%25eth0", func(r *AnnounceRequest) { r.IPv6 = endpoint("[fe80::2]:0") }, ""},
		{least + "&ipv6=192.0.2.17&ipv4=2001:db8::2", func(*AnnounceRequest) {}, ""},
		{least + "&ipv6=192.0.2.17:1&ipv4=[2001:db8::2]:1", func(*AnnounceRequest) {}, ""},
		{least + "&ipv6=::ffff:192.0.2.17&ipv4=t.example", func(*AnnounceRequest) {}, ""},

		{"", nil, "there is no info_hash"},
		{idQuery + "&port=1", nil, "there is no info_hash"},
		{hashQuery + "&port=1", nil, "there is no peer_id"},
		{hashQuery + "&" + idQuery, nil, "there is no port"},
		{hashQuery + "x&" + idQuery + "&port=1", nil, "info_hash has 21 bytes, not 20"},
		{hashQuery + "&peer_id=&port=1", nil, "peer_id has 0 bytes, not 20"},
		{hashQuery + "%&" + idQuery + "&port=1", nil, "info_hash has 51 bytes, not 20"},
		{hashQuery + "&" + idQuery + "&port=", nil, `port is ""`},
		{hashQuery + "&" + idQuery + "&port=65536", nil, `port is "65536"`},
		{hashQuery + "&" + idQuery + "&port=-1", nil, `port is "-1"`},
		{least + "&uploaded=-1", nil, `uploaded is "-1"`},
		{least + "&downloaded=1e3", nil, `downloaded is "1e3"`},
		{least + "&left=%00%1b", nil, `left is "\x00\x1b"`},
		{least + "&left=18446744073709551616", nil, `left is "18446744073709551616"`},
	} {
		want := &AnnounceRequest{InfoHash: testHash, PeerID: testID, Port: 6881, Left: math.MaxInt64, Want: DefaultWant}
		if tt.err == "" {
			tt.want(want)
		}
		r, err := ParseAnnounceQuery(tt.query)
		checkParsed(t, tt.query, r, err, want, tt.err)
	}
}

func TestScrapeQuery(t *testing.T) {
	for query, want := range map[string][][20]byte{
		"":        nil,
		hashQuery: {testHash},
		hashQuery + "&info_hash=aaaaaaaaaaaaaaaaaaaa&" + hashQuery: {testHash, fill('a'), testHash},
	} {
		if got := string(AppendScrapeQuery([]byte("x?"), want)); got != "x?"+query {
			t.Errorf("%x are %s, want %s", want, got, query)
		}
		got, err := ParseScrapeQuery("&passkey=%zz&" + query + "&compact=1")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %x, %v", query, got, err)
		}
	}
	for _, query := range []string{"info_hash=", "info_hash", hashQuery + "&info_hash=a", hashQuery + "%zz"} {
		if got, err := ParseScrapeQuery(query); err == nil || got != nil {
			t.Errorf("%s: %x, %v", query, got, err)
		}
	}
}
