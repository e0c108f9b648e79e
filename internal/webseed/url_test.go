package webseed

import (
	"net/url"
	"strings"
	"testing"
)

func TestFileURL(t *testing.T) {
	for _, test := range []struct {
		seed, name string
		path       string // "": a single file
		want       string
	}{
		// a single file
		{"http://w.example/x.iso", "image.iso", "", "http://w.example/x.iso"},
		{"http://w.example/d/", "image.iso", "", "http://w.example/d/image.iso"},
		{"http://w.example", "image.iso", "", "http://w.example"},
		{"http://w.example/", "image.iso", "", "http://w.example/image.iso"},
		{"http://w.example/get?id=1", "image.iso", "", "http://w.example/get?id=1"},
		{"http://w.example/", "a b+c%d?e#f", "", "http://w.example/a%20b%2Bc%25d%3Fe%23f"},
		// a directory
		{"http://w.example/d/", "name", "f", "http://w.example/d/name/f"},
		{"http://w.example/d", "name", "f", "http://w.example/d/name/f"},
		{"http://w.example", "name", "a/b/c", "http://w.example/name/a/b/c"},
		{"https://u:p@w.example/", "näme", "ü/日本", "https://u:p@w.example/n%C3%A4me/%C3%BC/%E6%97%A5%E6%9C%AC"},
		{"http://w.example/", "n", "a&b=c;d:e@f,g$h!/~-._", "http://w.example/n/a%26b%3Dc%3Bd%3Ae%40f%2Cg%24h%21/~-._"},
		{"http://w.example/", "n", "\xff\x00", "http://w.example/n/%FF%00"},
		{"http://w.example/?d=", "n", "f", "http://w.example/?d=/n/f"},
		{"http://w.example/d/#part", "n", "f", "http://w.example/d/n/f"},
	} {
		got := FileURL(test.seed, test.name, test.path == "", strings.Split(test.path, "/"))
		if got != test.want {
			t.Errorf("%s of %s at %s: %s, want %s", test.path, test.name, test.seed, got, test.want)
		}
		if u, err := url.Parse(got); err != nil {
			t.Errorf("%s: %v", got, err)
		} else if test.path != "" && !strings.Contains(test.seed, "?") && !strings.HasSuffix(u.Path, "/"+test.name+"/"+test.path) {
			t.Errorf("%s: a server reads the path %q", got, u.Path)
		}
	}
}

func TestPieceURL(t *testing.T) {
	hash := [20]byte{0, ' ', '+', 'a', 0xff}
	const escaped = "%00%20%2Ba%FF%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00&piece=7"
	for seed, want := range map[string]string{
		"http://h.example/seed.php":     "http://h.example/seed.php?info_hash=" + escaped,
		"http://h.example/seed.php#x":   "http://h.example/seed.php?info_hash=" + escaped,
		"http://h.example/seed.php?x=1": "http://h.example/seed.php?x=1&info_hash=" + escaped,
	} {
		for _, ranges := range [][]PieceRange{nil, {{49152, 81920}}, {{0, 1}, {180224, 81920}}} {
			want := want + map[int]string{1: "&ranges=49152-131071", 2: "&ranges=0-0,180224-262143"}[len(ranges)]
			if got := pieceURL(seed, hash, 7, ranges); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
}
