package inspect

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// diffPiece is the length of a piece in these tests.
const diffPiece = 16 << 10

// A diffForm is a way to make a torrent.
type diffForm struct {
	format      maketorrent.Format
	align       bool
	pieceLength int64
}

var (
	packedForm  = diffForm{maketorrent.FormatV1, false, diffPiece}
	alignedForm = diffForm{maketorrent.FormatV1, true, diffPiece}
	largeForm   = diffForm{maketorrent.FormatV1, false, 2 * diffPiece}
	v2Form      = diffForm{maketorrent.FormatV2, false, diffPiece}
	largeV2Form = diffForm{maketorrent.FormatV2, false, 4 * diffPiece}
	hybridForm  = diffForm{maketorrent.FormatHybrid, false, diffPiece}
)

// makeDiff makes the torrent of a tree: PATH=CONTENT:SIZE, with blanks between. Files of
// the same content and size are the same.
func makeDiff(t *testing.T, form diffForm, tree string) *Torrent {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "name")
	for file := range strings.FieldsSeq(tree) {
		path, content, _ := strings.Cut(file, "=")
		var seed byte
		var size int
		if _, err := fmt.Sscanf(content, "%c:%d", &seed, &size); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		data := make([]byte, size)
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: dir, Format: form.format, Align: form.align, PieceLength: form.pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	return r.Torrent
}

// showFiles formats the files of a difference: PATH IN SAME, and the path of a moved file
// after ->, of a copy after =.
func showFiles(d *Difference) string {
	var lines []string
	for f := range d.Files {
		line := fmt.Sprintf("%s %s %s", f.Path, f.In, f.Same)
		switch {
		case f.Moved:
			line += " -> " + f.OtherPath
		case f.OtherPath != "":
			line += " = " + f.OtherPath
		}
		if f.Pieces > 0 {
			line += fmt.Sprintf(" %d/%d", f.EqualPieces, f.Pieces)
		}
		if f.Keys != nil {
			line += fmt.Sprint(" ", f.Keys)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

// The files of two releases are compared by what their torrents have in common.
func TestDiffFiles(t *testing.T) {
	const (
		large = "big=x:50000 small=y:100 sub/other=z:40000"
		empty = ""
	)
	for _, tt := range []struct {
		name                string
		a, b                string // trees
		packed, aligned, v2 string // expected; "" means as before
	}{
		{"the same", large, large,
			"big both pieces; small both pieces; sub/other both pieces", "", "big both root; small both root; sub/other both root"},
		{"a changed file", large, "big=q:50000 small=y:100 sub/other=z:40000",
			// small shares its piece with the end of big, and other with small.
			"big both no; small both size 0/1; sub/other both size 2/3",
			"big both no; small both pieces; sub/other both pieces",
			"big both no; small both root; sub/other both root"},
		{"a file of another size", large, "big=x:50001 small=y:100 sub/other=z:40000",
			"big both no; small both size; sub/other both size",
			"big both no; small both pieces; sub/other both pieces",
			"big both no; small both root; sub/other both root"},
		{"added at the end", large, large + " zzz=n:5",
			"big both pieces; small both pieces; sub/other both size 2/3; zzz b no",
			"big both pieces; small both pieces; sub/other both pieces; zzz b no",
			"big both root; small both root; sub/other both root; zzz b no"},
		{"removed at the start", large, "small=y:100 sub/other=z:40000",
			"big a no; small both size; sub/other both size",
			"big a no; small both pieces; sub/other both pieces",
			"big a no; small both root; sub/other both root"},
		{"renamed", large, "big=x:50000 small=y:100 sub/renamed=z:40000",
			"big both pieces; small both pieces; sub/other a pieces -> sub/renamed; sub/renamed b pieces -> sub/other", "",
			"big both root; small both root; sub/other a root -> sub/renamed; sub/renamed b root -> sub/other"},
		{"moved", large, "big=x:50000 other=z:40000 small=y:100",
			"big both size 3/4; small both size; sub/other a size -> other; other b size -> sub/other",
			"big both pieces; small both pieces; sub/other a pieces -> other; other b pieces -> sub/other",
			"big both root; small both root; sub/other a root -> other; other b root -> sub/other"},
		{"moved and renamed, with a new first file", "a=x:50000 c=z:40000", "0=n:1 b=x:50000 d/e=z:40000",
			"a a size -> b; c a size -> d/e; 0 b no; b b size -> a; d/e b size -> c",
			"a a pieces -> b; c a pieces -> d/e; 0 b no; b b pieces -> a; d/e b pieces -> c",
			"a a root -> b; c a root -> d/e; 0 b no; b b root -> a; d/e b root -> c"},
		{"small files of the same size are no guess", "a=x:100 b=y:5", "c=n:100 b=y:5",
			"a a no; b both size; c b no", "a a no; b both pieces; c b no", "a a no; b both root; c b no"},
		{"large files of the same size are not the same", "a=x:40000 b=y:40000", "a=x:40000 c=n:40000",
			"a both size 2/3; b a no; c b no", "a both pieces; b a no; c b no", "a both root; b a no; c b no"},
		{"two files of the same size left are no guess", "0=q:1 a=x:40000 b=y:40000", "0=q:11 c=x:40000 d=y:40000",
			"0 both no; a a no; b a no; c b no; d b no",
			"0 both no; a a pieces -> c; b a pieces -> d; c b pieces -> a; d b pieces -> b",
			"0 both no; a a root -> c; b a root -> d; c b root -> a; d b root -> b"},
		{"another copy", "a=x:40000 z=n:5", "a=x:40000 b=x:40000 z=n:5",
			"a both size 2/3; z both size; b b no", "a both pieces; z both pieces; b b pieces = a", "a both root; z both root; b b root = a"},
		{"a copy less", "a=x:40000 b=x:40000 z=n:5", "b=x:40000 z=n:5",
			"a a no; b both size; z both size", "a a pieces = b; b both pieces; z both pieces", "a a root = b; b both root; z both root"},
		{"the backup of a changed file", "f=x:40000 z=n:5", "f=n:40000 f.old=x:40000 z=n:5",
			"f both no; z both size; f.old b no", "f both no; z both pieces; f.old b pieces = f", "f both no; z both root; f.old b root = f"},
		{"names swapped", "a=x:40000 b=y:30000", "a=y:30000 b=x:40000",
			"a both no; b both no", "", ""},
		{"the same file twice, both moved", "p/a=x:20000 q/a=x:20000", "r/a=x:20000 s/a=x:20000",
			"p/a a pieces -> r/a; q/a a pieces -> s/a; r/a b pieces -> p/a; s/a b pieces -> q/a", "",
			"p/a a root -> r/a; q/a a root -> s/a; r/a b root -> p/a; s/a b root -> q/a"},
		{"empty files", "a=x:20000 e=_:0 f=_:0", "a=x:20000 e=_:0 g=_:0",
			"a both pieces; e both size; f a no; g b no", "", "a both root; e both size; f a no; g b no"},
	} {
		want := ""
		for _, form := range []struct {
			diffForm
			want string
		}{{packedForm, tt.packed}, {alignedForm, tt.aligned}, {v2Form, tt.v2}, {hybridForm, tt.v2}} {
			if form.want != empty {
				want = form.want
			}
			a, b := makeDiff(t, form.diffForm, tt.a), makeDiff(t, form.diffForm, tt.b)
			d := Diff(a, b, DiffOptions{})
			if got := showFiles(d); got != want {
				t.Errorf("%s, %+v:\ngot  %s\nwant %s", tt.name, form.diffForm, got, want)
			}
			checkDiff(t, a, b)
		}
	}
}

// Torrents of different formats or piece lengths are compared as far as that is possible.
func TestDiffForms(t *testing.T) {
	const tree = "big=x:50000 small=y:100"
	for _, tt := range []struct {
		a, b   diffForm
		want   string
		v1, v2 HashMatch
	}{
		{packedForm, packedForm, "pieces", HashSame, HashUnknown},
		{packedForm, largeForm, "size", HashDiffers, HashUnknown},
		{packedForm, v2Form, "size", HashDiffers, HashDiffers},
		{packedForm, hybridForm, "", HashDiffers, HashDiffers},
		{alignedForm, hybridForm, "pieces", HashDiffers, HashDiffers},
		{hybridForm, v2Form, "root", HashDiffers, HashDiffers},
		{v2Form, largeV2Form, "root", HashUnknown, HashDiffers},
		{hybridForm, largeV2Form, "root", HashDiffers, HashDiffers},
		{hybridForm, hybridForm, "root", HashSame, HashSame},
	} {
		a, b := makeDiff(t, tt.a, tree), makeDiff(t, tt.b, tree)
		d := Diff(a, b, DiffOptions{})
		want := fmt.Sprintf("big both %s; small both %s", tt.want, tt.want)
		if tt.want == "" { // the end of big and small share a piece in the packed torrent
			want = "big both size 3/4; small both size"
		}
		if got := showFiles(d); got != want || d.InfoHashV1 != tt.v1 || d.InfoHashV2 != tt.v2 {
			t.Errorf("%+v and %+v: %s, %d, %d; want %s", tt.a, tt.b, got, d.InfoHashV1, d.InfoHashV2, want)
		}
		checkDiff(t, a, b)
	}
}

// A file of one piece has the same hash whatever the length of pieces is.
func TestDiffOnePiece(t *testing.T) {
	a, b := makeDiff(t, packedForm, "a=x:16000"), makeDiff(t, largeForm, "a=x:16000")
	if got := showFiles(Diff(a, b, DiffOptions{})); got != "a both pieces" {
		t.Error(got)
	}
	b = makeDiff(t, largeForm, "a=q:16000")
	if got := showFiles(Diff(a, b, DiffOptions{})); got != "a both no" {
		t.Error(got)
	}
}

// Torrents that no program should make are compared too.
func TestDiffOdd(t *testing.T) {
	const sha20 = "20:aaaaaaaaaaaaaaaaaaaa"
	files := func(list string) string {
		return "d4:infod5:filesl" + list + "e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee"
	}
	file := func(path string, size int) string {
		return fmt.Sprintf("d6:lengthi%de4:pathl%d:%see", size, len(path), path)
	}
	for _, tt := range []struct{ name, a, b, want string }{
		{"a path twice", files(file("a", 5) + file("a", 6)), files(file("a", 5) + file("a", 7)), "a both size 0/1; a both no"},
		{"a path twice and once", files(file("a", 5) + file("a", 5)), files(file("a", 5)), "a both size 0/1; a a no"},
		{"names that are not UTF-8", files(file("\xff", 5)), files(file("\xfe", 5)), "\xff a pieces -> \xfe; \xfe b pieces -> \xff"},
		{"a slash in a name is no directory", files(file("a/b", 5)), files("d6:lengthi5e4:pathl1:a1:bee"), "a/b a pieces -> a/b; a/b b pieces -> a/b"},
		{"other attributes", files(file("a", 5)), files("d4:attr1:x6:lengthi5e4:pathl1:aee"), "a both pieces [attr]"},
		{"an unknown key", files("d6:lengthi5e6:md5sum1:a4:pathl1:aee"), files("d6:lengthi5e6:md5sum1:b4:pathl1:ae1:zi1ee"), "a both pieces [md5sum z]"},
		{"another target", files("d4:attr1:l4:pathl1:ae12:symlink pathl1:beed6:lengthi5e4:pathl1:bee"),
			files("d4:attr1:l4:pathl1:ae12:symlink pathl1:ceed6:lengthi5e4:pathl1:bee"), "a both no [symlink path]; b both pieces"},
		{"a link and a file", files("d4:attr1:l6:lengthi0e4:pathl1:ae12:symlink pathl1:beed6:lengthi5e4:pathl1:bee"),
			files("d6:lengthi0e4:pathl1:aeed6:lengthi5e4:pathl1:bee"), "a both no [attr symlink path]; b both pieces"},
		{"a single file and a directory", "d4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + sha20 + "ee", files(file("a", 5)), "a both pieces"},
		{"a single file of another name", "d4:infod6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + sha20 + "ee", files(file("b", 5)), "a a pieces -> b; b b pieces -> a"},
		{"another number of hashes", files(file("a", 5)), "d4:infod5:filesl" + file("a", 5) + "e4:name1:x12:piece lengthi16384e6:pieces0:ee", "a both size"},
		{"no piece length", "d4:infod5:filesl" + file("a", 5) + "e4:name1:xee", files(file("a", 5)), "a both size"},
		{"a bad length", files("d6:lengthi-5e4:pathl1:aee"), files(file("a", 5)), "a both no"},
		{"no files", "d4:infod4:name1:xee", files(file("a", 5)), "a b no"},
	} {
		a, b := parseDiff(t, tt.a), parseDiff(t, tt.b)
		if got := showFiles(Diff(a, b, DiffOptions{})); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
		checkDiff(t, a, b)
	}
	a := parseDiff(t, files(file("a", 5)+file("b", 6)))
	b := parseDiff(t, files(file("b", 6)+file("a", 5)))
	if d := Diff(a, b, DiffOptions{}); !d.Reordered || d.Same() {
		t.Error("another order of files was not noticed")
	}
}

// Pad files are compared only if asked for.
func TestDiffPads(t *testing.T) {
	a, b := makeDiff(t, alignedForm, "a=x:20000 b=y:5"), makeDiff(t, alignedForm, "a=x:20001 b=y:5")
	if got := showFiles(Diff(a, b, DiffOptions{})); got != "a both no; b both pieces" {
		t.Error(got)
	}
	if got := showFiles(Diff(a, b, DiffOptions{Pads: true})); !strings.Contains(got, "; .pad/12768 a no; b both pieces; .pad/16379 both size; .pad/12767 b no") {
		t.Error(got)
	}
}

func TestDiffMagnets(t *testing.T) {
	const hash, other = "xt=urn:btih:949a27dfd6224aba3e00a8cd2f8ea350195d70b7", "xt=urn:btih:aaaa27dfd6224aba3e00a8cd2f8ea350195d70b7"
	const v2 = "xt=urn:btmh:1220caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"
	for _, tt := range []struct {
		a, b   string
		want   string
		v1, v2 HashMatch
	}{
		{hash, hash, "", HashSame, HashUnknown},
		{hash, other, "", HashDiffers, HashUnknown},
		{hash, hash + "&" + v2, "", HashSame, HashUnknown},
		{hash, v2, "", HashUnknown, HashUnknown},
		{hash + "&dn=a&xl=5", hash + "&dn=b", "dn 1:a 1:b\nxl 1:5 -", HashSame, HashUnknown},
		{hash + "&tr=http://a/&tr=http://b/", hash + "&tr=http://b/&tr=http://a/", "tr l9:http://a/9:http://b/e l9:http://b/9:http://a/e", HashSame, HashUnknown},
		{hash + "&ws=http://a/", hash + "&zz=1&zz=2", "zz - l1:11:2e\nws l9:http://a/e -", HashSame, HashUnknown},
	} {
		a, b := parseLink(t, tt.a), parseLink(t, tt.b)
		d := DiffMagnets(a, b)
		var lines []string
		for _, c := range d.Changes {
			lines = append(lines, fmt.Sprintf("%s %s %s", c.Key, orDash(c.Old), orDash(c.New)))
		}
		if got := strings.Join(lines, "\n"); got != tt.want || d.InfoHashV1 != tt.v1 || d.InfoHashV2 != tt.v2 {
			t.Errorf("%s and %s: %q, %d, %d", tt.a, tt.b, got, d.InfoHashV1, d.InfoHashV2)
		}
		if d.Same() != (tt.want == "" && tt.v1 == HashSame) {
			t.Errorf("%s and %s: same: %v", tt.a, tt.b, d.Same())
		}
		for range d.Files {
			t.Error("a link has files")
		}
	}
}

func orDash(v Value) string {
	if v == nil {
		return "-"
	}
	return string(v)
}

func parseLink(t *testing.T, query string) *Magnet {
	t.Helper()
	m, err := ParseMagnet("magnet:?" + query)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parseDiff(t *testing.T, s string) *Torrent {
	t.Helper()
	tor, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return tor
}

// checkDiff checks what holds for the difference of any two torrents: it is the same in
// both directions, every file is listed once, and a torrent is the same as itself.
func checkDiff(t *testing.T, a, b *Torrent) {
	t.Helper()
	for _, o := range []DiffOptions{{}, {Pads: true}} {
		there, back := Diff(a, b, o), Diff(b, a, o)
		if there.Same() != back.Same() || there.InfoHashV1 != back.InfoHashV1 || there.InfoHashV2 != back.InfoHashV2 ||
			len(there.Changes) != len(back.Changes) || there.Reordered != back.Reordered {
			t.Errorf("%+v and in the other direction %+v", there, back)
		}
		if got, want := turned(there, false), turned(back, true); !slices.Equal(got, want) {
			t.Errorf("the files are\n%q\nand in the other direction\n%q", got, want)
		}
		filesA, filesB := make(map[int]int), make(map[int]int)
		for f := range there.Files {
			if f.In != SideB {
				filesA[f.A]++
			}
			if f.In != SideA {
				filesB[f.B]++
			}
			if f.Same != SameNot && f.A >= 0 && f.B >= 0 && !a.Files[f.A].IsLink() && a.Files[f.A].Length != b.Files[f.B].Length {
				t.Errorf("%+v: %d and %d bytes are the same", f, a.Files[f.A].Length, b.Files[f.B].Length)
			}
		}
		for _, x := range []struct {
			t     *Torrent
			files map[int]int
		}{{a, filesA}, {b, filesB}} {
			want := x.t.FileCount()
			if o.Pads {
				want = len(x.t.Files)
			}
			if len(x.files) != want {
				t.Errorf("%d files of %d are listed", len(x.files), want)
			}
			for i, n := range x.files {
				if n != 1 {
					t.Errorf("file %d is listed %d times", i, n)
				}
			}
		}
		for _, x := range []*Torrent{a, b} {
			self := Diff(x, x, o)
			if !self.Same() || self.Reordered {
				t.Errorf("a torrent differs from itself: %+v", self)
			}
			for f := range self.Files {
				if f.In != SideBoth || f.Same == SameNot || f.Keys != nil {
					t.Errorf("a file differs from itself: %+v", f)
				}
			}
		}
	}
}

// turned formats the files of a difference, sorted, as they are in the other direction.
func turned(d *Difference, turn bool) []string {
	var lines []string
	for f := range d.Files {
		if turn {
			f.A, f.B = f.B, f.A
			f.In = map[Side]Side{SideA: SideB, SideB: SideA, SideBoth: SideBoth}[f.In]
		}
		slices.Sort(f.Keys)
		lines = append(lines, fmt.Sprintf("%+v", f))
	}
	slices.Sort(lines)
	return lines
}

func FuzzDiff(f *testing.F) {
	const sha20, info = "20:aaaaaaaaaaaaaaaaaaaa", "4:name1:x12:piece lengthi16384e6:pieces"
	f.Add([]byte("d4:infod6:lengthi5e"+info+sha20+"ee"), []byte("d7:comment1:c4:infod6:lengthi5e"+info+sha20+"6:source1:see"))
	f.Add([]byte("d4:infod5:filesld6:lengthi5e4:pathl1:aeed6:lengthi5e4:pathl1:beee"+info+sha20+"ee"),
		[]byte("d4:infod5:filesld6:lengthi5e4:pathl1:beed4:attr1:p6:lengthi9e4:pathl1:peed6:lengthi7e4:pathl1:ceee"+info+sha20+"ee"))
	leaf := "d0:d6:lengthi5e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaee"
	f.Add([]byte("d4:infod9:file treed1:a"+leaf+"1:b"+leaf+"e12:meta versioni2e4:name1:x12:piece lengthi16384eee"),
		[]byte("d4:infod9:file treed1:a"+leaf+"1:cd1:b"+leaf+"ee12:meta versioni2e4:name1:x12:piece lengthi16384eee"))
	f.Add([]byte("d4:infod5:filesld4:attr1:l4:pathl1:ae12:symlink pathl1:beee"+info+"0:ee"), []byte("d4:infod4:name1:x6:lengthi007eee\n"))
	f.Add([]byte("\x00abcdefghijklmnop"), []byte("\x00abcdefghijkl"))
	f.Add([]byte("\x01abcdefghijklmnop"), []byte("\x01ponmlkjihgfedcba"))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		a, err := Parse(x)
		if err != nil {
			a = parseDiff(t, cooked(x))
		}
		b, err := Parse(y)
		if err != nil {
			b = parseDiff(t, cooked(y))
		}
		checkDiff(t, a, b)
		DiffMagnets(a.Magnet(), b.Magnet())
	})
}

// cooked makes a torrent of any bytes: the first says the format, and every further three
// a file, its name and its content. Names and contents are few, so that two torrents have
// some in common.
func cooked(recipe []byte) string {
	v2 := len(recipe) > 0 && recipe[0]&1 == 1
	var files, pieces strings.Builder
	total := 0
	for file := range slices.Chunk(recipe[min(1, len(recipe)):], 3) {
		if len(file) < 3 {
			break
		}
		dir, name := file[0]&3, file[0]>>2&7
		size, content, special := int(file[1]&7)*8000, file[1]>>3&3, file[2]&31
		if v2 {
			root := ""
			if size > 0 {
				root = "11:pieces root32:" + strings.Repeat(string(rune('a'+content)), 32)
			}
			fmt.Fprintf(&files, "1:%dd1:%dd0:d6:lengthi%de%seee", dir, name, size, root)
			continue
		}
		attr, link := "", ""
		switch special {
		case 0:
			attr = "4:attr1:p"
		case 1:
			attr, link = "4:attr1:l", "12:symlink pathl1:ae"
		case 2:
			attr = "4:attr1:x"
		}
		fmt.Fprintf(&files, "d%s6:lengthi%de4:pathl1:%d1:%de%se", attr, size, dir, name, link)
		if link == "" {
			total += size
		}
		for 20*((total+diffPiece-1)/diffPiece) > pieces.Len() {
			pieces.WriteString(strings.Repeat(string(rune('a'+content)), 20))
		}
	}
	if v2 {
		return "d4:infod9:file treed" + files.String() + "e12:meta versioni2e4:name1:x12:piece lengthi16384eee"
	}
	return fmt.Sprintf("d4:infod5:filesl%se4:name1:x12:piece lengthi16384e6:pieces%d:%see", &files, pieces.Len(), &pieces)
}

// A hostile torrent does not make the comparison slow: there are a million files of one
// size, one path or one content.
func TestDiffHostile(t *testing.T) {
	testenv.Large(t)
	const n = 50_000
	for _, tt := range []struct{ name, path string }{{"one path", "a"}, {"one size and name", "%d/a"}, {"one size", "%d"}} {
		build := func(from int, pieces string) *Torrent {
			var b strings.Builder
			b.WriteString("d4:infod5:filesl")
			for i := range n {
				path := strings.ReplaceAll(tt.path, "%d", fmt.Sprint(from+i))
				b.WriteString("d6:lengthi16384e4:pathl")
				for c := range strings.SplitSeq(path, "/") {
					fmt.Fprintf(&b, "%d:%s", len(c), c)
				}
				b.WriteString("ee")
			}
			fmt.Fprintf(&b, "e4:name1:x12:piece lengthi16384e6:pieces%d:%see", 20*n, strings.Repeat(pieces, n))
			return parseDiff(t, b.String())
		}
		for _, pieces := range []string{strings.Repeat("a", 20), strings.Repeat("b", 20)} {
			a, b := build(0, strings.Repeat("a", 20)), build(n, pieces)
			counts := make(map[string]int)
			for f := range Diff(a, b, DiffOptions{}).Files {
				counts[fmt.Sprint(f.In, f.Same)]++
			}
			same := SamePieces
			if pieces[0] == 'b' {
				same = SameNot
			}
			want := map[string]int{fmt.Sprint(SideA, same): n, fmt.Sprint(SideB, same): n}
			if tt.path == "a" {
				want = map[string]int{fmt.Sprint(SideBoth, same): n}
			}
			if fmt.Sprint(counts) != fmt.Sprint(want) {
				t.Errorf("%s, pieces of %c: %v, want %v", tt.name, pieces[0], counts, want)
			}
		}
	}
}
