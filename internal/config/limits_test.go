package config

import (
	"regexp"
	"testing"
)

func trackers(t *testing.T, text string) []*Tracker {
	t.Helper()
	f := read(t, "trackers:\n"+text, YAML)
	var list []*Tracker
	for i := range f.Trackers {
		list = append(list, &f.Trackers[i])
	}
	return list
}

func TestLimitsPieceLength(t *testing.T) {
	const k, m = 1 << 10, 1 << 20
	for _, tt := range []struct {
		limits string
		size   int64
		want   int64
	}{
		{"{}", 1, 0},
		{"{max-piece-length: 1M}", 1, 0},
		{"{piece-length-by-size: []}", 1, 0},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", 0, 16 * k},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", m, 16 * k},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", m + 1, 32 * k},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", 2 * m, 32 * k},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", 3 * m, 64 * k},
		{"{piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", 1 << 62, 64 * k},
		{"{max-piece-length: 32K, piece-length-by-size: [[1M, 16K], [2M, 32K], [3M, 64K]]}", 3 * m, 32 * k},
		{"{piece-length-by-size: [[1M, 0], [2M, 32K]]}", 1, 0},
	} {
		list := trackers(t, "  a: {limits: "+tt.limits+"}")
		if got := list[0].Limits.PieceLength(tt.size); got != tt.want {
			t.Errorf("%s, %d bytes: %d, want %d", tt.limits, tt.size, got, tt.want)
		}
		if got, err := PieceLength(list, tt.size); got != tt.want || err != nil {
			t.Errorf("%s, %d bytes: %d, %v", tt.limits, tt.size, got, err)
		}
	}
}

func TestConflicts(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{"{}", "{}", ""},
		{"{max-pieces: 5}", "{min-pieces: 6}", "5 pieces at most, 6 at least"},
		{"{min-pieces: 6}", "{max-pieces: 5}", "6 pieces at least, 5 at most"},
		{"{max-pieces: 5}", "{min-pieces: 5}", ""},
		{"{max-pieces: 5}", "{max-pieces: 6}", ""},
		{"{formats: [v1]}", "{formats: [v2, hybrid]}", "formats [v1], [v2 hybrid]"},
		{"{formats: [v1, v2]}", "{formats: [v2, hybrid]}", ""},
		{"{formats: v1}", "{}", ""},
		{"{private: true}", "{private: false}", "private true, false"},
		{"{private: true}", "{private: true}", ""},
		{"{private: false}", "{}", ""},
		{"{source: A}", "{source: B}", `source "A", "B"`},
		{"{source: A}", "{source: A}", ""},
		{"{max-piece-length: 1M}", "{max-piece-length: 2M}", ""},
		{"{max-torrent-size: 1M}", "{max-torrent-size: 2M}", ""},
		{"{max-piece-length: 1M}", "{piece-length-by-size: [[1M, 2M]]}", ""}, // not for all sizes
	} {
		list := trackers(t, "  a: {limits: "+tt.a+"}\n  b: {limits: "+tt.b+"}")
		want := tt.want
		if want != "" {
			want = "the limits of a and b exclude each other: " + want
		}
		got := ""
		if err := CheckConflicts(list); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s, %s: %q, want %q", tt.a, tt.b, got, want)
		}
	}
}

func TestPieceLengthConflicts(t *testing.T) {
	for _, tt := range []struct {
		a, b      string
		size, max int64
		want      int64
		err       string
	}{
		{"{}", "{}", 1, 0, 0, ""},
		{"{max-piece-length: 1M}", "{max-piece-length: 2M}", 1, 1 << 20, 0, ""},
		{"{max-piece-length: 2M}", "{piece-length-by-size: [[1, 1M]]}", 1, 2 << 20, 1 << 20, ""},
		{"{max-piece-length: 1K}", "{piece-length-by-size: [[1, 2K]]}", 1, 1 << 10, 0, "the limits of b and a exclude each other: for content of this size, pieces of 2048 bytes, 1024 bytes at most"},
		{"{max-piece-length: 1K}", "{piece-length-by-size: [[1, 1K], [2, 2K]]}", 1, 1 << 10, 1 << 10, ""},
		{"{piece-length-by-size: [[1, 1K], [2, 2K]]}", "{piece-length-by-size: [[1, 1K], [2, 4K]]}", 1, 0, 1 << 10, ""},
		{"{piece-length-by-size: [[1, 1K], [2, 2K]]}", "{piece-length-by-size: [[1, 1K], [2, 4K]]}", 2, 0, 0, "the limits of a and b exclude each other: for content of this size, pieces of 2048 bytes, 4096 bytes"},
	} {
		list := trackers(t, "  a: {limits: "+tt.a+"}\n  b: {limits: "+tt.b+"}")
		n, err := PieceLength(list, tt.size)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if n != tt.want || text != tt.err {
			t.Errorf("%s, %s: %d, %q", tt.a, tt.b, n, text)
		}
		if got := MaxPieceLength(list, 0); got != tt.max {
			t.Errorf("%s, %s: %d at most, want %d", tt.a, tt.b, got, tt.max)
		}
	}
	if got := MaxPieceLength(trackers(t, "  a: {limits: {max-piece-length: 2K}}"), 1024); got != 1024 {
		t.Errorf("%d at most, and the caller says 1024", got)
	}
}

// The content has a torrent of 1000 bytes and 20 for each piece.
func TestContentConflicts(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		a, b string
		size int64
		want string
	}{
		{"{max-piece-length: 512K}", "{max-pieces: 10}", 6 * mib, "pieces of 524288 bytes at most, 10 pieces at most"},
		{"{max-piece-length: 512K}", "{max-pieces: 10}", 5 * mib, ""},
		{"{max-piece-length: 1M}", "{max-torrent-size: 1050}", 4 * mib, "pieces of 1048576 bytes at most, a torrent of 1050 bytes at most"},
		{"{max-piece-length: 2M}", "{max-torrent-size: 1050}", 4 * mib, ""},
		{"{min-pieces: 100}", "{max-torrent-size: 2K}", 64 * mib, "100 pieces at least, a torrent of 2048 bytes at most"},
		{"{min-pieces: 50}", "{max-torrent-size: 2K}", 40 * mib, "50 pieces at least, a torrent of 2048 bytes at most"}, // 40 and 80 pieces
		{"{min-pieces: 40}", "{max-torrent-size: 2K}", 40 * mib, ""},
		{"{max-piece-length: 64K, max-pieces: 2}", "{max-piece-length: 1M}", 4 * mib, ""}, // no torrent meets the limits of a alone
		{"{max-torrent-size: 100}", "{max-pieces: 5}", 4 * mib, ""},
		{"{}", "{max-pieces: 1}", 4 * mib, ""},
	} {
		list := trackers(t, "  a: {limits: "+tt.a+"}\n  b: {limits: "+tt.b+"}")
		want, got := tt.want, ""
		if want != "" {
			want = "the limits of a and b exclude each other: for this content, " + want
		}
		err := CheckContent(list, func(pieceLength int64) (int, int64) {
			pieces := (tt.size-1)/pieceLength + 1
			return int(pieces), 1000 + 20*pieces
		})
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s, %s, %d bytes: %q, want %q", tt.a, tt.b, tt.size, got, want)
		}
	}
}

func TestFindTracker(t *testing.T) {
	own := []Tracker{{Host: "a.example"}, {Host: "sub.b.example"}}
	builtIn := []Tracker{{Host: "b.example"}, {Host: "x.a.example"}, {Host: "c.example"}}
	for host, want := range map[string]string{
		"a.example": "a.example", "x.a.example": "a.example", "y.x.a.example": "a.example", // the first list decides
		"b.example": "b.example", "sub.b.example": "sub.b.example", "x.sub.b.example": "sub.b.example", "other.b.example": "b.example",
		"c.example": "c.example", "xc.example": "", "example": "", "": "", "example.c": "", "c.example.org": "",
	} {
		got := ""
		if t := FindTracker(host, own, builtIn); t != nil {
			got = t.Host
		}
		if got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// The built-in rules can be read, and each names the public source of its facts.
func TestBuiltIn(t *testing.T) {
	list, err := BuiltIn(testVocabulary)
	if err != nil {
		t.Fatal(err)
	}
	source := regexp.MustCompile(`^https://github\.com/[^/]+/[^/]+/blob/[0-9a-f]{40}/[^#]+#L[0-9]+(-L[0-9]+)?$`)
	if len(list) < 20 {
		t.Errorf("%d trackers", len(list))
	}
	for _, tracker := range list {
		if !source.MatchString(tracker.Source) {
			t.Errorf("%s: source %q", tracker.Host, tracker.Source)
		}
		if tracker.File != "" {
			t.Errorf("%s is from %s", tracker.Host, tracker.File)
		}
		for _, s := range tracker.Limits.PieceLengthBySize {
			if s.Length < 16<<10 || s.Length&(s.Length-1) != 0 {
				t.Errorf("%s: pieces of %d bytes", tracker.Host, s.Length)
			}
		}
		for _, v := range tracker.Defaults {
			if v.Key != "source" {
				t.Errorf("%s: a default of %s", tracker.Host, v.Key)
			}
		}
	}
}
