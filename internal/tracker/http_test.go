package tracker

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

const twenty = "20:aaaaaaaaaaaaaaaaaaaa"

var someID = strings.Repeat("a", 20)

// TestHTTPAnnounce has answers as they are written, which are read again as the
// same.
func TestHTTPAnnounce(t *testing.T) {
	hosts := []Peer{
		{Addr: netip.MustParseAddrPort("192.0.2.17:6881"), ID: someID},
		{Addr: netip.MustParseAddrPort("[2001:db8::1]:0")},
		{Addr: netip.AddrPortFrom(netip.Addr{}, 65535), Host: "t.example\x1b"},
	}
	for _, tt := range []struct {
		name string
		r    AnnounceResponse
		ids  bool
		want string
	}{
		{"nothing", AnnounceResponse{Counts: unknownCounts}, false, "d5:peers0:e"},
		{"zeros", AnnounceResponse{}, false, "d8:completei0e10:downloadedi0e10:incompletei0e5:peers0:e"},
		{"all", AnnounceResponse{
			Interval:    30 * time.Minute,
			MinInterval: time.Second,
			Counts:      Counts{1, 2, 3},
			Peers:       []Peer{peer("192.0.2.17:6881"), peer("0.0.0.0:0"), peer("[2001:db8::1]:65535")},
			Warning:     "\x1b[2J\xff",
			TrackerID:   "a\x00b",
			ExternalIP:  netip.MustParseAddr("203.0.113.5"),
		}, false, "d8:completei1e10:downloadedi3e11:external ip4:\xcb\x00\x71\x0510:incompletei2e8:intervali1800e12:min intervali1e" +
			"5:peers12:\xc0\x00\x02\x11\x1a\xe1\x00\x00\x00\x00\x00\x006:peers618:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\xff" +
			"10:tracker id3:a\x00b15:warning message5:\x1b[2J\xffe"},
		{"IPv6", AnnounceResponse{Counts: Counts{Unknown, 7, Unknown}, Peers: []Peer{peer("[::1]:1")}, ExternalIP: netip.IPv6Loopback()}, false,
			"d11:external ip16:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0110:incompletei7e5:peers0:6:peers618:" +
				"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01e"},
		{"dicts", AnnounceResponse{Counts: unknownCounts, Interval: time.Minute, Peers: hosts}, true,
			"d8:intervali60e5:peersld2:ip10:192.0.2.177:peer id" + twenty + "4:porti6881eed2:ip11:2001:db8::14:porti0eed2:ip10:t.example\x1b4:porti65535eeee"},
		{"no dicts", AnnounceResponse{Counts: unknownCounts}, true, "d5:peerslee"},
	} {
		got := string(tt.r.AppendHTTP([]byte("before"), tt.ids))
		if got != "before"+tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
		r, err := ParseHTTPAnnounce([]byte(tt.want))
		checkParsed(t, tt.name, r, err, &tt.r, "")
	}
}

// Peers that the requested form can't represent are left out.
func TestHTTPAnnounceLeavesOut(t *testing.T) {
	r := AnnounceResponse{Counts: unknownCounts, Peers: []Peer{
		{}, {Host: "t.example"}, peer("[::ffff:192.0.2.17]:1"), peer("[fe80::1%eth0]:2"),
	}}
	for ids, want := range map[bool]string{
		false: "d5:peers6:\xc0\x00\x02\x11\x00\x016:peers618:\xfe\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02e",
		true:  "d5:peersld2:ip9:t.example4:porti0eed2:ip10:192.0.2.174:porti1eed2:ip7:fe80::14:porti2eeee",
	} {
		if got := string(r.AppendHTTP(nil, ids)); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// TestParseHTTPAnnounce has answers that were seen, or might be, and are not
// written here.
func TestParseHTTPAnnounce(t *testing.T) {
	one, two := peer("192.0.2.17:6881"), peer("[2001:db8::1]:6882")
	const dict1, dict2 = "d2:ip10:192.0.2.174:porti6881ee", "d2:ip11:2001:db8::14:port4:6882e"
	const compact1 = "\xc0\x00\x02\x11\x1a\xe1"
	numbers := Counts{1, 2, Unknown}
	for _, tt := range []struct {
		name, body string
		want       AnnounceResponse
		err        string
	}{
		{"numbers as strings", "d8:complete1:110:incomplete1:28:interval4:1800e", AnnounceResponse{Counts: numbers, Interval: 30 * time.Minute}, ""},
		{"a number with a plus", "d8:completei01e10:incompletei+2e5:peers0:e", AnnounceResponse{}, "bad bencode at byte 29"},
		{"unsorted, twice, and a newline", "d5:peers6:" + compact1 + "8:completei1e8:completei9e10:incompletei002ee\n",
			AnnounceResponse{Counts: numbers, Peers: []Peer{one}}, ""},
		{"a byte order mark", "\ufeff\r\n d8:completei1e10:incompletei2ee", AnnounceResponse{Counts: numbers}, ""},
		{"no peers on stop", "d8:completei1e10:incompletei2ee", AnnounceResponse{Counts: numbers}, ""},
		{"an interval alone", "d8:intervali60ee", AnnounceResponse{Counts: unknownCounts, Interval: time.Minute}, ""},
		{"empty numbers of PHP", "d8:complete0:10:incomplete0:8:interval0:5:peerslee", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a list of dicts", "d5:peersl" + dict1 + dict2 + "ee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one, two}}, ""},
		{"a list of PHP", "d5:peersd1:0" + dict1 + "1:1" + dict2 + "ee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one, two}}, ""},
		{"IPv6 as dicts", "d5:peers0:6:peers6l" + dict2 + "ee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{two}}, ""},
		{"IPv6 alone", "d6:peers60:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"IPv4 in IPv6", "d5:peersld2:ip17:::ffff:192.0.2.174:porti6881eeee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one}}, ""},
		{"IPv4 in compact IPv6", "d11:external ip16:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x056:peers618:" +
			"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff" + compact1 + "e",
			AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one}, ExternalIP: netip.MustParseAddr("203.0.113.5")}, ""},
		{"a zone", "d5:peersld2:ip12:fe80::1%eth04:porti1eeee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{peer("[fe80::1]:1")}}, ""},
		{"an id of 19 bytes", "d5:peersld2:ip10:192.0.2.177:peer id19:aaaaaaaaaaaaaaaaaaa4:porti6881eeee", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one}}, ""},
		{"no peers among dicts", "d5:peersldei0e3:abcd2:ip0:4:porti1eed4:porti1eed2:ip3:::1ed2:ip3:::14:porti65536eed2:ip3:::14:porti-1eed2:ip3:::14:port1:xed2:ipi1e4:porti1ee" + dict1 + "ee",
			AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one}}, ""},
		{"compact, cut", "d5:peers11:" + compact1 + "\xc0\x00\x02\x11\x1a6:peers617:aaaaaaaaaaaaaaaaae", AnnounceResponse{Counts: unknownCounts, Peers: []Peer{one}}, ""},
		{"an external address of 5 bytes", "d11:external ip5:aaaaa5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"an external address as text", "d11:external ip9:192.0.2.15:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"negative intervals", "d8:intervali-1800e12:min intervali-1e5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"huge intervals", "d8:intervali9223372036854775807e12:min intervali99999999999999999999999e5:peers0:e", AnnounceResponse{Counts: unknownCounts, Interval: maxInterval, MinInterval: maxInterval}, ""},
		{"huge intervals as strings", "d8:interval20:999999999999999999995:peers0:e", AnnounceResponse{Counts: unknownCounts, Interval: maxInterval}, ""},
		{"an interval that is a list", "d8:intervalle5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"an interval of words", "d8:interval4:soon5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"huge counts", "d8:completei9223372036854775807ee", AnnounceResponse{Counts: Counts{math.MaxInt64, Unknown, Unknown}}, ""},
		{"texts that are none", "d5:peers0:10:tracker idi1e15:warning messagelee", AnnounceResponse{Counts: unknownCounts}, ""},

		{"nothing", "", AnnounceResponse{}, "the answer is empty"},
		{"blanks", " \r\n\t\ufeff", AnnounceResponse{}, "the answer is empty"},
		{"a web page", "<html>", AnnounceResponse{}, `found '<'`},
		{"text", "5:hello", AnnounceResponse{}, "the answer is a string, not a dict"},
		{"cut", "d8:completei1e5:peers6:abc", AnnounceResponse{}, "bad bencode at byte 21"},
		{"an empty dict", "de", AnnounceResponse{}, "the answer has neither peers nor numbers"},
		{"a warning alone", "d15:warning message2:hie", AnnounceResponse{}, "the answer has neither peers nor numbers"},
		{"a count below 0", "d8:completei-1e5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a count below 0 as string", "d10:incomplete2:-15:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a count of 65 bits", "d10:downloadedi18446744073709551616e5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a count of words", "d8:complete4:many5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a count that is a list", "d8:completele5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"a long count", "d8:complete30:" + strings.Repeat("\x1b", 30) + "5:peers0:e", AnnounceResponse{Counts: unknownCounts}, ""},
		{"one count below 0", "d8:completei5e10:incompletei-1ee", AnnounceResponse{Counts: Counts{5, Unknown, Unknown}}, ""},
		{"only a count below 0", "d8:completei-1ee", AnnounceResponse{}, "the answer has neither peers nor numbers"},
		{"only an interval below 0", "d8:intervali-1ee", AnnounceResponse{Counts: unknownCounts}, ""},
		{"peers that are a number", "d5:peersi0ee", AnnounceResponse{}, "peers is an integer"},
		{"peers6 that are a number", "d5:peers0:6:peers6i0ee", AnnounceResponse{}, "peers is an integer"},
	} {
		body := []byte(tt.body)
		r, err := ParseHTTPAnnounce(body)
		for i := range body {
			body[i] = 'x' // nothing may be left of it
		}
		checkParsed(t, tt.name, r, err, &tt.want, tt.err)
	}
}

// TestHTTPScrape has answers as they are written, which are read again as the
// same.
func TestHTTPScrape(t *testing.T) {
	for want, r := range map[string]ScrapeResponse{
		"d5:filesdee": {},
		"d5:filesde5:flagsd20:min_request_intervali600eee":                                               {MinInterval: 10 * time.Minute},
		"d5:filesd" + twenty + "d8:completei1e10:downloadedi3e10:incompletei2eeee":                       {Files: []File{{fill('a'), Counts{1, 2, 3}}}},
		"d5:filesd" + twenty + "de20:bbbbbbbbbbbbbbbbbbbbd8:completei0eeee":                              {Files: []File{{fill('a'), unknownCounts}, {fill('b'), Counts{0, Unknown, Unknown}}}},
		"d5:filesd20:" + string(testHash[:]) + "d10:incompletei0eee5:flagsd20:min_request_intervali1eee": {Files: []File{{testHash, Counts{Unknown, 0, Unknown}}}, MinInterval: time.Second},
	} {
		if got := string(r.AppendHTTP([]byte("before"))); got != "before"+want {
			t.Errorf(" got %q\nwant %q", got, want)
		}
		got, err := ParseHTTPScrape([]byte(want))
		checkParsed(t, want, got, err, &r, "")
	}
	r := ScrapeResponse{Files: []File{{fill('b'), Counts{1, 1, 1}}, {fill('a'), unknownCounts}, {fill('b'), Counts{2, 2, 2}}}}
	if got, want := string(r.AppendHTTP(nil)), "d5:filesd"+twenty+"de20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi1e10:incompletei1eeee"; got != want {
		t.Errorf("unsorted and twice: %q", got)
	}
	if r.Files[0].InfoHash != fill('b') {
		t.Error("the caller's files were sorted")
	}
}

func TestParseHTTPScrape(t *testing.T) {
	const hash = "\x12\x34Vx\x9a\xbc\xde\xf0 +%&=/?#\x00\xff~z"
	one := ScrapeResponse{Files: []File{{testHash, Counts{1, 2, 3}}}}
	const counts = "d8:completei1e10:downloadedi3e10:incompletei2ee"
	for _, tt := range []struct {
		name, body string
		want       ScrapeResponse
		err        string
	}{
		{"hex", "d5:filesd40:123456789abcdef0202b25263d2f3f2300ff7e7a" + counts + "ee", one, ""},
		{"hex in upper case", "d5:filesd40:123456789ABCDEF0202B25263D2F3F2300FF7E7A" + counts + "ee", one, ""},
		{"bytes as UTF-8", "d5:filesd25:\x12\x34Vx\u009a\u00bc\u00de\u00f0 +%&=/?#\x00\u00ff~z" + counts + "ee", one, ""},
		{"a name", "d5:filesd20:" + hash + "d8:complete1:110:downloadedi3e10:incompletei2e4:name1:xeee", one, ""},
		{"in the order of the answer", "d5:filesd20:bbbbbbbbbbbbbbbbbbbbde" + twenty + "deee", ScrapeResponse{Files: []File{{fill('b'), unknownCounts}, {fill('a'), unknownCounts}}}, ""},
		{"an empty list of PHP", "d5:filesle5:flagsd20:min_request_interval2:60ee", ScrapeResponse{MinInterval: time.Minute}, ""},
		{"a huge interval", "d5:filesde5:flagsd20:min_request_intervali9999999999999999999999eee", ScrapeResponse{MinInterval: maxInterval}, ""},
		{"a negative interval", "d5:filesde5:flagsd20:min_request_intervali-1eee", ScrapeResponse{}, ""},
		{"flags that are none", "d5:filesde5:flagsi1ee", ScrapeResponse{}, ""},

		{"nothing", "", ScrapeResponse{}, "the answer is empty"},
		{"no files", "d5:flagsdee", ScrapeResponse{}, "the answer has no files"},
		{"files that are a string", "d5:files0:e", ScrapeResponse{}, "the answer has no files"},
		{"files that are a list", "d5:filesl" + counts + "ee", ScrapeResponse{}, "the answer has no files"},
		{"a hash of no bytes", "d5:filesd0:" + counts + "ee", ScrapeResponse{}, "0 bytes where an info-hash should be"},
		{"a hash of 19 bytes", "d5:filesd19:aaaaaaaaaaaaaaaaaaa" + counts + "ee", ScrapeResponse{}, "19 bytes where an info-hash should be"},
		{"40 bytes that are no hex", "d5:filesd40:" + strings.Repeat("x", 40) + counts + "ee", ScrapeResponse{}, "40 bytes where an info-hash should be"},
		{"characters that are no bytes", "d5:filesd21:aaaaaaaaaaaaaaaaaaa\u0100" + counts + "ee", ScrapeResponse{}, "21 bytes where an info-hash should be"},
		{"counts that are none", "d5:filesd" + twenty + "i1eee", ScrapeResponse{}, "the numbers of a torrent are an integer"},
		{"a count below 0", "d5:filesd" + twenty + "d10:incompletei-5eeee", ScrapeResponse{}, `incomplete is "i-5e"`},
	} {
		r, err := ParseHTTPScrape([]byte(tt.body))
		checkParsed(t, tt.name, r, err, &tt.want, tt.err)
	}
}

// TestHTTPFailure has failures as they are written, and read again.
func TestHTTPFailure(t *testing.T) {
	for _, tt := range []struct {
		body    string
		want    Failure
		written string // "": body
	}{
		{"d14:failure reason0:e", Failure{}, ""},
		{"d14:failure reason7:\x1b]0;x\x07\xffe", Failure{Reason: "\x1b]0;x\x07\xff"}, ""},
		{"d14:failure reason4:full8:retry in5:nevere", Failure{"full", Never}, ""},
		{"d14:failure reason4:full8:retry ini5ee", Failure{"full", 5 * time.Minute}, ""},
		{"d14:failure reason4:full8:retry ini0ee", Failure{Reason: "full"}, "d14:failure reason4:fulle"},
		{"d14:failure reason4:full8:retry ini-5ee", Failure{Reason: "full"}, "d14:failure reason4:fulle"},
		{"d14:failure reason4:full8:retry in4:soone", Failure{Reason: "full"}, "d14:failure reason4:fulle"},
		{"d14:failure reason4:full8:retry in2:15e", Failure{"full", 15 * time.Minute}, "d14:failure reason4:full8:retry ini15ee"},
		{"d14:failure reason4:full8:retry ini9223372036854775807ee", Failure{"full", maxInterval}, "d14:failure reason4:full8:retry ini527040ee"},
		{"d14:failure_reason4:full5:peers0:e", Failure{Reason: "full"}, "d14:failure reason4:fulle"},
		{"d14:failure reasoni404ee", Failure{}, "d14:failure reason0:e"},
		{"d14:failure reason4:full8:intervali60e5:peers0:5:filesdee", Failure{"full", time.Minute}, "d14:failure reason4:full8:retry ini1ee"},
		{"d14:failure reason4:full8:intervali600e12:min intervali900ee", Failure{"full", 15 * time.Minute}, "d14:failure reason4:full8:retry ini15ee"},
		{"d14:failure reason4:full8:intervali600e8:retry ini5ee", Failure{"full", 5 * time.Minute}, "d14:failure reason4:full8:retry ini5ee"},
		{"d14:failure reason4:full8:intervali-600ee", Failure{Reason: "full"}, "d14:failure reason4:fulle"},
		{"d14:failure reason4:full8:interval2:90e", Failure{"full", 90 * time.Second}, "d14:failure reason4:full8:retry ini2ee"},
	} {
		a, announceErr := ParseHTTPAnnounce([]byte(tt.body))
		s, scrapeErr := ParseHTTPScrape([]byte(tt.body))
		if a != nil || s != nil || !reflect.DeepEqual(announceErr, scrapeErr) {
			t.Errorf("%q: %v, %v; %v, %v", tt.body, a, announceErr, s, scrapeErr)
		}
		f, ok := errors.AsType[*Failure](announceErr)
		if !ok || *f != tt.want {
			t.Errorf("%q: %v", tt.body, announceErr)
			continue
		}
		if tt.written == "" {
			tt.written = tt.body
		}
		if got := string(f.AppendHTTP([]byte("before"))); got != "before"+tt.written {
			t.Errorf("%q is written %q", tt.body, got)
		}
	}
	for retry, want := range map[time.Duration]string{
		1: "i1e", time.Minute: "i1e", time.Minute + 1: "i2e", Never - 1: "i153722868e",
	} {
		if got := string((&Failure{RetryIn: retry}).AppendHTTP(nil)); got != "d14:failure reason0:8:retry in"+want+"e" {
			t.Errorf("%v is written %q", retry, got)
		}
	}
}
