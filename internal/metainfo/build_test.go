package metainfo

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBuild(t *testing.T) {
	b := Builder{
		V1:   true,
		Name: "x", PieceLength: 16384, Private: true, Source: "S", Entropy: "e",
		Files:  []BuildFile{{Path: []string{"a", "b"}, Length: 16384}, {Path: []string{"a.txt"}, Length: 1}, {Path: []string{"empty"}, Length: 0}},
		Hashes: Hashes{Pieces: make([]byte, 40)},
		Outside: Outside{
			Trackers: [][]string{{"http://t.x/1", "http://t.x/2"}, {"http://t.x/3"}},
			WebSeeds: []string{"http://w/"}, HTTPSeeds: []string{"http://h/"}, Nodes: []Node{{"h", 1}},
			Comment: "c", CreatedBy: "me", Date: time.Unix(0, 0),
		},
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	tor, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(tor.Findings) > 0 || len(tor.UnknownKeys) > 0 {
		t.Errorf("our own torrent: %v, unknown %v", tor.Findings, tor.UnknownKeys)
	}
	if !reflect.DeepEqual(tor.Trackers(), b.Trackers) || tor.Announce != "http://t.x/1" || !slices.Equal(tor.Nodes, b.Nodes) {
		t.Errorf("%q %v", tor.Trackers(), tor.Nodes)
	}
	for i, f := range tor.Files {
		if !slices.Equal(f.Path(), b.Files[i].Path) || f.Length != b.Files[i].Length {
			t.Errorf("file %d is %+v", i, f)
		}
	}

	plain := Builder{
		V1: true, Name: "x", PieceLength: 16384, Single: true, Files: []BuildFile{{Length: 5}},
		Hashes: Hashes{Pieces: make([]byte, 20)}, Outside: Outside{Trackers: [][]string{{"http://t.x/1"}}},
	}
	out, err = plain.Build()
	want := "d8:announce12:http://t.x/14:infod6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces20:" + strings.Repeat("\x00", 20) + "ee"
	if err != nil || !bytes.Equal(out, []byte(want)) {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	for name, change := range map[string]func(b *Builder){
		"no files":        func(b *Builder) { b.Files = nil },
		"no content":      func(b *Builder) { b.Files = []BuildFile{{Length: 0}}; b.Pieces = nil },
		"a hash too many": func(b *Builder) { b.Pieces = make([]byte, 40) },
		"name":            func(b *Builder) { b.Name = ".." },
		"path":            func(b *Builder) { b.Single = false; b.Files = []BuildFile{{Path: []string{"a/b"}, Length: 5}} },
		"empty tier":      func(b *Builder) { b.Trackers = [][]string{{}} },
		"piece length":    func(b *Builder) { b.PieceLength = 0 },
	} {
		bad := plain
		change(&bad)
		if _, err := bad.Build(); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

// fill is 32 times a byte, to be a root or a hash.
func fill(c byte) [32]byte { return [32]byte(bytes.Repeat([]byte{c}, 32)) }

func hashOf(a, b [32]byte) [32]byte { return sha256.Sum256(append(a[:], b[:]...)) }

// leaf is a file in a file tree, entry one in the files of v1 and pad a pad
// file there.
func leaf(name string, length int, root [32]byte) string {
	if length == 0 {
		return fmt.Sprintf("%d:%sd0:d6:lengthi0eee", len(name), name)
	}
	return fmt.Sprintf("%d:%sd0:d6:lengthi%de11:pieces root32:%see", len(name), name, length, root)
}

func entry(name string, length int) string {
	return fmt.Sprintf("d6:lengthi%de4:pathl%d:%see", length, len(name), name)
}

func pad(length int) string {
	name := fmt.Sprint(length)
	return fmt.Sprintf("d4:attr1:p6:lengthi%de4:pathl4:.pad%d:%see", length, len(name), name)
}

func TestBuildV2(t *testing.T) {
	const piece = 16384
	two, three := layer[3:], strings.Repeat("l", 64)+strings.Repeat("m", 32)
	rootOfTwo := hashOf(fill('l'), fill('l'))
	// A piece has two blocks, so what is missing of the layer is a tree of two.
	rootOfThree := hashOf(hashOf(fill('l'), fill('l')), hashOf(fill('m'), hashOf([32]byte{}, [32]byte{})))
	otherTwo := strings.Repeat("o", 64)
	rootOfOther := hashOf(fill('o'), fill('o'))
	if bytes.Compare(rootOfTwo[:], rootOfOther[:]) < 0 {
		t.Fatal("the layers of the sample stand in the order of their roots already")
	}
	v2info := func(tree string, pieceLength int) string {
		return fmt.Sprintf("d4:infod9:file treed%se12:meta versioni2e4:name1:x12:piece lengthi%dee", tree, pieceLength)
	}
	hybridInfo := func(tree, list string, hashes int) string {
		return fmt.Sprintf("d4:infod9:file treed%se%s12:meta versioni2e4:name1:x12:piece lengthi%de6:pieces%d:%se", tree, list, piece, 20*hashes, strings.Repeat("h", 20*hashes))
	}
	layers := func(pairs ...any) string {
		s := "12:piece layersd"
		for pair := range slices.Chunk(pairs, 2) {
			s += fmt.Sprintf("32:%s%d:%s", pair[0], len(pair[1].(string)), pair[1])
		}
		return s + "ee"
	}
	v2 := Builder{V2: true, Name: "x", PieceLength: piece}
	hybrid := Builder{V1: true, V2: true, Name: "x", PieceLength: piece}
	for _, tt := range []struct {
		name   string
		b      Builder
		single bool
		files  []BuildFile
		roots  [][32]byte
		layers string
		hashes int // of v1
		want   string
	}{
		{"a file of exactly a piece has no layer", v2, true, []BuildFile{{Length: piece}}, [][32]byte{fill('a')}, "", 0,
			v2info(leaf("x", piece, fill('a')), piece) + layers()},
		{"a byte more makes one", v2, true, []BuildFile{{Length: piece + 1}}, [][32]byte{rootOfTwo}, two, 0,
			v2info(leaf("x", piece+1, rootOfTwo), piece) + layers(rootOfTwo, two)},
		{"three pieces of two blocks", Builder{V2: true, Name: "x", PieceLength: 2 * piece}, true, []BuildFile{{Length: 5 * piece}}, [][32]byte{rootOfThree}, three, 0,
			v2info(leaf("x", 5*piece, rootOfThree), 2*piece) + layers(rootOfThree, three)},
		{"a directory of one file stays one", v2, false, []BuildFile{{Path: []string{"a"}, Length: 1}}, [][32]byte{fill('a')}, "", 0,
			v2info(leaf("a", 1, fill('a')), piece) + layers()},
		{"directories are sorted by component", v2, false,
			[]BuildFile{{Path: []string{"a", "b", "c"}, Length: 1}, {Path: []string{"a", "b.c"}, Length: 2}, {Path: []string{"a b", "x"}, Length: 3}, {Path: []string{"a.txt"}, Length: 4}, {Path: []string{"b", "a", "b", "a"}, Length: 5}, {Path: []string{"c", "a"}, Length: 6}},
			[][32]byte{fill('1'), fill('2'), fill('3'), fill('4'), fill('5'), fill('6')}, "", 0,
			v2info("1:ad1:bd"+leaf("c", 1, fill('1'))+"e"+leaf("b.c", 2, fill('2'))+"e3:a bd"+leaf("x", 3, fill('3'))+"e"+leaf("a.txt", 4, fill('4'))+
				"1:bd1:ad1:bd"+leaf("a", 5, fill('5'))+"eee1:cd"+leaf("a", 6, fill('6'))+"e", piece) + layers()},
		{"empty files have no root", v2, false, []BuildFile{{Path: []string{"a"}, Length: 0}, {Path: []string{"b", "c"}, Length: 0}, {Path: []string{"d"}, Length: 1}, {Path: []string{"e"}, Length: 0}},
			[][32]byte{fill('a'), fill('b'), fill('d'), fill('e')}, "", 0,
			v2info(leaf("a", 0, fill(0))+"1:bd"+leaf("c", 0, fill(0))+"e"+leaf("d", 1, fill('d'))+leaf("e", 0, fill(0)), piece) + layers()},
		{"files that are alike share a layer, and layers are sorted by root", v2, false,
			[]BuildFile{{Path: []string{"a"}, Length: piece + 1}, {Path: []string{"b"}, Length: 1}, {Path: []string{"c"}, Length: piece + 1}, {Path: []string{"d"}, Length: 2 * piece}},
			[][32]byte{rootOfTwo, fill('b'), rootOfTwo, rootOfOther}, two + two + otherTwo, 0,
			v2info(leaf("a", piece+1, rootOfTwo)+leaf("b", 1, fill('b'))+leaf("c", piece+1, rootOfTwo)+leaf("d", 2*piece, rootOfOther), piece) +
				layers(rootOfOther, otherTwo, rootOfTwo, two)},
		{"a hybrid of one file has no pad file", hybrid, true, []BuildFile{{Length: piece + 1}}, [][32]byte{rootOfTwo}, two, 2,
			hybridInfo(leaf("x", piece+1, rootOfTwo), fmt.Sprintf("6:lengthi%de", piece+1), 2) + layers(rootOfTwo, two)},
		{"nor has one of a directory of one file", hybrid, false, []BuildFile{{Path: []string{"a"}, Length: 5}}, [][32]byte{fill('a')}, "", 1,
			hybridInfo(leaf("a", 5, fill('a')), "5:filesl"+entry("a", 5)+"e", 1) + layers()},
		{"pad files follow what does not end a piece, the last file too", hybrid, false,
			[]BuildFile{{Path: []string{"a"}, Length: 5}, {Path: []string{"b"}, Length: piece}, {Path: []string{"c"}, Length: 0}, {Path: []string{"d"}, Length: piece + 1}, {Path: []string{"e"}, Length: 0}},
			[][32]byte{fill('a'), fill('b'), fill('c'), rootOfTwo, fill('e')}, two, 4,
			hybridInfo(leaf("a", 5, fill('a'))+leaf("b", piece, fill('b'))+leaf("c", 0, fill(0))+leaf("d", piece+1, rootOfTwo)+leaf("e", 0, fill(0)),
				"5:filesl"+entry("a", 5)+pad(piece-5)+entry("b", piece)+entry("c", 0)+entry("d", piece+1)+pad(piece-1)+entry("e", 0)+"e", 4) + layers(rootOfTwo, two)},
	} {
		b := tt.b
		b.Single, b.Files, b.PiecesRoots, b.PieceLayers = tt.single, tt.files, tt.roots, []byte(tt.layers)
		b.Pieces = bytes.Repeat([]byte("h"), 20*tt.hashes)
		out, err := b.Build()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if string(out) != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, out, tt.want)
		}
		tor, err := Parse(out)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if slices.ContainsFunc(tor.Findings, func(f Finding) bool { return f.Code != CodeOneFile }) || len(tor.UnknownKeys) > 0 || tor.V1 != b.V1 || tor.V2 != b.V2 || tor.Single != tt.single {
			t.Errorf("%s: our own torrent is %s, single %v, with findings %v", tt.name, tor.Format(), tor.Single, tor.Findings)
		}
	}
}

// The keys outside info are sorted before and after piece layers.
func TestBuildHybridOfAllKeys(t *testing.T) {
	b := Builder{
		V1: true, V2: true, Name: "x", PieceLength: 16384, Single: true, Files: []BuildFile{{Length: 5}},
		Private: true, Source: "S", Entropy: "e",
		Hashes: Hashes{Pieces: make([]byte, 20), PiecesRoots: [][32]byte{fill('a')}},
		Outside: Outside{
			Trackers: [][]string{{"http://t/1"}, {"http://t/2"}}, WebSeeds: []string{"http://w/"}, HTTPSeeds: []string{"http://h/"},
			Nodes: []Node{{"h", 1}}, Comment: "c", CreatedBy: "me", Date: time.Unix(7, 0),
		},
	}
	out, err := b.Build()
	want := "d8:announce10:http://t/113:announce-listll10:http://t/1el10:http://t/2ee7:comment1:c10:created by2:me" +
		"13:creation datei7e9:httpseedsl9:http://h/e4:infod7:entropy1:e9:file treed" + leaf("x", 5, fill('a')) + "e6:lengthi5e12:meta versioni2e" +
		"4:name1:x12:piece lengthi16384e6:pieces20:" + strings.Repeat("\x00", 20) + "7:privatei1e6:source1:Se" +
		"5:nodesll1:hi1eee12:piece layersde8:url-listl9:http://w/ee"
	if err != nil || string(out) != want {
		t.Errorf("%v\n got %q\nwant %q", err, out, want)
	}
	if tor, err := Parse(out); err != nil || len(tor.Findings) > 0 || len(tor.UnknownKeys) > 0 {
		t.Errorf("%v, %+v", err, tor)
	}
}

func TestBuildRefuses(t *testing.T) {
	path := func(s string) []string { return strings.Split(s, "/") }
	files := func(b *Builder, paths ...string) {
		b.Files = nil
		for _, p := range paths {
			b.Files = append(b.Files, BuildFile{Path: path(p), Length: 1})
		}
	}
	for _, tt := range []struct {
		name   string
		change func(b *Builder)
		want   string // in the error
	}{
		{"unsorted", func(b *Builder) { files(b, "b", "a") }, `"a" after "b"`},
		{"unsorted below", func(b *Builder) { files(b, "a/c", "a/b") }, `"a/b" after "a/c"`},
		{"sorted as texts", func(b *Builder) { files(b, "a b/x", "a/x") }, `"a/x" after "a b/x"`},
		{"the same twice", func(b *Builder) { files(b, "a", "a") }, `"a" after "a"`},
		{"a file and a directory", func(b *Builder) { files(b, "a", "a/b") }, `"a/b" after "a"`},
		{"a file and a directory, far below", func(b *Builder) { files(b, "a/b", "a/b/c/d") }, `"a/b/c/d" after "a/b"`},
		{"no path", func(b *Builder) { b.Files[1].Path = nil }, "without a path"},
		{"a bad path", func(b *Builder) { files(b, "a", "b/..") }, "means another directory"},
		{"no files", func(b *Builder) { b.Files, b.PiecesRoots = nil, nil }, "needs files"},
		{"two single files", func(b *Builder) { b.Single = true }, "needs files"},
		{"only empty files", func(b *Builder) { b.Files[0].Length, b.Files[1].Length = 0, 0 }, "no content"},
		{"a root too few", func(b *Builder) { b.PiecesRoots = b.PiecesRoots[:1] }, "1 pieces roots for 2 files"},
		{"a root too many", func(b *Builder) { b.PiecesRoots = make([][32]byte, 3) }, "3 pieces roots for 2 files"},
		{"no roots", func(b *Builder) { b.PiecesRoots = nil }, "0 pieces roots for 2 files"},
		{"a layer of a file of one piece", func(b *Builder) { b.PieceLayers = make([]byte, 32) }, "32 bytes of piece layers for 0 pieces"},
		{"a layer too short", func(b *Builder) {
			b.Files[1].Length, b.PieceLayers, b.Pieces = 16385, make([]byte, 32), make([]byte, 60)
		}, "32 bytes of piece layers for 2 pieces"},
		{"a layer too long", func(b *Builder) {
			b.Files[1].Length, b.PieceLayers, b.Pieces = 16385, make([]byte, 65), make([]byte, 60)
		}, "65 bytes of piece layers for 2 pieces"},
		{"pieces of half a block", func(b *Builder) { b.PieceLength = 8192 }, "a power of two from 16384"},
		{"pieces of no power of two", func(b *Builder) { b.PieceLength = 20000 }, "a power of two from 16384"},
		{"pieces of three blocks", func(b *Builder) { b.PieceLength = 3 * 16384 }, "a power of two from 16384"},
		{"pieces of more than peers can ask for", func(b *Builder) { b.PieceLength = 1 << 30 }, "clients read"},
		{"no piece length", func(b *Builder) { b.PieceLength = 0 }, "a piece length of 0 bytes"},
		{"a negative length", func(b *Builder) { b.Files[0].Length = -1 }, "a file of -1 bytes"},
		{"a name that leads out", func(b *Builder) { b.Name = ".." }, "means another directory"},
	} {
		for _, v1 := range []bool{false, true} {
			b := Builder{
				V1: v1, V2: true, Name: "x", PieceLength: 16384, Files: []BuildFile{{Path: path("a"), Length: 1}, {Path: path("b"), Length: 1}},
				Hashes: Hashes{PiecesRoots: [][32]byte{fill('a'), fill('b')}, Pieces: make([]byte, 40)}, // each file has a piece of its own
			}
			if _, err := b.Build(); err != nil {
				t.Fatal(err)
			}
			tt.change(&b)
			if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s, v1 %v: %v, want %s", tt.name, v1, err, tt.want)
			}
		}
	}
	packed := Builder{
		V1: true, V2: true, Name: "x", PieceLength: 16384, Files: []BuildFile{{Path: path("a"), Length: 1}, {Path: path("b"), Length: 1}},
		Hashes: Hashes{PiecesRoots: make([][32]byte, 2), Pieces: make([]byte, 20)},
	}
	if _, err := packed.Build(); err == nil || !strings.Contains(err.Error(), "20 bytes of hashes for 2 pieces") {
		t.Errorf("a hybrid without a piece for each file: %v", err)
	}
	packed.Offsets = []int64{0, 0, Anywhere}
	if buildable(&packed) {
		t.Error("a hybrid with offsets: built")
	}
	packed.V2, packed.Pieces = false, make([]byte, 40)
	if !buildable(&packed) {
		t.Error("v1 refuses offsets")
	}
	if packed.Offsets = packed.Offsets[:2]; buildable(&packed) {
		t.Error("offsets without that of the end: built")
	}
	if packed.Offsets, packed.Pieces = nil, packed.Pieces[:20]; !buildable(&packed) {
		t.Error("v1 wants what only v2 needs")
	}
	if files(&packed, "b", "a"); !buildable(&packed) {
		t.Error("v1 wants sorted files")
	}
	if packed.V1 = false; buildable(&packed) {
		t.Error("neither v1 nor v2: built")
	}
}

func buildable(b *Builder) bool {
	_, err := b.Build()
	return err == nil
}

// Attributes are keys of BEP 47 at their sorted places, in every format.
func TestBuildAttributes(t *testing.T) {
	const piece = 16384
	files := []BuildFile{
		{Path: []string{"a"}, Length: 5, Executable: true},
		{Path: []string{"b", "l"}, Symlink: []string{"b", "z"}},
		{Path: []string{"b", "z"}, Length: 7},
	}
	tree := "9:file treed" +
		"1:ad0:d4:attr1:x6:lengthi5e11:pieces root32:" + strings.Repeat("a", 32) + "ee" +
		"1:bd1:ld0:d4:attr1:l6:lengthi0e12:symlink pathl1:b1:zeee" + leaf("z", 7, fill('z')) + "ee"
	list := func(a, b string) string {
		return "5:filesld4:attr1:x6:lengthi5e4:pathl1:aee" + a + "d4:attr1:l6:lengthi0e4:pathl1:b1:le12:symlink pathl1:b1:zee" +
			"d6:lengthi7e4:pathl1:b1:zee" + b + "e"
	}
	rest := fmt.Sprintf("4:name1:x12:piece lengthi%de", piece)
	hashes := func(n int) string { return fmt.Sprintf("6:pieces%d:%s", 20*n, strings.Repeat("h", 20*n)) }
	for _, tt := range []struct {
		name string
		b    Builder
		n    int // pieces
		want string
	}{
		{"v1", Builder{V1: true}, 1, list("", "") + rest + hashes(1)},
		{"v1, aligned", Builder{V1: true, Align: true}, 2, list(pad(piece-5), pad(piece-7)) + rest + hashes(2)},
		{"v2", Builder{V2: true}, 0, tree + "12:meta versioni2e" + rest},
		{"hybrid", Builder{V1: true, V2: true}, 2, tree + list(pad(piece-5), pad(piece-7)) + "12:meta versioni2e" + rest + hashes(2)},
	} {
		b := tt.b
		b.Name, b.PieceLength, b.Files = "x", piece, files
		b.PiecesRoots = [][32]byte{fill('a'), {}, fill('z')}
		b.Pieces = bytes.Repeat([]byte("h"), 20*tt.n)
		out, err := b.Build()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		tor, err := Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if want := "d" + tt.want + "e"; string(tor.InfoBytes()) != want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, tor.InfoBytes(), want)
		}
		if len(tor.Findings) > 0 || len(tor.UnknownKeys) > 0 {
			t.Errorf("%s: %v, unknown %v", tt.name, tor.Findings, tor.UnknownKeys)
		}
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := b.Measure(l); size != int64(len(out)) {
			t.Errorf("%s: measured %d bytes, there are %d", tt.name, size, len(out))
		}
	}
	single := Builder{V1: true, Single: true, Name: "x", PieceLength: piece, Hashes: Hashes{Pieces: make([]byte, 20)}, Files: []BuildFile{{Length: 5, Executable: true}}}
	out, err := single.Build()
	if want := "d4:infod4:attr1:x6:lengthi5e" + rest + "6:pieces20:" + strings.Repeat("\x00", 20) + "ee"; err != nil || string(out) != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
	for name, link := range map[string]BuildFile{
		"no target":      {Path: []string{"a"}, Symlink: []string{}},
		"outside":        {Path: []string{"a"}, Symlink: []string{"..", "a"}},
		"with a content": {Path: []string{"a"}, Length: 1, Symlink: []string{"b"}},
	} {
		b := Builder{V1: true, Name: "x", PieceLength: piece, Hashes: Hashes{Pieces: make([]byte, 20)}, Files: []BuildFile{link, {Path: []string{"b"}, Length: 5}}}
		if _, err := b.Build(); err == nil {
			t.Errorf("%s: built", name)
		}
	}
}
