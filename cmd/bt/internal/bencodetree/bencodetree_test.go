package bencodetree

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// mask masks as bt does on a terminal.
func mask(text string) string {
	return metainfo.MaskWords(text, func(word string) string {
		if metainfo.MeansURL(word) {
			return metainfo.MaskURL(word)
		}
		return word
	})
}

func tree(t testing.TB, in string, o Options) string {
	t.Helper()
	f, err := Parse([]byte(in))
	if err != nil {
		t.Fatalf("%.100q: %v", in, err)
	}
	var b strings.Builder
	o.Mask = mask
	if err := f.Print(&b, "x", o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// str is a bencoded string.
func str(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

func TestTree(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"i42e", "x: 42\n"},
		{"i007e", "x: 007\n"},
		{"0:", "x: \"\"\n"},
		{"le", "x: empty list\n"},
		{"de", "x: empty dict\n"},
		{"li1ei-2ee", "x: [1, -2]\n"},
		{"l4:spami1ee", "x: list of 2 items\n  - \"spam\"\n  - 1\n"},
		{"d1:ade1:bleelead", "x: dict of 2 keys\n  a: empty dict\n  b: empty list\n"},
		{"d0:i1e2:\xff\x00i2ee", "x: dict of 2 keys\n  \"\": 1\n  ff00: 2\n"},
		{"d13:creation datei1700000000e6:lengthi1700000000ee", "x: dict of 2 keys\n  creation date: 1700000000 (2023-11-14T22:13:20Z)\n  length: 1700000000\n"},
		{"d9:seen_timei5391e9:last_seeni1700000000ee", "x: dict of 2 keys\n  seen_time: 5391\n  last_seen: 1700000000 (2023-11-14T22:13:20Z)\n"},
		{"d1:a6:a\x1b[2Jb" + "1:b" + str("a\u202eb\tc\n") + "e", "x: dict of 2 keys\n  a: 611b5b324a62 (6 bytes)\n  b: \"a\\u202eb\\tc\\n\"\n"},
		{"d9:info-hash" + str("01234567\x0001234567890") + "e", "x: dict of 1 key\n  info-hash: 3031323334353637003031323334353637383930 (20 bytes)\n"},

		// Known keys.
		{"d12:piece lengthi1e6:pieces" + str(strings.Repeat("a", 40)) + "e", "x: dict of 2 keys\n  piece length: 1\n  pieces: SHA-1 of 2 pieces\n"},
		{"d6:pieces" + str("\x01\x01") + "e", "x: dict of 1 key\n  pieces: 0101 (2 bytes)\n"},
		{"d12:piece layersd" + str(strings.Repeat("\xff", 32)) + str(strings.Repeat("a", 64)) + "ee", "x: dict of 1 key\n  piece layers: dict of 1 key\n    " + strings.Repeat("ff", 32) + ": SHA-256 of 2 pieces\n"},
		{"d5:peers" + str("\x01\x02\x03\x04\x1a\xe1\x7f\x00\x00\x01\x00\x50") + "e", "x: dict of 1 key\n  peers: 2 addresses in 12 bytes\n    - 1.2.3.4:6881\n    - 127.0.0.1:80\n"},
		{"d6:peers6" + str("\x20\x01\r\xb8"+strings.Repeat("\x00", 11)+"\x01\x1a\xe1") + "e", "x: dict of 1 key\n  peers6: [2001:db8::1]:6881\n"},
		{"d5:nodes" + str(strings.Repeat("\xab", 20)+"\x01\x02\x03\x04\x1a\xe1") + "e", "x: dict of 1 key\n  nodes: 1.2.3.4:6881  " + strings.Repeat("ab", 20) + "\n"},
		{"d5:nodesl" + str("\x01\x02\x03\x04\x1a\xe1") + "ee", "x: dict of 1 key\n  nodes: list of 1 item\n    - 1.2.3.4:6881\n"},
		{"d5:nodesll9:localhosti6881eeee", "x: dict of 1 key\n  nodes: list of 1 item\n    - list of 2 items\n      - \"localhost\"\n      - 6881\n"},
		{"d6:valuesl" + str("\x01\x02\x03\x04\x1a\xe1") + "ee", "x: dict of 1 key\n  values: list of 1 item\n    - 1.2.3.4:6881\n"},
		{"d5:peers5:abc\x00de", "x: dict of 1 key\n  peers: 6162630064 (5 bytes)\n"},
		{"d11:external ip4:\x7f\x00\x00\x01e", "x: dict of 1 key\n  external ip: 127.0.0.1\n"},
		{"d2:ip7:1.2.3.4e", "x: dict of 1 key\n  ip: \"1.2.3.4\"\n"},

		// Secrets.
		{"d8:announce" + str("http://t.example/0123456789abcdef0123/announce") + "e", "x: dict of 1 key\n  announce: \"http://t.example/****/announce\"\n"},
		{"d" + str("http://t.example/0123456789abcdef0123/announce") + "i1ee", "x: dict of 1 key\n  http://t.example/****/announce: 1\n"},
		{"d1:a" + str("\x01 http://t.example/0123456789abcdef0123/announce") + "e", "x: dict of 1 key\n  a: \"\\x01 http://t.example/****/announce\"\n"},

		// Bencode in a string.
		{"d1:a" + str("d8:trackersl"+str("http://t.example/?passkey=secret")+"ee") + "e", "x: dict of 1 key\n  a: string of 49 bytes with bencode in it\n    bencode: dict of 1 key\n      trackers: list of 1 item\n        - \"http://t.example/?passkey=****\"\n"},
		{"d1:a2:dee", "x: dict of 1 key\n  a: \"de\"\n"},

		// Damage.
		{"d1:ai1e1:b5:spam", "x: dict of 1 key\n  a: 1\ndamaged at byte 10: string of 5 bytes, but only 4 are left, in the value of b\n"},
		{"l", "x: empty list\ndamaged at byte 1: input ends inside the list that began at byte 0\n"},
	} {
		if got := tree(t, tt.in, Options{}); got != tt.want {
			t.Errorf("%q:\n%s\nwant\n%s", tt.in, got, tt.want)
		}
	}
}

// Offsets are those in the file, also inside a string.
func TestOffsets(t *testing.T) {
	got := tree(t, "d1:ai1e1:b"+str("d1:xi7ee")+"e", Options{Offsets: true})
	want := " 0  x: dict of 2 keys\n 4    a: 1\n10    b: string of 8 bytes with bencode in it\n12      bencode: dict of 1 key\n16        x: 7\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// The tree is bounded, and says what is left out.
func TestBounds(t *testing.T) {
	keys := ""
	for i := range 1000 {
		keys += fmt.Sprintf("4:k%03di1e", i)
	}
	inner := "l" + strings.Repeat("1:x", 199) + "e"
	for _, tt := range []struct {
		name, in string
		lines    int
		says     string
	}{
		{"list", "l" + strings.Repeat("1:x", 1000) + "e", 202, "… and 800 more items (--json has all of them)"},
		{"dict", "d" + keys + "e", 202, "… and 800 more keys (--json has all of them)"},
		{"addresses", "d5:peers" + str(strings.Repeat("\x01\x02\x03\x04\x1a\xe1", 1000)) + "e", 53, "… and 950 more (--json has all of them)"},
		{"integers", "l" + strings.Repeat("i123456e", 100_000) + "e", 1, "… (100,000 integers)"},
		{"text", str(strings.Repeat("a", 1_000_000)), 1, "…\" (1,000,000 bytes)"},
		{"hex", str(strings.Repeat("\xff", 1_000_000)), 1, "… (1,000,000 bytes)"},
		{"integer", "i" + strings.Repeat("1", 1_000_000) + "e", 1, "…"},
		{"key", "d" + str(strings.Repeat("k", 1_000_000)) + "i1ee", 2, "… (1,000,000 bytes): 1"},
		{"lines", "l" + strings.Repeat(inner, 100) + "e", maxLines + 1, "… the rest is left out (--json has all of it)"},
		{"deep", strings.Repeat("l", 100) + strings.Repeat("e", 100), 100, strings.Repeat("  ", 99) + "- empty list"},
	} {
		got := tree(t, tt.in, Options{})
		if n := strings.Count(got, "\n"); n != tt.lines || !strings.Contains(got, tt.says) || len(got) > 1<<20 {
			t.Errorf("%s: %d lines, %d bytes, want %d lines and %q:\n%.300s", tt.name, n, len(got), tt.lines, tt.says, got)
		}
	}
}

// Whatever a file has, no line is wider than the terminal, and all is safe to print.
func FuzzPrint(f *testing.F) {
	for _, s := range []string{
		"d8:announce23:http://t.example/announ4:infod6:lengthi5e4:name1:xee", "d5:peers12:\x01\x02\x03\x04\x1a\xe1\x01\x02\x03\x04\x1a\xe1e",
		"d1:a9:\xffbad\x1b[2Jbe", "lllllllllllllllllllllllllllllllllllllllli1eeeeee", "d2:\u00fc4:\u202eae", "d1:a20:d1:bd1:cd1:dd1:eeeeee", "li1ei2ei3e",
		"d1:a12:\u4e16\u754c\u4e16\u754c1:b1:xe", "d1:bi1e1:ai007e1:b02:xye", "d5:nodes26:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x04\x1a\xe1e",
	} {
		f.Add([]byte(s), uint8(40), false)
		f.Add([]byte(s), uint8(3), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, width uint8, offsets bool) {
		file, err := Parse(in)
		if err != nil {
			return
		}
		for _, columns := range []int{0, int(width), 80, 200} {
			var b strings.Builder
			if err := file.Print(&b, "x", Options{Width: columns, Offsets: offsets, Mask: mask}); err != nil {
				t.Fatal(err)
			}
			lines := slices.Collect(strings.Lines(b.String()))
			if len(lines) > maxLines+2+200 {
				t.Errorf("%d lines", len(lines))
			}
			for _, line := range lines {
				line = strings.TrimSuffix(line, "\n")
				if term.Safe(line) != line {
					t.Fatalf("not safe: %q", line)
				}
				// A wide character and a damaged end need a few columns.
				if columns >= 4 && term.Width(line) > columns {
					t.Fatalf("%d columns: %q", columns, line)
				}
			}
		}
	})
}
