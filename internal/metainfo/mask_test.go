package metainfo

import (
	"net/url"
	"strings"
	"testing"
)

const (
	keyA = "0123456789abcdef0123456789abcdef"
	keyB = "FEDCBA9876543210FEDCBA9876543210"
)

// TestMaskURLOdd has the URLs that are not as they should be; TestMaskURL has
// the others.
func TestMaskURLOdd(t *testing.T) {
	for in, want := range map[string]string{
		"http://user:p@ss@t.example/a":          "http://user:****@t.example/a",
		"http://user:p%40%3A%2Fs@t.example:1/a": "http://user:****@t.example:1/a",
		"http://user:@t.example":                "http://user:****@t.example",
		"http://:@t.example":                    "http://:****@t.example",
		"http://user@t.example:80":              "http://user@t.example:80",
		"http://" + keyA + ":x@t.example":       "http://" + keyA + ":****@t.example",
		"http://t.example?passkey=a/" + keyA:    "http://t.example?passkey=****",
		"http://t.example#" + keyA:              "http://t.example#****",
		"http:\\\\t.example\\" + keyA + "\\a":   "http:\\\\t.example\\****\\a",
		"http://t.example/a#x=" + keyA + "&y":   "http://t.example/a#x=****&y",
		"http://t.example?#passkey=a":           "http://t.example?#passkey=a",
		"http://t.example/?x&;=&passkey=a&;pk=": "http://t.example/?x&;=&passkey=****&;pk=",
		"http://t.example/?p%zz=a&PassKey==":    "http://t.example/?p%zz=a&PassKey=****",
		keyA + "/" + keyB + "x://" + keyA:       keyA + "/" + keyB + "x://" + keyA,
		"//" + keyA + "/" + keyB + "/":          "//****/****/",
		"udp://[::1]:80/" + keyA + "//" + keyB:  "udp://[::1]:80/****//****",
		"?" + keyA + "&key=a://b@c:d@e":         "?" + keyA + "&key=****",
		"#?passkey=a":                           "#?passkey=a",
	} {
		if got := MaskURL(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestReplacePasskey(t *testing.T) {
	for _, tt := range []struct{ in, passkey, out string }{
		{"http://t.example/" + keyA + "/announce", keyB, "http://t.example/" + keyB + "/announce"},
		{"http://t.example/announce/" + keyA, keyB, "http://t.example/announce/" + keyB},
		{"HTTPS://u:" + keyA + "@T.Example:443/a%2f//" + keyA + "?x=%zz#" + keyA, keyB, "HTTPS://u:" + keyA + "@T.Example:443/a%2f//" + keyB + "?x=%zz#" + keyA},
		{"http://t.example/announce.php?passkey=abc&x=1", keyB, "http://t.example/announce.php?passkey=" + keyB + "&x=1"},
		{"http://t.example/a?x=1;PassKey=ab=cd==;y", keyB, "http://t.example/a?x=1;PassKey=" + keyB + ";y"},
		{"http://t.example/a?p%61sskey=a/b?c|d%25#f", keyB, "http://t.example/a?p%61sskey=" + keyB + "#f"},
		{"http://t.example?pk=abc", keyB, "http://t.example?pk=" + keyB},
		{"udp://[2001:db8::1]:6969/" + keyA, keyB, "udp://[2001:db8::1]:6969/" + keyB},
		{" \thttp://t.example/" + keyA + "\n", keyB, " \thttp://t.example/" + keyB + "\n"},
		{" http://t.example/a?key=abc\u00a0", keyB, " http://t.example/a?key=" + keyB + "\u00a0"},

		// which of several
		{"http://t.example/" + keyA + "/a?uid=1&key=2&passkey=3", keyB, "http://t.example/" + keyA + "/a?uid=1&key=2&passkey=" + keyB},
		{"http://t.example/a?token=1&auth=2&authkey=3&pk=4", keyB, "http://t.example/a?token=1&auth=2&authkey=3&pk=" + keyB},
		{"http://t.example/a?key=1&token=2&auth=3&authkey=4", keyB, "http://t.example/a?key=1&token=2&auth=3&authkey=" + keyB},
		{"http://t.example/a?key=1&token=2&auth=3", keyB, "http://t.example/a?key=1&token=2&auth=" + keyB},
		{"http://t.example/a?key=1&token=2", keyB, "http://t.example/a?key=1&token=" + keyB},
		{"http://t.example/" + keyA + "/a?key=1", keyB, "http://t.example/" + keyA + "/a?key=" + keyB},
		{"http://t.example/" + keyA + "/a?key=&uid=2", keyB, "http://t.example/" + keyB + "/a?key=&uid=2"},
		{"http://t.example/a?passkey=1&x=2&passkey=", keyB, "http://t.example/a?passkey=" + keyB + "&x=2&passkey=" + keyB},
		{"http://t.example/a?uid=7&passkey=", keyB, "http://t.example/a?uid=7&passkey=" + keyB},
		{"http://t.example/" + keyA + "/" + keyA, keyB, "http://t.example/" + keyB + "/" + keyB},
		{"http://t.example/" + keyA + "/" + keyB, keyB, ""},
		{"http://t.example/a?uid=7", keyB, ""},
		{"http://t.example/a?key=&passkey", keyB, ""},

		// what has none
		{"http://t.example/announce", keyB, ""},
		{"http://u:" + keyA + "@" + keyA + ".example/announce#" + keyA, keyB, ""},
		{"http://t.example/" + keyA + ";x", keyB, ""},
		{keyA + "/announce?passkey=a", keyB, ""},
		{"a/b://c/" + keyA, keyB, ""},
		{"://t.example/" + keyA, keyB, ""},
		{" ", keyB, ""},
		{"", keyB, ""},
		{"http://t.example/" + keyA + "/a?passkey=a", "", ""},

		// encoding
		{"http://t.example/" + keyA + "/a", `a=b|c?d%e&f/g#h i+j;k"` + "\x00\xff\u00fc", "http://t.example/a=b%7Cc%3Fd%25e%26f%2Fg%23h%20i%2Bj%3Bk%22%00%FF%C3%BC/a"},
		{"http://t.example/a?pk=x", `a=b|c?d%e&f/g#h i+j;k"` + "\x00\xff\u00fc", "http://t.example/a?pk=a=b%7Cc%3Fd%25e%26f%2Fg%23h%20i%2Bj%3Bk%22%00%FF%C3%BC"},
		{"http://t.example/a?pk=x", "aZ09-._~==", "http://t.example/a?pk=aZ09-._~=="},
		{"http://t.example/a?pk=x", "..", "http://t.example/a?pk=.."},
		{"http://t.example/" + keyA, "..", ""},
		{"http://t.example/" + keyA, ".", ""},
		{"http://t.example/" + keyA, "...", "http://t.example/..."},
	} {
		want := tt.out
		if want == "" {
			want = tt.in
		}
		got, found := ReplacePasskey(tt.in, tt.passkey)
		if got != want || found != (tt.out != "") {
			t.Errorf("%q, %q:\n got %q, %t\nwant %q", tt.in, tt.passkey, got, found, want)
		}
	}
}

func FuzzReplacePasskey(f *testing.F) {
	for _, u := range oddURLs {
		f.Add(u, keyB)
		f.Add(u, "a=b|c?d%e&f/g#h i+j;k\xff")
	}
	f.Fuzz(func(t *testing.T, in, passkey string) {
		out, found := ReplacePasskey(in, passkey)
		if !found {
			if out != in {
				t.Fatalf("%q changed to %q", in, out)
			}
			return
		}
		if again, _ := ReplacePasskey(out, passkey); again != out {
			t.Fatalf("%q became %q, then %q", in, out, again)
		}
		encoded := strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(passkey), "+", "%20"), "%3D", "=")
		for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
			if back, err := decode(encoded); err != nil || back != passkey {
				t.Fatalf("%q decodes to %q", encoded, back)
			}
		}
		// What stands around a marker is what stood around the old passkey, and
		// what stands around the passkey.
		const marker = "ThisIsTheMarker1"
		if strings.Contains(in, marker) {
			t.Skip()
		}
		marked, _ := ReplacePasskey(in, marker)
		if strings.ReplaceAll(marked, marker, encoded) != out {
			t.Fatalf("%q became %q and %q", in, marked, out)
		}
		parts := strings.Split(marked, marker)
		rest := in
		for i, part := range parts {
			at := 0
			if i > 0 {
				at = strings.Index(rest, part)
				if i == len(parts)-1 {
					at = len(rest) - len(part)
				}
				if at < 0 || strings.ContainsAny(rest[:at], "&;#") {
					t.Fatalf("%q became %q", in, marked)
				}
			}
			if !strings.HasPrefix(rest[at:], part) {
				t.Fatalf("%q became %q", in, marked)
			}
			rest = rest[at+len(part):]
		}
		if strings.Trim(encoded, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%=") != "" {
			t.Fatalf("%q is encoded %q", passkey, encoded)
		}
		if before, err := url.Parse(strings.TrimSpace(in)); err == nil {
			after, err := url.Parse(strings.TrimSpace(out))
			if err != nil || after.Scheme != before.Scheme || after.Host != before.Host || after.User.String() != before.User.String() || after.Fragment != before.Fragment {
				t.Fatalf("%q became %q: %v", in, out, err)
			}
		}
	})
}

func TestMaskText(t *testing.T) {
	url := "http://t.example/" + keyA + "/announce?key=a%2Fbc&pk=x"
	for in, want := range map[string]string{
		"invalid passkey " + keyA + "!": "invalid passkey ****!",
		"key=a%2Fbc, a/bc, x":           "key=****, ****, x", // too short to be looked for
		"nothing":                       "nothing",
		"":                              "",
	} {
		if got := MaskText(in, url); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
