package metainfo

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// In these URLs <...> marks each part that is replaced. URLs that stay unchanged are in
// TestReplacePasskeyStays.
func TestReplacePasskey(t *testing.T) {
	lines := []string{
		"http://t.example/<" + keyA + ">/announce",
		"http://t.example/announce/<" + keyA + ">",
		"http://t.example/<0123456789abcdeF>",
		"http://t.example/<%30123456789abcdef>/announce",
		"HTTPS://u:" + keyA + "@T.Example:443/a%2f//<" + keyA + ">?x=%zz#" + keyA,
		"http://t.example/announce.php?passkey=<abc>&x=1",
		"http://t.example/a?x=1;PassKey=<ab=cd==>;y",
		"http://t.example/a?p%61sskey=<a/b?c|d%25>#f",
		"udp://[2001:db8::1]:6969/<" + keyA + ">",
		" \thttp://t.example/<" + keyA + ">\n",
		" http://t.example/a?key=<abc>\u00a0",

		// a segment of all letters or digits, or with an extension, is none
		"http://t.example/abcdefghijklmnopqrst/<" + keyA + ">/12345678901234567890/" + keyB + ".php/" + uuid,

		// the first of the keys, before the path
		"http://t.example/" + keyA + "/a?uid=1&key=2&passkey=<3>",
		"http://t.example/" + keyA + "/" + keyB + "/a?key=<2>",
		"http://t.example/" + keyA + "/a?key=<>&uid=2",
		"http://t.example/a?uid=7&passkey=<>",
		"http://t.example/a?passkey=<1>&x=2&PASSKEY=<%31>",
		"http://t.example/a?pk=<1>&token=2&token=3",

		// what is no key of a passkey
		"http://u:p@t.example/<" + keyA + ">/a?id=" + keyB + "&uid=1&sig=2&passkeys=3&passkey#passkey=4",
	}
	for i, key := range passkeyKeys {
		query := "?"
		for _, later := range slices.Backward(passkeyKeys[i+1:]) {
			query += later + "=1&"
		}
		lines = append(lines, "http://t.example/a"+query+key+"=<abc>", "http://t.example/a?"+strings.ToUpper(key)+"=<abc>")
	}
	for _, line := range lines {
		in, _, _ := unmarked(line)
		want := ""
		for i, part := range strings.Split(strings.ReplaceAll(line, ">", "<"), "<") {
			if i%2 == 1 {
				part = keyB
			}
			want += part
		}
		if got, candidates := ReplacePasskey(in, keyB); got != want || candidates != 1 {
			t.Errorf("%q:\n got %q, %d\nwant %q", in, got, candidates, want)
		}
	}
}

func TestReplacePasskeyStays(t *testing.T) {
	for _, tt := range []struct {
		in, passkey string
		candidates  int
	}{
		// two
		{"http://t.example/" + keyA + "/" + keyB, keyB, 2},
		{"http://t.example/" + keyA + "/" + keyA, keyB, 2},
		{"http://t.example/" + keyA + "/x/" + keyB + "/0123456789abcdef?uid=1", keyB, 3},
		{"http://t.example/a?passkey=1&x=2&passkey=2", keyB, 2},
		{"http://t.example/a?passkey=1&x=2&passkey=", keyB, 2},
		{"http://t.example/" + keyA + "/a?pk=1&PK=2&key=3", keyB, 2},

		// none
		{"http://t.example/announce", keyB, 0},
		{"http://u:" + keyA + "@" + keyA + ".example/announce#" + keyA, keyB, 0},
		{"http://t.example/" + keyA + ";x", keyB, 0},
		{"http://t.example/" + keyA + ".php", keyB, 0},
		{"http://t.example/" + keyA[:15], keyB, 0},
		{"http://t.example/" + uuid, keyB, 0},
		{"http://t.example/a?uid=7&id=" + keyA, keyB, 0},
		{"http://t.example/a?passkey", keyB, 0},
		{"http://t.example/a#passkey=1", keyB, 0},
		{"http://u:p/" + keyA + "@t.example/a", keyB, 0},
		{keyA + "/announce?passkey=a", keyB, 0},
		{"//t.example/announce?passkey=a", keyB, 0},
		{"a/b://c/" + keyA, keyB, 0},
		{"://t.example/" + keyA, keyB, 0},
		{"http://u:p#w@t.example/a?passkey=1", keyB, 0},
		{"averylongscheme0://" + keyA, keyB, 0},
		{" ", keyB, 0},
		{"", keyB, 0},

		// a passkey that has no place
		{"http://t.example/" + keyA + "/a?passkey=a", "", 0},
		{"http://t.example/" + keyA, "..", 0},
		{"http://t.example/" + keyA, ".", 0},
	} {
		if got, candidates := ReplacePasskey(tt.in, tt.passkey); got != tt.in || candidates != tt.candidates {
			t.Errorf("%q, %q: %q, %d, want %d", tt.in, tt.passkey, got, candidates, tt.candidates)
		}
	}
}

func TestReplacePasskeyEscapes(t *testing.T) {
	for _, tt := range []struct{ in, passkey, out string }{
		{"http://t.example/" + keyA + "/a", `a=b|c?d%e&f/g#h i+j;k"` + "\x00\xff\u00fc", "http://t.example/a=b%7Cc%3Fd%25e%26f%2Fg%23h%20i%2Bj%3Bk%22%00%FF%C3%BC/a"},
		{"http://t.example/a?pk=x", `a=b|c?d%e&f/g#h i+j;k"` + "\x00\xff\u00fc", "http://t.example/a?pk=a=b%7Cc%3Fd%25e%26f%2Fg%23h%20i%2Bj%3Bk%22%00%FF%C3%BC"},
		{"http://t.example/a?pk=x", "aZ09-._~==", "http://t.example/a?pk=aZ09-._~=="},
		{"http://t.example/a?pk=x", "..", "http://t.example/a?pk=.."},
		{"http://t.example/" + keyA, "...", "http://t.example/..."},
	} {
		if got, candidates := ReplacePasskey(tt.in, tt.passkey); got != tt.out || candidates != 1 {
			t.Errorf("%q, %q:\n got %q, %d\nwant %q", tt.in, tt.passkey, got, candidates, tt.out)
		}
	}
}

func FuzzReplacePasskey(f *testing.F) {
	for _, line := range maskedURLs {
		u, _, _ := unmarked(line)
		f.Add(u, keyB)
	}
	for _, u := range oddURLs {
		f.Add(u, keyB)
		f.Add(u, "a=b|c?d%e&f/g#h i+j;k\xff")
	}
	f.Fuzz(func(t *testing.T, in, passkey string) {
		out, candidates := ReplacePasskey(in, passkey)
		if candidates != 1 {
			if out != in || candidates < 0 {
				t.Fatalf("%q changed to %q, and has %d", in, out, candidates)
			}
			return
		}
		// What was replaced is hidden by MaskURL, unless it was empty.
		if MaskURL(in) == in && MaskURL(out) == out {
			t.Fatalf("%q has a passkey that is shown", in)
		}
		if again, _ := ReplacePasskey(out, passkey); again != out {
			t.Fatalf("%q became %q, then %q", in, out, again)
		}
		encoded := encodePasskey(t, passkey)
		const marker = "ThisIsTheMarker1"
		if strings.Contains(in, marker) {
			t.Skip()
		}
		marked, _ := ReplacePasskey(in, marker)
		if strings.ReplaceAll(marked, marker, encoded) != out {
			t.Fatalf("%q became %q and %q", in, marked, out)
		}
		checkRest(t, in, marked, strings.Split(marked, marker))
		if before, err := url.Parse(strings.TrimSpace(in)); err == nil {
			after, err := url.Parse(strings.TrimSpace(out))
			if err != nil || after.Scheme != before.Scheme || after.Host != before.Host || after.User.String() != before.User.String() || after.Fragment != before.Fragment {
				t.Fatalf("%q became %q: %v", in, out, err)
			}
		}
	})
}

// encodePasskey returns the passkey as it must be in a URL: any decoder returns the
// passkey, and all reserved characters are escaped.
func encodePasskey(t *testing.T, passkey string) string {
	t.Helper()
	encoded := strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(passkey), "+", "%20"), "%3D", "=")
	for _, decode := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if back, err := decode(encoded); err != nil || back != passkey {
			t.Fatalf("%q decodes to %q", encoded, back)
		}
	}
	if strings.Trim(encoded, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%=") != "" {
		t.Fatalf("%q is encoded %q", passkey, encoded)
	}
	return encoded
}

// checkRest makes sure that rest, the parts of the result around the new passkeys, were
// around the old passkeys too, and that no delimiter was replaced.
func checkRest(t *testing.T, in, out string, rest []string) {
	t.Helper()
	left := in
	for i, part := range rest {
		at := 0
		if i > 0 {
			at = strings.Index(left, part)
			if i == len(rest)-1 {
				at = len(left) - len(part)
			}
			if at < 0 || strings.ContainsAny(left[:at], "&;#") {
				t.Fatalf("%q became %q", in, out)
			}
		}
		if !strings.HasPrefix(left[at:], part) {
			t.Fatalf("%q became %q", in, out)
		}
		left = left[at+len(part):]
	}
}
