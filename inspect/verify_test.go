package inspect

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

const pieceLength = 100

// A sample is a torrent and its data on disk. Files are named a, b, c, ...
type sample struct {
	dir   string // holds the content
	t     *Torrent
	sizes []int64
}

func name(i int) string { return string(rune('a' + i)) }

func (s *sample) path(i int) string { return filepath.Join(s.dir, "content", name(i)) }

// newSample writes files of the given sizes. Their bytes differ from piece to piece.
func newSample(t *testing.T, sizes ...int64) *sample {
	t.Helper()
	s := &sample{dir: t.TempDir(), sizes: sizes}
	b := metainfo.Builder{V1: true, Name: "content", PieceLength: pieceLength}
	if err := os.Mkdir(filepath.Join(s.dir, "content"), 0o755); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for i, n := range sizes {
		data := make([]byte, n)
		for j := range data {
			data[j] = byte(i*31 + j*7 + j/100)
		}
		all = append(all, data...)
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{name(i)}, Length: n})
		if err := os.WriteFile(s.path(i), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for p := range slices.Chunk(all, pieceLength) {
		sum := sha1.Sum(p)
		b.Pieces = append(b.Pieces, sum[:]...)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if s.t, err = metainfo.Parse(out); err != nil {
		t.Fatal(err)
	}
	return s
}

func flip(offset int64) func(string) error {
	return func(path string) error {
		b, err := os.ReadFile(path)
		b[offset] ^= 1
		return errors.Join(err, os.WriteFile(path, b, 0o644))
	}
}

func toDirectory(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }

func toSize(n int64) func(string) error {
	return func(path string) error { return os.Truncate(path, n) }
}

func TestVerify(t *testing.T) {
	// Pieces of 100:  a 0-2   b 2      c none  d 2-6    e, f, g 6   h 6-7
	sizes := []int64{250, 20, 0, 380, 3, 4, 5, 60}
	type damage struct {
		file int
		do   func(path string) error
	}
	for _, tt := range []struct {
		name   string
		damage []damage
		status string // of the files that are not ok
		bad    string // pieces and causes
		ranges string // of the files that are not ok
	}{
		{"whole", nil, "", "", ""},
		{"a byte of a piece of one file", []damage{{3, flip(150)}}, "d corrupt", "4 corrupt", "d 130+100 corrupt"},
		{"a byte of a shared piece", []damage{{4, flip(1)}},
			"d corrupt, e corrupt, f corrupt, g corrupt, h corrupt", "6 corrupt",
			"d 330+50 corrupt, e 0+3 corrupt, f 0+4 corrupt, g 0+5 corrupt, h 0+38 corrupt"},
		{"first missing", []damage{{0, os.Remove}}, "a missing, b unverifiable, d unverifiable", "0 missing, 1 missing, 2 unverifiable",
			"a 0+250 missing, b 0+20 unverifiable, d 0+30 unverifiable"},
		{"small one missing", []damage{{1, os.Remove}}, "a unverifiable, b missing, d unverifiable", "2 unverifiable",
			"a 200+50 unverifiable, b 0+20 missing, d 0+30 unverifiable"},
		{"empty one missing", []damage{{2, os.Remove}}, "c missing", "", ""},
		{"middle missing", []damage{{3, os.Remove}}, "a unverifiable, b unverifiable, d missing, e unverifiable, f unverifiable, g unverifiable, h unverifiable",
			"2 unverifiable, 3 missing, 4 missing, 5 missing, 6 unverifiable",
			"a 200+50 unverifiable, b 0+20 unverifiable, d 0+380 missing, e 0+3 unverifiable, f 0+4 unverifiable, g 0+5 unverifiable, h 0+38 unverifiable"},
		{"last missing", []damage{{7, os.Remove}}, "d unverifiable, e unverifiable, f unverifiable, g unverifiable, h missing",
			"6 unverifiable, 7 missing", "d 330+50 unverifiable, e 0+3 unverifiable, f 0+4 unverifiable, g 0+5 unverifiable, h 0+60 missing"},
		{"all of a piece missing", []damage{{3, os.Remove}, {4, os.Remove}, {5, os.Remove}, {6, os.Remove}, {7, os.Remove}, {1, os.Remove}},
			"a unverifiable, b missing, d missing, e missing, f missing, g missing, h missing",
			"2 unverifiable, 3 missing, 4 missing, 5 missing, 6 missing, 7 missing",
			"a 200+50 unverifiable, b 0+20 missing, d 0+380 missing, e 0+3 missing, f 0+4 missing, g 0+5 missing, h 0+60 missing"},
		{"truncated in a piece", []damage{{3, toSize(200)}}, "d short, e unverifiable, f unverifiable, g unverifiable, h unverifiable",
			"4 short, 5 short, 6 unverifiable",
			"d 130+250 short, e 0+3 unverifiable, f 0+4 unverifiable, g 0+5 unverifiable, h 0+38 unverifiable"},
		{"truncated between pieces", []damage{{0, toSize(200)}}, "a short, b unverifiable, d unverifiable", "2 unverifiable",
			"a 200+50 short, b 0+20 unverifiable, d 0+30 unverifiable"},
		{"truncated to nothing", []damage{{7, toSize(0)}}, "d unverifiable, e unverifiable, f unverifiable, g unverifiable, h short",
			"6 unverifiable, 7 short", "d 330+50 unverifiable, e 0+3 unverifiable, f 0+4 unverifiable, g 0+5 unverifiable, h 0+60 short"},
		{"a byte more", []damage{{3, toSize(381)}}, "d long", "", ""},
		{"an empty one filled", []damage{{2, toSize(1)}}, "c long", "", ""},
		{"longer and damaged", []damage{{3, toSize(381)}, {3, flip(150)}}, "d long", "4 corrupt", "d 130+100 corrupt"},
		{"a directory", []damage{{1, toDirectory}}, "a unverifiable, b not-a-file, d unverifiable", "2 unverifiable",
			"a 200+50 unverifiable, b 0+20 missing, d 0+30 unverifiable"},
		{"a directory for the empty one", []damage{{2, toDirectory}}, "c not-a-file", "", ""},
	} {
		s := newSample(t, sizes...)
		for _, d := range tt.damage {
			if err := d.do(s.path(d.file)); err != nil {
				t.Fatal(err)
			}
		}
		v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		compare(t, tt.name, v, tt.status, tt.bad, tt.ranges)
	}
}

func badPieces(v *Verdict) []BadPiece { return slices.Collect(v.BadPieces) }

func pathsOf(p BadPiece) []string { return slices.Collect(p.Files) }

// compare compares a verdict with its short form, and checks its consistency.
func compare(t *testing.T, name string, v *Verdict, status, bad, ranges string) {
	t.Helper()
	var gotStatus, gotBad, gotRanges []string
	for f := range v.Files {
		if f.Status != StatusOK {
			gotStatus = append(gotStatus, fmt.Sprint(f.Path, " ", f.Status))
		}
		for _, r := range f.Bad {
			gotRanges = append(gotRanges, fmt.Sprintf("%s %d+%d %s", f.Path, r.Offset, r.Length, r.Cause))
		}
	}
	for p := range v.BadPieces {
		gotBad = append(gotBad, fmt.Sprint(p.Index, " ", p.Cause))
		if n := len(pathsOf(p)); n != p.FileCount {
			t.Errorf("%s: piece %d has %d files, and names %d", name, p.Index, p.FileCount, n)
		}
		// The verdicts of all files of a bad piece must list it, and no others.
		for f := range v.Files {
			says := slices.ContainsFunc(f.Bad, func(r Range) bool { return slices.Contains(r.Pieces, p.Index) })
			if says != slices.Contains(pathsOf(p), f.Path) {
				t.Errorf("%s: piece %d has files %v, but %s says %v", name, p.Index, pathsOf(p), f.Path, f.Bad)
			}
		}
	}
	for _, c := range []struct{ what, got, want string }{
		{"files", strings.Join(gotStatus, ", "), status},
		{"bad pieces", strings.Join(gotBad, ", "), bad},
		{"ranges", strings.Join(gotRanges, ", "), ranges},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", name, c.what, c.got, c.want)
		}
	}
	compareDoubt(t, name, v)
	p := v.Pieces
	if p.Good+p.Bad+p.Missing+p.Unverifiable+p.Unreadable != p.Total || p.Total-p.Good != len(badPieces(v)) {
		t.Errorf("%s: counts %+v and %d bad pieces", name, p, len(badPieces(v)))
	}
	if v.OK != (status == "") {
		t.Errorf("%s: ok is %v", name, v.OK)
	}
}

// compareDoubt checks that all damage is either certain or doubtful: output lists the
// files that are certain, and the pieces that are doubtful.
func compareDoubt(t *testing.T, name string, v *Verdict) {
	t.Helper()
	own := make(map[int]int) // by piece: number of files with it among their certain pieces
	for f := range v.Files {
		if f.Status == StatusOK && f.Certain {
			t.Errorf("%s: %s is ok and damaged for certain", name, f.Path)
		}
		doubtful := slices.ContainsFunc(badPieces(v), func(p BadPiece) bool { return p.Doubtful && slices.Contains(pathsOf(p), f.Path) })
		if f.Status != StatusOK && !f.Certain && !doubtful {
			t.Errorf("%s: %s is %s, and neither certain nor in doubt", name, f.Path, f.Status)
		}
		for _, p := range f.CertainPieces {
			own[p]++
		}
	}
	for p := range v.BadPieces {
		if p.Doubtful && (p.FileCount < 2 || own[p.Index] == p.FileCount) || !p.Doubtful && own[p.Index] != p.FileCount {
			t.Errorf("%s: piece %d of %d files is in doubt %v, and certain in %d", name, p.Index, p.FileCount, p.Doubtful, own[p.Index])
		}
	}
}

func TestCertain(t *testing.T) {
	// Pieces of 100:  a 0-2   b 2      c none  d 2-6    e, f, g 6   h 6-7
	const a, b, c, d, e, f, g, h = 0, 1, 2, 3, 4, 5, 6, 7
	sizes := []int64{250, 20, 0, 380, 3, 4, 5, 60}
	for _, tt := range []struct {
		name    string
		damages []damage
		certain string // files, with their own bad pieces
		doubt   string // pieces
	}{
		{"whole", nil, "", ""},
		{"a piece of its own", []damage{{d, flip(150)}}, "d [4]", ""},
		{"two of its own", []damage{{a, flip(0)}, {a, flip(199)}}, "a [0 1]", ""},
		{"a shared piece", []damage{{b, flip(0)}}, "", "2"},
		{"its own and a shared piece", []damage{{a, flip(0)}, {a, flip(249)}}, "a [0]", "2"},
		{"two shared pieces of one file", []damage{{d, flip(0)}, {d, flip(379)}}, "", "2, 6"},
		{"its own piece at the end", []damage{{h, flip(59)}}, "h [7]", ""},
		{"missing, with neighbours", []damage{{b, os.Remove}}, "b [2]", "2"},
		{"missing, with none", []damage{{c, os.Remove}}, "c []", ""},
		{"missing, between", []damage{{d, os.Remove}}, "d [2 3 4 5 6]", "2, 6"},
		{"all of a piece missing", []damage{{a, os.Remove}, {b, os.Remove}, {d, os.Remove}}, "a [0 1 2], b [2], d [2 3 4 5 6]", "6"},
		{"short, in a shared piece", []damage{{e, toSize(1)}}, "e [6]", "6"},
		{"short, up to a shared piece", []damage{{a, toSize(200)}}, "a [2]", "2"},
		{"short, and corrupt before", []damage{{d, flip(150)}, {d, toSize(300)}}, "d [4 5 6]", "6"},
		{"long", []damage{{e, toSize(4)}}, "e []", ""},
		{"long, and a shared piece", []damage{{e, flip(0)}, {e, toSize(4)}}, "e []", "6"},
		{"an empty one filled", []damage{{c, toSize(1)}}, "c []", ""},
		{"not a file", []damage{{f, toDirectory}}, "f [6]", "6"},
		{"all small ones missing", []damage{{e, os.Remove}, {f, os.Remove}, {g, os.Remove}}, "e [6], f [6], g [6]", "6"},
		{"all missing", []damage{{a, os.Remove}, {b, os.Remove}, {c, os.Remove}, {d, os.Remove}, {e, os.Remove}, {f, os.Remove}, {g, os.Remove}, {h, os.Remove}},
			"a [0 1 2], b [2], c [], d [2 3 4 5 6], e [6], f [6], g [6], h [6 7]", ""},
	} {
		s := newSample(t, sizes...)
		for _, d := range tt.damages {
			if err := d.do(s.path(d.file)); err != nil {
				t.Fatal(err)
			}
		}
		v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		compareDoubt(t, tt.name, v)
		var certain, doubt []string
		for f := range v.Files {
			if f.Certain {
				certain = append(certain, fmt.Sprint(f.Path, " ", f.CertainPieces))
			}
		}
		for p := range v.BadPieces {
			if p.Doubtful {
				doubt = append(doubt, fmt.Sprint(p.Index))
			}
		}
		if got := strings.Join(certain, ", "); got != tt.certain {
			t.Errorf("%s: certain are %s, want %s", tt.name, got, tt.certain)
		}
		if got := strings.Join(doubt, ", "); got != tt.doubt {
			t.Errorf("%s: in doubt are %s, want %s", tt.name, got, tt.doubt)
		}
	}
}

// A piece may be of hundreds of thousands of files, none of which can be read.
func TestVerifyManyUnreadable(t *testing.T) {
	const files = 300_000
	b := metainfo.Builder{V1: true, Name: "content", PieceLength: files, Hashes: metainfo.Hashes{Pieces: make([]byte, 20)}}
	for i := range files {
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{fmt.Sprint(i)}, Length: 1})
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	torrent, err := metainfo.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	content, err := torrent.Content()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := piece.At(context.Background(), content, "none", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &check{content: content, files: content.Files, tree: tree, states: make([]Cause, 1), faults: make(map[part]*piece.Fault)}
	var faults []*piece.Fault
	for i := range files {
		tree.Files[i] = piece.Source{}
		tree.SetID(i, piece.Identity{Size: 1})
		faults = append(faults, &piece.Fault{File: i, Cause: piece.CauseUnreadable, Err: os.ErrPermission})
	}
	c.result(piece.Result{Failed: true, Faults: faults})
	v := c.verdict()
	if v.Statuses[StatusUnreadable] != files || v.FileCount != files || badPieces(v)[0].Doubtful {
		t.Errorf("%d files, %v, in doubt %v", v.FileCount, v.Statuses, badPieces(v)[0].Doubtful)
	}
}

func TestVerifySwapped(t *testing.T) {
	s := newSample(t, 200, 200, 50)
	a, b := s.path(0), s.path(1)
	if err := errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)); err != nil {
		t.Fatal(err)
	}
	v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "swapped", v, "a corrupt, b corrupt", "0 corrupt, 1 corrupt, 2 corrupt, 3 corrupt", "a 0+200 corrupt, b 0+200 corrupt")
}

func TestVerifyChanged(t *testing.T) {
	s := newSample(t, 250, 100, 3<<20, 50)
	done := false
	v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{Progress: func(int64, int64) {
		if !done {
			done = true
			if err := os.Truncate(s.path(1), 101); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "changed", v, "a unverifiable, b corrupt, c unverifiable", "2 changed, 3 changed",
		"a 200+50 unverifiable, b 0+100 changed, c 0+50 unverifiable")
}

func TestVerifyWhere(t *testing.T) {
	s := newSample(t, 250)
	content := filepath.Join(s.dir, "content")
	elsewhere := filepath.Join(s.dir, "renamed")
	for _, path := range []string{s.dir, content} {
		if v, err := Verify(context.Background(), s.t, path, VerifyOptions{}); err != nil || !v.OK {
			t.Errorf("%s: %v, %v", path, v, err)
		}
	}
	if err := os.Rename(content, elsewhere); err != nil {
		t.Fatal(err)
	}
	if v, err := Verify(context.Background(), s.t, elsewhere, VerifyOptions{}); err != nil || !v.OK {
		t.Errorf("%s: %v, %v", elsewhere, v, err)
	}
	if v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{}); err != nil || v.OK || v.File(0).Status != StatusMissing {
		t.Errorf("content gone: %+v, %v", v, err)
	}
	if _, err := Verify(context.Background(), s.t, content, VerifyOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such path: %v", err)
	}
}

func TestVerifyUnusable(t *testing.T) {
	s := newSample(t, 250)
	bad, err := metainfo.Parse([]byte(strings.Replace(string(s.t.Bytes()), "4:pathl1:a", "4:pathl2:..", 1)))
	if err != nil {
		t.Fatal(err)
	}
	var unusable *metainfo.UnusableError
	if _, err := Verify(context.Background(), bad, s.dir, VerifyOptions{}); !errors.As(err, &unusable) {
		t.Errorf("a path that leads out: %v", err)
	}
}
