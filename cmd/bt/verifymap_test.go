package main

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// shownMap returns the map of a verdict in a window, as lines.
func shownMap(t *testing.T, l *listedVerdict, columns, rows int, pal term.Palette, quiet bool) []string {
	t.Helper()
	torrent := &metainfo.Torrent{}
	b := metainfo.Builder{V1: true, Name: "x", PieceLength: 16384, Hashes: metainfo.Hashes{Pieces: make([]byte, 20)}}
	l.Statuses = make(map[inspect.Status]int)
	for i := range l.files {
		l.files[i].Index = i
		l.Statuses[l.files[i].Status]++
		b.Files = append(b.Files, metainfo.BuildFile{Path: strings.Split(l.files[i].Path, "/")})
	}
	b.Files = append(b.Files, metainfo.BuildFile{Path: []string{"not listed"}, Length: 10})
	built, err := b.Build()
	if err == nil {
		torrent, err = metainfo.Parse(built)
	}
	if err != nil {
		t.Fatal(err)
	}
	l.Files, l.BadPieces = slices.Values(l.files), slices.Values(l.pieces)
	l.File = func(i int) inspect.FileVerdict { return l.files[i] }
	var out bytes.Buffer
	u := &ui{env: &env{size: func() (int, int) { return columns, rows }}, out: bufio.NewWriter(&out), pal: pal, quiet: quiet}
	if err := printMap(u, torrent, &l.Verdict); err != nil {
		t.Fatal(err)
	}
	u.out.Flush()
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// mapVerdict returns a verdict with some files of each kind, and a million pieces, one of
// which is bad.
func mapVerdict(damaged, doubtful, ok int) *listedVerdict {
	v := &listedVerdict{Verdict: inspect.Verdict{Pieces: inspect.PieceCounts{Total: 1_000_000, Good: 999_999, Bad: 1}}}
	v.pieces = []inspect.BadPiece{badPiece(123_456, inspect.CauseCorrupt, false, "x")}
	for i := range ok + damaged + doubtful {
		f := inspect.FileVerdict{Path: fmt.Sprintf("dir/%04d a file with a name of many words and then some.mkv", i), Size: 100, Status: inspect.StatusOK}
		switch {
		case i < ok:
		case i < ok+damaged:
			f.Status, f.Certain = inspect.StatusCorrupt, true
			f.Bad = []inspect.Range{{Offset: 50, Length: 1, Cause: inspect.CauseCorrupt}}
		default:
			f.Status = inspect.StatusUnverifiable
			f.Bad = []inspect.Range{{Length: 10, Cause: inspect.CauseUnverifiable}}
		}
		v.files = append(v.files, f)
	}
	v.FileCount = len(v.files)
	return v
}

var styles = regexp.MustCompile(`\x1b\[[0-9]*m`)

func TestMapFitsWindow(t *testing.T) {
	for _, columns := range []int{0, 8, 20, 31, 32, 40, 80, 200} {
		for name, pal := range map[string]term.Palette{"plain": {}, "coloured": term.NewPalette(true), "ASCII": term.Palette{}.ASCII()} {
			lines := shownMap(t, mapVerdict(2, 1, 500), columns, 40, pal, false)
			width := columns
			if width == 0 {
				width = mapWidth
			}
			crosses := 0
			for _, line := range lines {
				plain := styles.ReplaceAllString(line, "")
				if n := utf8.RuneCountInString(plain); n > width {
					t.Errorf("%s, %d columns: a line has %d: %q", name, columns, n, plain)
				}
				if strings.Trim(plain, "█#X") == "" {
					crosses += strings.Count(plain, "X")
				}
				if name == "ASCII" && strings.ContainsFunc(plain, func(r rune) bool { return r > 0x7e }) {
					t.Errorf("not ASCII: %q", plain)
				}
				if coloured := plain != line; coloured && name != "coloured" {
					t.Errorf("%s: %q", name, line)
				}
			}
			if crosses != 1 {
				t.Errorf("%s, %d columns: one bad piece of a million is drawn %d times:\n%s", name, columns, crosses, strings.Join(lines, "\n"))
			}
			if len(lines) > 40-2 {
				t.Errorf("%s, %d columns: %d lines in a window of 40", name, columns, len(lines))
			}
		}
	}
}

// A bar has the beginning of a name beside it, also in a narrow window.
func TestMapShowsNames(t *testing.T) {
	for _, columns := range []int{20, 31, 32, 40, 80, 200} {
		text := strings.Join(shownMap(t, mapVerdict(2, 1, 500), columns, 40, term.Palette{}, false), "\n")
		if bars := strings.Count(text, "  di"); bars < 3 {
			t.Errorf("%d columns: %d bars with names:\n%s", columns, bars, text)
		}
	}
}

func TestMapText(t *testing.T) {
	got := shownMap(t, mapVerdict(2, 1, 30), 50, 16, term.Palette{}, false)
	row := strings.Repeat("█", 50)
	want := []string{
		"1,000,000 pieces, up to 4,000 in a cell, which",
		"shows the worst",
		strings.Repeat("█", 30) + "X" + strings.Repeat("█", 19), row, row, row, row,
		"█ 999,999 good  X 1 bad",
		"",
		"corrupt       ██████X█████  dir/0030 a …n some.mkv",
		"corrupt       ██████X█████  dir/0031 a …n some.mkv",
		"unverifiable  ??██████████  dir/0032 a …n some.mkv",
		"… and 30 more files that are ok",
		"",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the map is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := shownMap(t, mapVerdict(2, 1, 30), 50, 16, term.Palette{}, true); !slices.Equal(got, want[:9]) {
		t.Errorf("with -q the map is\n%s", strings.Join(got, "\n"))
	}
	// Those that are ok fill the window.
	if got := shownMap(t, mapVerdict(0, 0, 30), 80, 24, term.Palette{}, false); len(got) != 24-4+1 || got[len(got)-2] != "… and 22 more files that are ok" {
		t.Errorf("in a window of 24 rows:\n%s", strings.Join(got, "\n"))
	}
	if got := shownMap(t, mapVerdict(0, 0, 3), 80, 24, term.Palette{}, false); strings.Contains(strings.Join(got, "\n"), "more") {
		t.Errorf("three files:\n%s", strings.Join(got, "\n"))
	}
}

// Files that are certainly damaged are never cut, others are.
func TestMapCertainComplete(t *testing.T) {
	lines := shownMap(t, mapVerdict(1000, 300, 50), 80, 24, term.Palette{}, false)
	for status, want := range map[string]int{"corrupt ": 1000, "unverifiable ": maxDoubtful, "ok ": 0, "… and 200 more files in doubt": 1, "… and 50 more files that are ok": 1} {
		n := 0
		for _, line := range lines {
			if strings.HasPrefix(line, status) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d lines begin with %q, want %d", n, status, want)
		}
	}
}

// No name reaches the terminal as it is.
func TestMapNamesAreSafe(t *testing.T) {
	for _, name := range []string{"\x1b[2J", "a\nb", "a\rb", "\u202egpj.exe", "bad\xff", "\x9b31m", "\u2066", strings.Repeat("x", 3000), "a\tb", "日本語" + strings.Repeat("名", 60),
		"e" + strings.Repeat("\u0301", 300), strings.Repeat("👩\u200d👧🏽🇩🇪", 40), "\ufeff\u2028", strings.Repeat("deep/", 400) + "x"} {
		v := mapVerdict(0, 0, 0)
		for _, status := range []inspect.Status{inspect.StatusOK, inspect.StatusCorrupt, inspect.StatusUnverifiable} {
			v.files = append(v.files, inspect.FileVerdict{Path: name, Status: status, Size: 1, Certain: status == inspect.StatusCorrupt})
		}
		for _, columns := range []int{8, 20, 31, 32, 40, 80, 200} {
			for _, pal := range []term.Palette{{}, term.Palette{}.ASCII()} {
				for _, line := range shownMap(t, v, columns, 40, pal, false) {
					if term.Safe(line) != line || pal.Cut(line, columns) != line {
						t.Errorf("%q is printed as %q in %d columns", name, line, columns)
					}
				}
			}
		}
		lines := shownMap(t, v, 60, 40, term.Palette{}, false)
		if n := len(lines); n != 3+8+1+3+1 && n != 2+8+1+3+1 {
			t.Errorf("%q: %d lines:\n%s", name, n, strings.Join(lines, "\n"))
		}
	}
}

// The picture has as many cells as there are pieces, or as fit.
func TestMapOfPieces(t *testing.T) {
	for _, pieces := range []int{1, 3, 20, 21, 1000, 1_000_000} {
		for _, columns := range []int{20, 40, 80, 200} {
			v := mapVerdict(0, 0, 1)
			v.Pieces = inspect.PieceCounts{Total: pieces, Good: pieces - 1, Bad: 1}
			v.pieces = []inspect.BadPiece{badPiece(pieces-1, inspect.CauseCorrupt, false, "x")}
			text := strings.Join(shownMap(t, v, columns, 30, term.Palette{}, true), "\n")
			cells := strings.Count(text, "█") + strings.Count(text, "X") - 1 // less the legend
			if pieces > 1 {
				cells--
			}
			if want := min(pieces, columns*mapRows); cells != want || strings.Contains(text, "shows") != (pieces > want) {
				t.Errorf("%d pieces in %d columns: %d cells, want %d:\n%s", pieces, columns, cells, want, text)
			}
		}
	}
}

// Content of empty files has no pieces.
func TestMapWithoutPieces(t *testing.T) {
	v := mapVerdict(0, 0, 1)
	v.Pieces, v.pieces = inspect.PieceCounts{}, nil
	if got := shownMap(t, v, 80, 24, term.Palette{}, false); got[0] != "0 pieces" || strings.Contains(got[1], "█") {
		t.Errorf("%q", got)
	}
}
