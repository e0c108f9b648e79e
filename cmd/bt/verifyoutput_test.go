package main

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
)

// shownVerdict is what a person sees of a verdict, in lines.
func shownVerdict(t *testing.T, v *inspect.Verdict, quiet bool) []string {
	t.Helper()
	var out bytes.Buffer
	u := &ui{env: &env{}, out: bufio.NewWriter(&out), quiet: quiet}
	if err := printVerdict(u, "many", v); err != nil {
		t.Fatal(err)
	}
	if err := u.out.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// manyVerdict is the verdict on so many small files, perPiece of them a piece,
// the last excepted, which has a piece of its own. Every shared piece is bad, so
// every file is in doubt.
func manyVerdict(files, perPiece int) *inspect.Verdict {
	v := &inspect.Verdict{FileCount: files}
	for i := range files {
		name, index := fmt.Sprintf("dir/%06d", i), i/perPiece
		status := inspect.StatusOK
		var bad []inspect.Range
		if i < files-1 {
			status = inspect.StatusCorrupt
			bad = []inspect.Range{{Length: 10, Pieces: []int{index}, Cause: inspect.Corrupt}}
			if len(v.BadPieces) == index {
				v.BadPieces = append(v.BadPieces, inspect.BadPiece{Index: index, Cause: inspect.Corrupt, Doubtful: true})
			}
			p := &v.BadPieces[index]
			p.Files = append(p.Files, name)
		}
		v.Files = append(v.Files, inspect.FileVerdict{
			Path: name, Components: strings.Split(name, "/"), Status: status, Size: 10, Found: 10, Bad: bad,
		})
	}
	v.Pieces = inspect.Counts{Total: len(v.BadPieces) + 1, Good: 1, Bad: len(v.BadPieces)}
	return v
}

func TestVerdictCertainFirst(t *testing.T) {
	const files = 300_000
	v := manyVerdict(files, 1000)
	damage := func(file int, s inspect.Status, found int64) {
		v.Files[file].Status, v.Files[file].Found = s, found
		if s != inspect.StatusCorrupt && len(v.Files[file].Bad) > 0 {
			v.Files[file].Bad[0].Cause = inspect.Missing
		}
	}
	damage(7, inspect.StatusMissing, 0)
	damage(123_456, inspect.StatusShort, 3)
	damage(123_457, inspect.StatusLong, 11)
	damage(299_000, inspect.StatusNotAFile, 0)
	last := &v.Files[files-1]
	last.Status, last.Bad = inspect.StatusCorrupt, []inspect.Range{{Length: 10, Pieces: []int{300}, Cause: inspect.Corrupt}}
	v.BadPieces = append(v.BadPieces, inspect.BadPiece{Index: 300, Cause: inspect.Corrupt, Files: []string{last.Path}})
	v.Pieces = inspect.Counts{Total: 301, Bad: 301}

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
	if n := 5 + 1 + mostDoubt + len(want) - 1; len(got) != n {
		t.Errorf("%d lines, want %d", len(got), n)
	}
	if got := shownVerdict(t, v, true); len(got) != 1 || got[0] != want[3] {
		t.Errorf("with -q: %q", got)
	}
}

// However much is certain, all of it is listed.
func TestVerdictCertainIsNotCut(t *testing.T) {
	const files = 100_000
	v := manyVerdict(files, 1000)
	for i := range files - 1 {
		v.Files[i].Status, v.Files[i].Bad[0].Cause = inspect.StatusMissing, inspect.Missing
	}
	for i := range v.BadPieces {
		v.BadPieces[i].Cause, v.BadPieces[i].Doubtful = inspect.Missing, false
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

func TestVerdictOf(t *testing.T) {
	corrupt := func(pieces ...int) []inspect.Range {
		return []inspect.Range{{Length: 10, Pieces: pieces, Cause: inspect.Corrupt}}
	}
	file := func(name string, s inspect.Status, bad []inspect.Range) inspect.FileVerdict {
		return inspect.FileVerdict{Path: name, Components: []string{name}, Status: s, Size: 10, Found: 10, Bad: bad}
	}
	for _, tt := range []struct {
		name string
		v    inspect.Verdict
		want []string
	}{
		{"ok", inspect.Verdict{OK: true, FileCount: 1, Size: 10, Pieces: inspect.Counts{Total: 1, Good: 1}},
			[]string{"many: ok: 1 file, 10 B in 1 piece"}},
		{"ok, and something else", inspect.Verdict{OK: true, FileCount: 1, Size: 10, Pieces: inspect.Counts{Total: 1, Good: 1}, Extra: []string{"a/b", "c\x1b"}},
			[]string{"extra  a/b", `extra  c\x1b`, "", "many: ok: 1 file, 10 B in 1 piece; 2 extra files"}},
		{"doubt only", inspect.Verdict{
			FileCount: 3, Pieces: inspect.Counts{Total: 2, Good: 1, Bad: 1},
			Files:     []inspect.FileVerdict{file("a", inspect.StatusCorrupt, corrupt(1)), file("b", inspect.StatusCorrupt, corrupt(1))},
			BadPieces: []inspect.BadPiece{{Index: 1, Cause: inspect.Corrupt, Files: []string{"a", "b\n"}, Doubtful: true}},
		}, []string{`doubtful  piece 1  2 files: a ... b\n  corrupt`, "", "many: damaged: 2 of 3 files not in order, in doubt only; 1 of 2 pieces good, 1 bad"}},
		{"changed, and its neighbour", inspect.Verdict{
			FileCount: 2, Pieces: inspect.Counts{Total: 1, Bad: 1},
			Files: []inspect.FileVerdict{
				file("a", inspect.StatusCorrupt, []inspect.Range{{Length: 10, Pieces: []int{0}, Cause: inspect.Changed}}),
				file("b", inspect.StatusUnverifiable, []inspect.Range{{Length: 10, Pieces: []int{0}, Cause: inspect.Unverifiable}}),
			},
			BadPieces: []inspect.BadPiece{{Index: 0, Cause: inspect.Changed, Files: []string{"a", "b"}, Doubtful: true}},
		}, []string{"corrupt  a  changed while it was read", "", "doubtful  piece 0  2 files: a ... b  changed", "",
			"many: damaged: 2 of 2 files not in order, 1 of them in doubt only; 0 of 1 piece good, 1 bad"}},
		{"padding", inspect.Verdict{
			FileCount: 1, Pieces: inspect.Counts{Total: 4, Good: 1, Bad: 3},
			Files:     []inspect.FileVerdict{file("a", inspect.StatusOK, nil)},
			BadPieces: []inspect.BadPiece{{Index: 1, Cause: inspect.Corrupt}, {Index: 2, Cause: inspect.Corrupt}, {Index: 3, Cause: inspect.Corrupt}},
		}, []string{"corrupt  padding  the torrent's hashes of it are wrong: pieces 1-3", "",
			"many: damaged: 0 of 1 file not in order; 1 of 4 pieces good, 3 bad"}},
	} {
		if got := shownVerdict(t, &tt.v, false); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}
