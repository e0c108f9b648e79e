package main

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// A listedVerdict is a verdict with its lists, which may hold only a part of the
// files.
type listedVerdict struct {
	inspect.Verdict
	files  []inspect.FileVerdict
	pieces []inspect.BadPiece
}

// shownVerdict returns the text output of a verdict as lines.
func shownVerdict(t *testing.T, l *listedVerdict, quiet bool) []string {
	t.Helper()
	b := metainfo.Builder{V1: true, Name: "many", PieceLength: 16384, Hashes: metainfo.Hashes{Pieces: make([]byte, 20)}}
	l.Statuses = map[inspect.Status]int{inspect.StatusOK: l.FileCount - len(l.files)}
	for i := range l.files {
		f := &l.files[i]
		f.Index = i
		l.Statuses[f.Status]++
		b.Files = append(b.Files, metainfo.BuildFile{Path: strings.Split(f.Path, "/")})
	}
	b.Files = append(b.Files, metainfo.BuildFile{Path: []string{"not listed"}, Length: 10})
	torrent, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := metainfo.Parse(torrent)
	if err != nil {
		t.Fatal(err)
	}
	l.Files, l.BadPieces = slices.Values(l.files), slices.Values(l.pieces)
	l.File = func(i int) inspect.FileVerdict { return l.files[i] }
	var out bytes.Buffer
	u := &ui{env: &env{}, out: bufio.NewWriter(&out), quiet: quiet}
	if err := printVerdict(u, parsed, &l.Verdict, false); err != nil {
		t.Fatal(err)
	}
	if err := u.out.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// manyVerdict returns the verdict for small files, perPiece of them in each
// piece, except the last file, which has a piece of its own. Every shared piece
// is bad, so every file in one is in doubt.
func manyVerdict(files, perPiece int) *listedVerdict {
	v := &listedVerdict{Verdict: inspect.Verdict{FileCount: files}}
	for i := range files {
		name, index := fmt.Sprintf("dir/%06d", i), i/perPiece
		status := inspect.StatusOK
		var bad []inspect.Range
		if i < files-1 {
			status = inspect.StatusCorrupt
			bad = []inspect.Range{{Length: 10, Pieces: []int{index}, Cause: inspect.CauseCorrupt}}
			if len(v.pieces) == index {
				last := min(index*perPiece+perPiece, files-1) - 1
				p := badPiece(index, inspect.CauseCorrupt, true, name, fmt.Sprintf("dir/%06d", last))
				p.FileCount = last - i + 1
				v.pieces = append(v.pieces, p)
			}
		}
		v.files = append(v.files, inspect.FileVerdict{Path: name, Status: status, Size: 10, Found: 10, Bad: bad})
	}
	v.Pieces = inspect.PieceCounts{Total: len(v.pieces) + 1, Good: 1, Bad: len(v.pieces)}
	return v
}

func badPiece(index int, cause inspect.Cause, doubtful bool, files ...string) inspect.BadPiece {
	return inspect.BadPiece{Index: index, Cause: cause, Files: slices.Values(files), FileCount: len(files), Doubtful: doubtful}
}

func TestVerdictCertainFirst(t *testing.T) {
	testenv.Large(t)
	const files = 300_000
	v := manyVerdict(files, 1000)
	damage := func(file int, s inspect.Status, found int64) {
		f := &v.files[file]
		f.Status, f.Found, f.Certain, f.CertainPieces = s, found, true, f.Bad[0].Pieces
	}
	damage(7, inspect.StatusMissing, 0)
	damage(123_456, inspect.StatusShort, 3)
	damage(123_457, inspect.StatusLong, 11)
	damage(299_000, inspect.StatusNotAFile, 0)
	last := &v.files[files-1]
	last.Status, last.Certain, last.CertainPieces = inspect.StatusCorrupt, true, []int{300}
	v.pieces = append(v.pieces, badPiece(300, inspect.CauseCorrupt, false, last.Path))
	v.Pieces = inspect.PieceCounts{Total: 301, Bad: 301}

	got := shownVerdict(t, v, false)
	want := []string{
		"missing     dir/000007  10 B",
		"short       dir/123456  3 of 10 bytes; not good: piece 123",
		"long        dir/123457  1 byte too many; not good: piece 123",
		"not-a-file  dir/299000  10 B",
		"corrupt     dir/299999  not good: piece 300",
		"",
		"doubtful  piece 0   1,000 files: dir/000000 ... dir/000999  corrupt",
		"doubtful  piece 1   1,000 files: dir/001000 ... dir/001999  corrupt",
	}
	if !slices.Equal(got[:len(want)], want) {
		t.Errorf("it begins with\n%s\nwant\n%s", strings.Join(got[:len(want)], "\n"), strings.Join(want, "\n"))
	}
	want = []string{
		"doubtful  piece 99  1,000 files: dir/099000 ... dir/099999  corrupt",
		"... and 200 more pieces; --json names all",
		"",
		"many: damaged: 300,000 of 300,000 files not in order, 299,995 of them in doubt only; 0 of 301 pieces good, 301 bad",
	}
	if end := got[len(got)-len(want):]; !slices.Equal(end, want) {
		t.Errorf("it ends with\n%s\nwant\n%s", strings.Join(end, "\n"), strings.Join(want, "\n"))
	}
	if n := 5 + 1 + maxDoubtful + len(want) - 1; len(got) != n {
		t.Errorf("%d lines, want %d", len(got), n)
	}
	if got := shownVerdict(t, v, true); len(got) != 1 || got[0] != want[3] {
		t.Errorf("with -q: %q", got)
	}
}

// Certain damage is listed completely.
func TestVerdictCertainComplete(t *testing.T) {
	testenv.Large(t)
	const files = 100_000
	v := manyVerdict(files, 1000)
	for i := range files - 1 {
		v.files[i].Status, v.files[i].Certain = inspect.StatusMissing, true
	}
	for i := range v.pieces {
		v.pieces[i].Cause, v.pieces[i].Doubtful = inspect.CauseMissing, false
	}
	v.Pieces.Missing, v.Pieces.Bad = v.Pieces.Bad, 0
	got := shownVerdict(t, v, false)
	if len(got) != files-1+2 {
		t.Fatalf("%d lines, want %d", len(got), files+1)
	}
	for i, line := range got[:files-1] {
		if want := fmt.Sprintf("missing  dir/%06d  10 B", i); line != want {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
	if want := "many: damaged: 99,999 of 100,000 files not in order; 1 of 101 pieces good, 100 missing"; got[files] != want {
		t.Errorf("the sums are %q, want %q", got[files], want)
	}
}

func TestVerdictText(t *testing.T) {
	file := func(name string, s inspect.Status, bad ...inspect.Cause) inspect.FileVerdict {
		f := inspect.FileVerdict{Path: name, Status: s, Size: 10, Found: 10}
		for _, cause := range bad {
			f.Bad = append(f.Bad, inspect.Range{Length: 10, Pieces: []int{0}, Cause: cause})
		}
		return f
	}
	certain := func(f inspect.FileVerdict, pieces ...int) inspect.FileVerdict {
		f.Certain, f.CertainPieces = true, pieces
		return f
	}
	ok := inspect.Verdict{OK: true, FileCount: 1, Size: 10, Pieces: inspect.PieceCounts{Total: 1, Good: 1}}
	extra := ok
	extra.Extra = []string{"c\x1b", "a/b10", "a/b9"}
	for _, tt := range []struct {
		name string
		v    listedVerdict
		want []string
	}{
		{"ok", listedVerdict{Verdict: ok}, []string{"many: ok: 1 file, 10 B in 1 piece"}},
		{"ok, and something else", listedVerdict{Verdict: extra},
			[]string{"extra  a/b9", "extra  a/b10", `extra  c\x1b`, "", "many: ok: 1 file, 10 B in 1 piece; 3 extra files"}},
		{"doubt only", listedVerdict{
			inspect.Verdict{FileCount: 3, Pieces: inspect.PieceCounts{Total: 2, Good: 1, Bad: 1}},
			[]inspect.FileVerdict{file("a", inspect.StatusCorrupt, inspect.CauseCorrupt), file("b", inspect.StatusCorrupt, inspect.CauseCorrupt)},
			[]inspect.BadPiece{badPiece(1, inspect.CauseCorrupt, true, "a", "b\n")},
		}, []string{`doubtful  piece 1  2 files: a ... b\n  corrupt`, "", "many: damaged: 2 of 3 files not in order, in doubt only; 1 of 2 pieces good, 1 bad"}},
		{"changed, and its neighbour", listedVerdict{
			inspect.Verdict{FileCount: 2, Pieces: inspect.PieceCounts{Total: 1, Bad: 1}},
			[]inspect.FileVerdict{certain(file("a", inspect.StatusCorrupt, inspect.CauseChanged), 0), file("b", inspect.StatusUnverifiable, inspect.CauseUnverifiable)},
			[]inspect.BadPiece{badPiece(0, inspect.CauseChanged, true, "a", "b")},
		}, []string{"corrupt  a  changed while it was read", "", "doubtful  piece 0  2 files: a ... b  changed", "",
			"many: damaged: 2 of 2 files not in order, 1 of them in doubt only; 0 of 1 piece good, 1 bad"}},
		{"natural order", listedVerdict{
			inspect.Verdict{FileCount: 3, Pieces: inspect.PieceCounts{Total: 3, Missing: 3}},
			[]inspect.FileVerdict{certain(file("d/e10", inspect.StatusMissing)), certain(file("d/e9", inspect.StatusMissing)), certain(file("c/x", inspect.StatusMissing))},
			nil,
		}, []string{"missing  c/x    10 B", "missing  d/e9   10 B", "missing  d/e10  10 B", "", "many: damaged: 3 of 3 files not in order; 0 of 3 pieces good, 3 missing"}},
		{"padding", listedVerdict{
			inspect.Verdict{FileCount: 1, Pieces: inspect.PieceCounts{Total: 4, Good: 1, Bad: 3}},
			[]inspect.FileVerdict{file("a", inspect.StatusOK)},
			[]inspect.BadPiece{badPiece(1, inspect.CauseCorrupt, false), badPiece(2, inspect.CauseCorrupt, false), badPiece(3, inspect.CauseCorrupt, false)},
		}, []string{"corrupt  padding  the hashes of the padding in the torrent are wrong: pieces 1-3", "",
			"many: damaged: 0 of 1 file not in order; 1 of 4 pieces good, 3 bad"}},
	} {
		if got := shownVerdict(t, &tt.v, false); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}
