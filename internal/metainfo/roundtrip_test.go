package metainfo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bt/internal/bencode"
)

// randomBuilder is a builder of some files, with layers that make their roots.
// layers are those of the files of several pieces.
func randomBuilder(rnd *rand.Rand, v1, v2 bool) (b Builder, layers [][][32]byte) {
	b = Builder{V1: v1, V2: v2, Name: "x", PieceLength: BlockLength << rnd.IntN(3)}
	names := []string{"a", "b", "a b", "a.b", "A", "é"}
	var paths [][]string
	for range 1 + rnd.IntN(12) {
		var path []string
		for range 1 + rnd.IntN(4) {
			path = append(path, names[rnd.IntN(len(names))])
		}
		paths = append(paths, path)
	}
	slices.SortFunc(paths, slices.Compare)
	// A path sorts before the paths below it. It must be removed, because it can't be a
	// file and a directory.
	paths = slices.DeleteFunc(paths, func(p []string) bool {
		return slices.ContainsFunc(paths, func(q []string) bool { return len(p) < len(q) && slices.Equal(p, q[:len(p)]) })
	})
	paths = slices.CompactFunc(paths, slices.Equal)
	if len(paths) == 1 && rnd.IntN(2) == 0 {
		b.Single, paths[0] = true, nil
	}
	p := b.PieceLength
	lengths := []int64{0, 1, p - 1, p, p + 1, 2 * p, 3*p - 1, 5 * p}
	layerOf := make(map[int64][][32]byte)
	for _, path := range paths {
		f := BuildFile{Path: path, Length: lengths[rnd.IntN(len(lengths))]}
		if len(b.Files) == len(paths)-1 && b.ContentLength() == 0 {
			f.Length = p + 1
		}
		switch rnd.IntN(4) {
		case 0:
			f.Executable = true
		case 1:
			if f.Length == 0 {
				f.Symlink = paths[rnd.IntN(len(paths))]
			}
		}
		b.Files = append(b.Files, f)
		layer := layerOf[f.Length]
		if layer == nil || rnd.IntN(2) == 0 { // else it is like one before
			layer = make([][32]byte, (f.Length+p-1)/p)
			for i := range layer {
				layer[i] = [32]byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), 1}
			}
			layerOf[f.Length] = layer
		}
		layers = append(layers, layer)
		if len(layer) == 0 {
			layer = make([][32]byte, 1)
		}
		if b.PiecesRoots = append(b.PiecesRoots, naiveLayerRoot(layer, p)); len(layer) == 1 {
			b.PiecesRoots[len(b.PiecesRoots)-1] = layer[0]
			continue
		}
		for _, h := range layer {
			b.PieceLayers = append(b.PieceLayers, h[:]...)
		}
	}
	return b, layers
}

// A torrent that was built is parsed with the same files, in the same pieces, and with
// the same hashes.
func TestBuildAndRead(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 3000 {
		b, layers := randomBuilder(rnd, n%3 != 1, n%3 != 0)
		if b.Align = n%2 == 0; n%6 == 3 && !b.Single {
			b.Offsets = b.DefaultOffsets()
			for i := range b.Offsets {
				b.Offsets[i] = max(rnd.Int64N(2*b.PieceLength)-b.PieceLength, Anywhere)
			}
		}
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if b.V1 {
			b.Pieces = make([]byte, 20*l.Pieces())
		}
		tor := buildAndParse(t, &b)
		if slices.ContainsFunc(tor.Findings, func(f Finding) bool { return f.Code != CodeCaseCollision && f.Code != CodeOneFile }) || tor.Single != b.Single {
			t.Fatalf("%+v: single %v, findings %v", b.Files, tor.Single, tor.Findings)
		}
		c, err := tor.Content()
		if err != nil {
			t.Fatal(err)
		}
		origin := compareFiles(t, &b, l, layers, c)
		compareSpans(t, &b, l, c, origin)
	}
}

// buildAndParse builds a torrent, which must be canonical bencode, and parses it.
func buildAndParse(t *testing.T, b *Builder) *Torrent {
	t.Helper()
	out, err := b.Build()
	if err != nil {
		t.Fatalf("%+v: %v", b.Files, err)
	}
	if _, err := (bencode.Parser{Strict: true}).Parse(out); err != nil {
		t.Fatalf("%+v: %v", b.Files, err)
	}
	tor, err := Parse(out)
	if err != nil {
		t.Fatalf("%+v: %v", b.Files, err)
	}
	return tor
}

// compareFiles compares the files that were parsed with those that were built. It
// returns the index of the built file for each parsed one, and Gap for pad files.
func compareFiles(t *testing.T, b *Builder, l *Layout, layers [][][32]byte, c *Content) (origin []int) {
	t.Helper()
	built := 0
	for i := range c.Files {
		f := &c.Files[i]
		if f.Pad {
			origin = append(origin, Gap)
			continue
		}
		want := b.Files[built]
		if b.Single {
			want.Path = []string{"x"}
		}
		if !slices.Equal(f.Path(), want.Path) || f.Length != want.Length || f.Length > 0 && c.Layout.Offset(i) != l.Offset(built) {
			t.Fatalf("%+v: file %d is %+v", b.Files, built, f)
		}
		if f.Attr() != want.attr() || !slices.Equal(f.Symlink(), want.Symlink) {
			t.Fatalf("%+v: file %d has the attributes %q %q", b.Files, built, f.Attr(), f.Symlink())
		}
		for n := range layers[built] {
			if h, ok := c.PieceHash(i, n); ok != b.V2 || ok && h != layers[built][n] {
				t.Fatalf("%+v: piece %d of file %d has the hash %x, %v, want %x", b.Files, n, built, h, ok, layers[built][n])
			}
		}
		origin = append(origin, built)
		built++
	}
	if built != len(b.Files) {
		t.Fatalf("%+v: %d files", b.Files, built)
	}
	return origin
}

// compareSpans compares the spans of the torrent that was parsed with those of the
// builder's layout.
func compareSpans(t *testing.T, b *Builder, l *Layout, c *Content, origin []int) {
	t.Helper()
	var got, want []Span
	for _, s := range c.Layout.Spans(0, c.Layout.Pieces()-1) {
		if s.File = origin[s.File]; s.File == Gap {
			s.Offset = 0
		}
		got = append(got, s)
	}
	for _, s := range l.Spans(0, l.Pieces()-1) {
		want = append(want, s)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v by %d: read with spans\n%v, built with\n%v", b.Files, b.PieceLength, got, want)
	}
}

// The size that Measure returns is that of the torrent. If it were less, a torrent that
// is too large for the parser could be hashed.
func TestBuildSize(t *testing.T) {
	for _, format := range []Builder{{V1: true}, {V2: true}, {V1: true, V2: true}} {
		for _, dirs := range []int{0, 20} { // above each file, its own
			b := format
			b.Name, b.PieceLength = "x", 16384
			for i := range 5000 {
				path := append([]string{fmt.Sprintf("%04d", i)}, slices.Repeat([]string{"d"}, dirs)...)
				b.Files = append(b.Files, BuildFile{Path: path, Length: 16385})
				layer := [][32]byte{fill(byte(i)), fill(byte(i >> 8))}
				b.PiecesRoots = append(b.PiecesRoots, hashOf(layer[0], layer[1]))
				b.PieceLayers = append(append(b.PieceLayers, layer[0][:]...), layer[1][:]...)
			}
			l, err := b.Layout()
			if err != nil {
				t.Fatal(err)
			}
			b.Pieces = make([]byte, 20*l.Pieces())
			out, err := b.Build()
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("v1 %v, v2 %v, %d directories", b.V1, b.V2, dirs)
			size, values := b.Measure(l)
			if size != int64(len(out)) {
				t.Errorf("%s: measured %d bytes, there are %d", name, size, len(out))
			}
			if _, err := (bencode.Parser{MaxItems: values}).Parse(out); err != nil {
				t.Errorf("%s: measured %d items: %v", name, values, err)
			}
			if _, err := (bencode.Parser{MaxItems: values - 1}).Parse(out); err == nil {
				t.Errorf("%s: measured %d items, there are less", name, values)
			}
		}
	}
}

func TestPieceHash(t *testing.T) {
	in := v2(leaf("a", 0, fill(0))+leaf("b", 16384, fill('b'))+leaf("c", 16385, hashOf(fill('c'), fill('d'))), "12:piece layersd"+
		fmt.Sprintf("32:%s64:%s%s", hashOf(fill('c'), fill('d')), fill('c'), fill('d'))+"e")
	const none = 0
	for _, tt := range []struct {
		name, in string
		want     [][]byte // by file and piece, the byte that the hash is made of
	}{
		{"v2", in, [][]byte{{none}, {'b'}, {'c', 'd'}}},
		{"v2 without layers", in[:strings.Index(in, "12:piece layers")] + "e", [][]byte{{none}, {'b'}, {none, none}}},
		{"v1", multi("d6:lengthi5e4:pathl1:aee"), [][]byte{{none}}},
		{"hybrid", "d4:infod9:file treed" + leaf("x", 5, fill('b')) + "e6:lengthi5e12:meta versioni2e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", [][]byte{{'b'}}},
	} {
		tor, err := Parse([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		c, err := tor.Content()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for file, pieces := range tt.want {
			for n, want := range pieces {
				h, ok := c.PieceHash(file, n)
				if ok != (want != none) || !bytes.Equal(h[:], bytes.Repeat([]byte{want}, 32)) {
					t.Errorf("%s: piece %d of file %d: %x, %v", tt.name, n, file, h, ok)
				}
			}
		}
	}
}

// A layer that does not make its root is not shown as one.
func TestPieceLayerIsProven(t *testing.T) {
	root := hashOf(fill('l'), fill('l'))
	good := v2(leaf("x", 20000, root), "12:piece layersd"+layerRoot+layer+"e")
	for name, tt := range map[string]struct {
		in   string
		want int // bytes
	}{
		"proven":     {good, 64},
		"forged":     {strings.Replace(good, layer, strings.Replace(layer, "lll", "lkl", 1), 1), 0},
		"of x and y": {strings.Replace(good, leaf("x", 20000, root), leaf("x", 20000, root)+leaf("y", 30000, root), 1), 64},
		"short":      {strings.Replace(good, layer, "32:"+layer[3:35], 1), 0},
		"absent":     {v2(leaf("x", 20000, root), ""), 0},
	} {
		tor, err := Parse([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := tor.PieceLayer(&root); len(got) != tt.want {
			t.Errorf("%s: %d bytes, want %d", name, len(got), tt.want)
		}
	}
}
