package tracker

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tt := range []struct {
		in       string
		hostPort string
		rest     string
		out      string // "": as in
	}{
		{"http://t.example/announce", "t.example:80", "/announce", ""},
		{"https://t.example/announce", "t.example:443", "/announce", ""},
		{"ws://t.example/announce", "t.example:80", "/announce", ""},
		{"wss://t.example/announce", "t.example:443", "/announce", ""},
		{"udp://t.example:6969/announce", "t.example:6969", "/announce", ""},
		{"udp://t.example:80", "t.example:80", "", ""},
		{"http://t.example", "t.example:80", "", ""},
		{"http://t.example:8080", "t.example:8080", "", ""},
		{"http://t.example:80/a", "t.example:80", "/a", "http://t.example/a"},
		{"http://t.example:443/a", "t.example:443", "/a", ""},
		{"https://t.example:0443/a", "t.example:443", "/a", "https://t.example/a"},
		{"http://t.example:/a", "t.example:80", "/a", "http://t.example/a"},
		{"http://t.example:65535/a", "t.example:65535", "/a", ""},
		{"HTTP://T.Example/Announce", "t.example:80", "/Announce", "http://t.example/Announce"},
		{"uDp://T.EXAMPLE:1", "t.example:1", "", "udp://t.example:1"},
		{" \t\r\n\u00a0http://t.example/announce \n", "t.example:80", "/announce", "http://t.example/announce"},

		// Path and query.
		{"http://t.example?passkey=x", "t.example:80", "?passkey=x", ""},
		{"http://t.example/announce?", "t.example:80", "/announce?", ""},
		{"http://t.example//a/../b/./c", "t.example:80", "//a/../b/./c", ""},
		{"http://t.example/%61%2f%2F;x=1,2", "t.example:80", "/%61%2f%2F;x=1,2", ""},
		{"http://t.example/a b?c d", "t.example:80", "/a%20b?c%20d", "http://t.example/a%20b?c%20d"},
		{"http://t.example/ü?ü=\xff", "t.example:80", "/%C3%BC?%C3%BC=%FF", "http://t.example/%C3%BC?%C3%BC=%FF"},
		{"http://t.example/%61{\"<>\\^`|}?{\"<>\\^`|}%zz", "t.example:80", "/%61%7B%22%3C%3E%5C%5E%60%7C%7D?{\"<>\\^`|}%zz",
			"http://t.example/%61%7B%22%3C%3E%5C%5E%60%7C%7D?{\"<>\\^`|}%zz"},
		{"http://t.example/a?x=http://u.example/@:[?", "t.example:80", "/a?x=http://u.example/@:[?", ""},
		{"http://t.example/a#b/announce?c", "t.example:80", "/a", "http://t.example/a"},
		{"http://t.example#b", "t.example:80", "", "http://t.example"},
		{"http://t.example/a?b#c?d", "t.example:80", "/a?b", "http://t.example/a?b"},

		// Users.
		{"http://user:password@t.example/a", "t.example:80", "/a", ""},
		{"http://user@t.example:81/a", "t.example:81", "/a", ""},
		{"http://@t.example/a", "t.example:80", "/a", ""},
		{"http://us%40er:p%3A%2F@t.example/a", "t.example:80", "/a", ""},
		{"http://u:p@ss:w@t.example/a", "t.example:80", "/a", "http://u:p%40ss%3Aw@t.example/a"},
		{"http://u%zz:p%@t.example/a", "t.example:80", "/a", "http://u%25zz:p%25@t.example/a"},
		{"http://ü:\n@t.example/a", "t.example:80", "/a", "http://%C3%BC:%0A@t.example/a"},

		// Hosts.
		{"http://bücher.example/announce", "xn--bcher-kva.example:80", "/announce", "http://xn--bcher-kva.example/announce"},
		{"udp://BÜCHER.example。:1", "xn--bcher-kva.example:1", "", "udp://xn--bcher-kva.example:1"},
		{"http://straße.example/", "xn--strae-oqa.example:80", "/", "http://xn--strae-oqa.example/"},
		{"http://bü_cher.example/", "xn--b_cher-3ya.example:80", "/", "http://xn--b_cher-3ya.example/"},
		{"http://XN--bcher-kva.example/", "xn--bcher-kva.example:80", "/", "http://xn--bcher-kva.example/"},
		{"http://t.example./a", "t.example:80", "/a", "http://t.example/a"},
		{"http://my_tracker.example./a", "my_tracker.example:80", "/a", "http://my_tracker.example/a"},
		{"http://a--b.-c-.example/a", "a--b.-c-.example:80", "/a", ""},
		{"http://localhost:6969/a", "localhost:6969", "/a", ""},
		{"http://192.0.2.17/a", "192.0.2.17:80", "/a", ""},
		{"http://" + long + ".example/a", long + ".example:80", "/a", ""},
		{"udp://[2001:DB8:0:0::1]:6969/a", "[2001:db8::1]:6969", "/a", "udp://[2001:db8::1]:6969/a"},
		{"http://[::1]/a", "[::1]:80", "/a", ""},
		{"http://[::1]:/a", "[::1]:80", "/a", "http://[::1]/a"},
		{"http://u:p@[::1]:81?x", "[::1]:81", "?x", ""},
		{"http://[::ffff:192.0.2.17]/a", "[::ffff:192.0.2.17]:80", "/a", ""},
	} {
		u, err := ParseURL(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if tt.out == "" {
			tt.out = tt.in
		}
		if u.HostPort() != tt.hostPort || u.Rest != tt.rest || u.String() != tt.out {
			t.Errorf("%q: %s, %s, %s\nwant %s, %s, %s", tt.in, u.HostPort(), u.Rest, u, tt.hostPort, tt.rest, tt.out)
		}
	}
}

func TestParseURLError(t *testing.T) {
	const port, host = "its port is not a number from 1 to 65535", "its host is not a host name"
	for in, want := range map[string]string{
		"":                              "not a URL",
		"announce":                      "not a URL",
		"http:/t.example":               "not a URL",
		"://t.example":                  `"": no protocol of trackers`,
		"ftp://t.example/announce":      `"ftp": no protocol of trackers`,
		"Http\x1b[2J://t.example":       `"http\x1b[2j": no protocol of trackers`,
		"udp6://t.example:1":            `"udp6": no protocol of trackers`,
		"udp://t.example":               "it has no port",
		"udp://t.example/announce":      "it has no port",
		"udp://t.example:/announce":     "it has no port",
		"http://t.example:0/a":          port,
		"http://t.example:65536/a":      port,
		"http://t.example:-1/a":         port,
		"http://t.example:+1/a":         port,
		"http://t.example:1x/a":         port,
		"http://t.example:1 /a":         port,
		"http://":                       "it has no host",
		"http:///announce":              "it has no host",
		"http://:80/announce":           "it has no host",
		"http://user@/announce":         "it has no host",
		"http://?x":                     "it has no host",
		"http://./a":                    host,
		"http://../a":                   host,
		"http://a..b/a":                 host,
		"http://.a/a":                   host,
		"http://t example/a":            host,
		"http://t.example\x00/a":        host,
		"http://t.example\\a":           host,
		"http://b%C3%BCcher.example/a":  host,
		"http://\xff.example/a":         host,
		"http://ü\u202e.example/a":      host,
		"http://::1/a":                  host,
		"http://[::1/a":                 "its host is not an IPv6 address",
		"http://[::1]x/a":               "its host is not an IPv6 address",
		"http://[192.0.2.17]/a":         "its host is not an IPv6 address",
		"http://[fe80::1%25eth0]/a":     "its host is not an IPv6 address",
		"http://t.example/a\nb":         "it holds control characters",
		"http://t.example/a?\x7f":       "it holds control characters",
		"http://t.example/%zz/announce": "not a URL that can be asked",

		"http://ü" + strings.Repeat("\u200b", 400) + "/":   host, // short when the blanks are gone
		"http://" + strings.Repeat("a", 64) + ".example/":  host,
		"http://" + strings.Repeat("a.", 127) + "example/": host,
	} {
		u, err := ParseURL(in)
		if err == nil || u != nil || err.Error() != want {
			t.Errorf("%q: %v, %v\nwant %s", in, u, err, want)
		}
		if errors.Is(err, ErrScheme) != strings.HasSuffix(want, "no protocol of trackers") {
			t.Errorf("%q: is %v an ErrScheme?", in, err)
		}
	}
}

// TestScrapeURL has the examples of BEP 48 and of its history, and more.
func TestScrapeURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://t.example/announce":                  "http://t.example/scrape",
		"http://t.example/x/announce":                "http://t.example/x/scrape",
		"http://t.example/announce.php":              "http://t.example/scrape.php",
		"http://t.example/announce?x2%0644":          "http://t.example/scrape?x2%0644",
		"http://t.example/announce.php?passkey=x/y":  "http://t.example/scrape.php?passkey=x/y",
		"http://t.example/announce?x=2/4":            "http://t.example/scrape?x=2/4",
		"http://t.example/announce/announce":         "http://t.example/announce/scrape",
		"http://t.example/announceannounce":          "http://t.example/scrapeannounce",
		"http://t.example/announce?x=/announce":      "http://t.example/scrape?x=/announce",
		"http://t.example/0123456789abcdef/announce": "http://t.example/0123456789abcdef/scrape",
		"https://u:p@t.example:444/announce%2f?%zz&": "https://u:p@t.example:444/scrape%2f?%zz&",
		"http://announce/announce":                   "http://announce/scrape",
		"http://t.example/a":                         "",
		"http://t.example/announce/":                 "",
		"http://t.example/announce/abc":              "",
		"http://t.example/x%064announce":             "",
		"http://t.example/%61nnounce":                "",
		"http://t.example/Announce":                  "",
		"http://t.example/announc":                   "",
		"http://t.example/?announce":                 "",
		"http://t.example/x?/announce":               "",
		"http://t.example?announce":                  "",
		"http://announce":                            "",
		"udp://t.example:1/x":                        "udp://t.example:1/x",
		"ws://t.example/x":                           "ws://t.example/x",
		"wss://t.example":                            "wss://t.example",
	} {
		u, err := ParseURL(in)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		s, ok := u.Scrape()
		if !ok && want == "" && s == nil {
			continue
		}
		if !ok || s.String() != want {
			t.Errorf("%s: %v, %t\nwant %s", in, s, ok, want)
		}
		if u.String() != in {
			t.Errorf("%s has become %s", in, u)
		}
	}
}

func TestURLWith(t *testing.T) {
	for in, want := range map[string]string{
		"http://t.example":              "http://t.example?x=1&y=2",
		"http://t.example/announce":     "http://t.example/announce?x=1&y=2",
		"http://t.example/announce?":    "http://t.example/announce?x=1&y=2",
		"http://t.example/announce?a=b": "http://t.example/announce?a=b&x=1&y=2",
		"http://t.example/announce?a&":  "http://t.example/announce?a&x=1&y=2",
		"http://t.example?a=/b?":        "http://t.example?a=/b?&x=1&y=2",
		"http://u:p@[::1]:81/a{?%zz":    "http://u:p@[::1]:81/a%7B?%zz&x=1&y=2",
	} {
		u, err := ParseURL(in)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		got := u.With("x=1&y=2")
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
		r, err := http.NewRequest(http.MethodGet, got, nil)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		asked := strings.TrimPrefix(want, u.String()[:len(u.String())-len(u.Rest)])
		if strings.HasPrefix(asked, "?") {
			asked = "/" + asked
		}
		if r.URL.RequestURI() != asked {
			t.Errorf("%s asks for %s, want %s", in, r.URL.RequestURI(), asked)
		}
	}
}

func TestURLKind(t *testing.T) {
	for raw, want := range map[string][2]bool{
		"http://a": {true, false}, "https://a": {true, false},
		"ws://a": {false, true}, "wss://a": {false, true}, "udp://a:1": {false, false},
	} {
		u, err := ParseURL(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{u.IsHTTP(), u.IsWebSocket()}; got != want {
			t.Errorf("%s: HTTP, WebSocket are %v", raw, got)
		}
	}
}
