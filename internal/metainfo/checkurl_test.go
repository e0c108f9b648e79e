package metainfo

import (
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	label := strings.Repeat("x", 63)
	for _, s := range []string{
		"http://t.example", "https://t.example/announce", "HTTP://T.Example:80/", "udp://t.example:6969", "UDP://t.example:1/announce",
		"ws://t.example/", "wss://t.example:443/", "http://t.example:/a", "http://t.example:65535/a", "http://t.example:00080/a",
		"http://t.example./a", "http://my_tracker.example/a", "http://localhost:6969/a", "http://192.0.2.1/a", "udp://192.0.2.1:1",
		"http://[2001:db8::1]/a", "udp://[::1]:6969", "http://u:p@t.example/a", "http://u:p@ss@t.example/a", "http://b\u00fccher.example/a",
		"http://t.example?passkey=a%3Db|c?d", "http://t.example/a#b", "http://t.example/a;b,c", "http://t.example/\u00fc", "http://1.t/",
		"http://" + label + ".example/", "http://t.example/a:99999/x", "http://t.example/?u=http://x:0/",
	} {
		if err := CheckURL(s, TrackerSchemes...); err != nil {
			t.Errorf("%q %v", s, err)
		}
	}
	if err := CheckURL("ftp://w.example/a", "http", "ftp"); err != nil {
		t.Error(err)
	}
	for want, schemes := range map[string][]string{
		"does not begin with http:":                 {"http"},
		"does not begin with http: or ftp:":         {"http", "ftp"},
		"does not begin with http:, https: or ftp:": {"http", "https", "ftp"},
	} {
		if err := CheckURL("javascript:alert(1)", schemes...); err == nil || err.Error() != want {
			t.Errorf("%v %v, want %s", schemes, err, want)
		}
	}
	const (
		noScheme = "has no scheme"
		other    = "does not begin with http:, https:, udp:, ws: or wss:"
		noHost   = "has no host"
		badHost  = "has a host that can't be one"
		badPort  = "has a port that is not a number from 1 to 65535"
		noPort   = "has no port, and udp: has none of its own"
		blank    = "holds a blank"
		control  = "holds a control character"
		ipv6     = "has an IPv6 address without brackets"
		unread   = "can't be read"
	)
	for s, want := range map[string]string{
		"": noScheme, "t.example": noScheme, "//t.example/a": noScheme, "/announce": noScheme, "://t.example": noScheme, "1http://t": noScheme,
		"ht tp://t.example/": noScheme, "announce": noScheme, "[::1]:80": noScheme,
		"ftp://t.example/": other, "gopher://t": other, "htp://t.example/a": other, "magnet:?xt=x": other, "t.example:80/announce": other,
		"http:/t": "has no // after http:", "http:t": "has no // after http:", "udp:t.example:80": "has no // after udp:", "http:": "has no // after http:",
		"http://": noHost, "http:///announce": noHost, "http://:80/a": noHost, "udp://:6969": noHost, "http://u@/a": noHost, "http://?a": noHost, "http://#": noHost,
		"http://t.example:0/a": badPort, "http://t.example:65536/a": badPort, "udp://t.example:99999": badPort, "http://t.example:-1/a": badPort,
		"http://t.example:80a/": badPort, "http://t.example:8 0/": blank, "http://t.example:http/": badPort, "udp://[::1]:0": badPort,
		"http://a:1:2/": badPort, "udp://t.example:000000": badPort, "http://t.example:18446744073709551617/": badPort,
		"udp://t.example/announce": noPort, "udp://t.example": noPort, "udp://t.example:": noPort, "udp://[::1]": noPort, "udp://192.0.2.1/a": noPort,
		"http://t.example/a b": blank, "http://t. example/a": blank, "http://t.example/a\tb": blank, "http://t.example/a\nb": control, "http://t.example/a\rb c": control, "http://t.example/\x1b[1m": control, "http://t.example/\u0085": control, "http://t\n.example/": control,
		"http://t.example/a,\u00a0b": blank, "http://a.example/ http://b.example/": blank,
		"http://2001:db8::1/a": ipv6, "udp://::1": ipv6, "udp://2001:db8::1:6969/announce": ipv6, "http://2001:db8:0:0:0:0:0:1/": ipv6,
		"http://t..example/": badHost, "http://.example/": badHost, "http://./": badHost, "http://t,example/": badHost, "http://t!.example": badHost,
		"http://t%2eexample/": badHost, "http://<host>/": badHost, "http://t\\a/": badHost, "http://[::1/": badHost, "http://[t.example]/": badHost,
		"http://[192.0.2.1]/": badHost, "http://[fe80::1%25eth0]/": badHost, "http://[]/": badHost, "http://*.example/": badHost, "http://{tracker}/": badHost,
		"http://" + label + "x.example/": badHost, "http://" + strings.Repeat(label+".", 4) + "example/": badHost,
		"http://t.example/%zz": unread, "http://t.example/%": unread, "http://t.example/\x7f": control, "http://t.example/a\x00b": control,
	} {
		if err := CheckURL(s, TrackerSchemes...); err == nil || err.Error() != want {
			t.Errorf("%q %v, want %s", s, err, want)
		}
	}
}

func TestNodeCheck(t *testing.T) {
	for _, n := range []Node{{"router.example", 6881}, {"192.0.2.1", 1}, {"::1", 65535}, {"my_host.example.", 1}, {"b\u00fccher.example", 1}} {
		if err := n.Check(); err != nil {
			t.Errorf("%v %v", n, err)
		}
	}
	for _, n := range []Node{
		{"", 1}, {"a b", 1}, {" a", 1}, {"[::1]", 1}, {"a:1", 1}, {"fe80::1%eth0", 1}, {"a/b", 1}, {"http://a", 1}, {"a..b", 1}, {"a", 0}, {"a", -1}, {"a", 65536},
	} {
		if n.Check() == nil {
			t.Errorf("%v is good", n)
		}
	}
}

// Each line holds spellings of one URL; those of two lines are not the same.
var spellings = [][]string{
	{"http://t.example/announce", " HTTP://T.Example:80/announce\n", "http://t.example./announce", "http://t.example:0080/announce", "http://t.example:/announce", "http://t.example/%61nnounce", "http://t.example/announce#x"},
	{"https://t.example/announce", "https://t.example:443/announce"},
	{"http://t.example:443/announce"},
	{"http://t.example/Announce", "http://t.example/%41nnounce"},
	{"http://t.example/announce/"},
	{"http://t.example/announce?"},
	{"http://t.example", "http://t.example/", "http://t.example:80", "http://t.example#/announce"},
	{"http://t.example?a", "http://t.example/?a"},
	{"udp://t.example:80/announce", "UDP://t.example.:80/announce"},
	{"udp://t.example:443/announce"},
	{"ws://t.example/announce", "ws://t.example:80/announce"},
	{"wss://t.example/", "wss://t.example:443"},
	{"http://[2001:db8::1]/a", "http://[2001:DB8:0::0:1]:80/a"},
	{"http://u:p@t.example/announce", "http://u:%70@t.example:80/announce"},
	{"http://U:p@t.example/announce"},
	{"http://t.example/a?x=%2f", "http://t.example/a?x=%2F"},
	{"http://t.example/a?x=/"},
	{"http://t.example/\u00fc", "http://t.example/%c3%bc", "http://t.example/%C3%BC"},
	{"http://t.example/%7Ea", "http://t.example/~a"},
	{"http://t.example/a%20b", "http://t.example/a b"},
	{"http://t.example/a+b"},
	{"http://t.example/100%", "http://t.example/100%25"},
	{"t.example", " t.example "},
	{"T.example"},
	{""},
}

func TestCanonicalURL(t *testing.T) {
	line := make(map[string]int)
	for i, urls := range spellings {
		want := CanonicalURL(urls[0])
		if other, taken := line[want]; taken {
			t.Errorf("%q is also %q", urls[0], spellings[other][0])
		}
		line[want] = i
		for _, u := range urls {
			got := CanonicalURL(u)
			if got != want {
				t.Errorf("%q: %q, want %q", u, got, want)
			}
			if again := CanonicalURL(got); again != got {
				t.Errorf("%q becomes %q and then %q", u, got, again)
			}
		}
	}
}

// The canonical text of a URL is a URL too, and its own canonical text.
func FuzzCheckURL(f *testing.F) {
	for _, urls := range spellings {
		for _, u := range urls {
			f.Add(u)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := CanonicalURL(s)
		if CheckURL(s, TrackerSchemes...) != nil {
			return
		}
		if twice := CanonicalURL(once); once != twice {
			t.Errorf("%q becomes %q and then %q", s, once, twice)
		}
		if err := CheckURL(once, TrackerSchemes...); err != nil {
			t.Errorf("%q becomes %q, which %v", s, once, err)
		}
		if h, ok := findHost(s); !ok || !strings.EqualFold(h.scheme, scheme(s)) {
			t.Errorf("%q has no host for an edit", s)
		}
	})
}

func TestBadURLFindings(t *testing.T) {
	for text, want := range map[string]string{
		"magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&ws=javascript:alert(1)": "a web seed's URL does not begin with http:, https: or ftp: javascript:alert(1)",
		"magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&tr=gopher://t.example/": "a tracker's URL does not begin with http:, https:, udp:, ws: or wss: gopher://t.example/",
		"magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&tr=http://t.example:0/": "a tracker's URL has a port that is not a number from 1 to 65535: http://t.example:0/",
	} {
		m, err := ParseMagnet(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Findings) != 1 || m.Findings[0].Message != want {
			t.Errorf("%s: %v, want %s", text, m.Findings, want)
		}
	}
}
