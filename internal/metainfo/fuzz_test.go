package metainfo

import (
	"bytes"
	"slices"
	"testing"
)

func FuzzTorrent(f *testing.F) {
	f.Add([]byte("d4:infod" + single + "ee"))
	f.Add([]byte(multi("d6:lengthi5e4:pathl1:aee")))
	f.Add([]byte(v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"eee", "12:piece layersd"+sha32+sha32+"e")))
	f.Add([]byte(v2(leaf("a", 0, fill(0))+leaf("b", 5, fill('b'))+"1:cd"+leaf("d", 20000, hashOf(fill('l'), fill('l')))+"e", "12:piece layersd"+layerRoot+layer+"e")))
	f.Add([]byte(hybrid(leaf("a", 5, fill('a'))+leaf("b", 0, fill(0))+leaf("c", 16384, fill('c')), list(entry("a", 5), pad(16379), entry("b", 0), entry("c", 16384)), 2)))
	f.Add([]byte(hybrid(leaf("x", 20000, hashOf(fill('l'), fill('l'))), "6:lengthi20000e", 2)))
	f.Add([]byte("d8:encoding3:GBK4:infod5:filesld6:lengthi5e4:pathl2:\xd6\xd00:1:.e10:path.utf-8l3:中1:aeeee4:name3:a\\b10:name.utf-82:..12:piece lengthi16384e6:pieces" + sha20 + "ee"))
	f.Fuzz(func(t *testing.T, in []byte) {
		tor, err := Parse(in)
		if err != nil {
			return
		}
		if !bytes.Equal(tor.Bytes(), in) {
			t.Fatal("bytes changed")
		}
		if m, err := ParseMagnet(tor.Magnet().String()); err != nil || m.V1 != tor.InfoHashV1 || m.V2 != tor.InfoHashV2 {
			t.Fatalf("magnet %v, %v", m, err)
		}
		c, err := tor.Content()
		if err != nil {
			return
		}
		checkNames(t, c)
		n := c.Layout.Pieces()
		if n >= 1000 {
			return
		}
		for _, s := range c.Layout.Spans(0, n-1) {
			if s.Offset < 0 || s.Length <= 0 || s.Offset+s.Length > c.Files[s.File].Length {
				t.Fatalf("span %+v of %+v", s, c.Files[s.File])
			}
		}
		if c.V1 && len(c.Pieces) != 20*n {
			t.Fatalf("%d bytes of hashes for %d pieces", len(c.Pieces), n)
		}
		if c.V2 {
			checkPieceHashes(t, c)
		}
	})
}

// checkNames makes sure that every file has a path, and that all names are safe.
func checkNames(t *testing.T, c *Content) {
	t.Helper()
	names := c.OtherNames()
	if c.Name != "" {
		names = append(names, c.Name)
	}
	for i, f := range c.Files {
		if !f.HasPath() && !f.Pad && !(c.Single && c.Name == "") {
			t.Fatal("a file without a path may be trusted")
		}
		if !f.Pad {
			names = append(names, f.Path()...)
			names = append(names, slices.Concat(c.OtherPaths(i)...)...)
		}
	}
	for _, name := range names {
		if err := CheckComponent(name); err != nil {
			t.Fatalf("a name that may be trusted %v", err)
		}
	}
}

// checkPieceHashes makes sure that each file of v2 begins a piece, and that the
// hashes of its pieces make its root, or that there are none.
func checkPieceHashes(t *testing.T, c *Content) {
	for i := range c.Files {
		f := &c.Files[i]
		first, last, ok := c.Layout.FilePieces(i)
		if !ok || f.Pad {
			continue
		}
		if c.Layout.Offset(i)%c.Layout.PieceLength() != 0 || f.PiecesRoot == nil {
			t.Fatalf("%+v", f)
		}
		var layer [][32]byte
		for n := range last - first + 1 {
			if h, ok := c.PieceHash(i, n); ok {
				layer = append(layer, h)
			}
		}
		switch {
		case first == last && (len(layer) != 1 || layer[0] != *f.PiecesRoot):
			t.Fatalf("%+v is one piece with the hash %x", f, layer)
		case first < last && len(layer) > 0 && (len(layer) <= last-first || naiveLayerRoot(layer, c.Layout.PieceLength()) != *f.PiecesRoot):
			t.Fatalf("%+v has the layer %x", f, layer)
		}
	}
}
