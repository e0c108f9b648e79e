package metainfo

import (
	"bytes"
	"slices"

	"bt/internal/bencode"
)

// v2Files reads the file tree (BEP 52):
//
//	{"dir": {"file": {"": {"length": 5, "pieces root": 32 bytes}}}}
//
// In a hybrid the v1 list stays the list of files, and gets the roots.
func (r *reader) v2Files() {
	t, info := r.t, r.info
	if v := info.Get("meta version"); !v.Exists() {
		r.add(MetaVersion, info.Offset(), "there is a file tree, but no meta version")
	} else if n, ok := v.Int(); !ok || n != 2 {
		r.add(MetaVersion, v.Offset(), "the meta version is %s; 2 is known", describe(v))
	}
	tree := info.Get("file tree")
	if tree.Kind() != bencode.Dict {
		r.add(BadFileTree, tree.Offset(), "the file tree is %s", describe(tree))
		return
	}
	if t.V1 && len(t.Files) > 0 {
		r.hybrid(tree)
	} else {
		r.walkTree(tree, nil, func(path []string, f File) {
			f.Path = append(r.room(len(path)), path...)
			t.Files = append(t.Files, f)
		})
		if len(t.Files) == 0 {
			r.add(NoFiles, tree.Offset(), "the file tree has no files")
		}
		t.Single = len(t.Files) == 1 && len(t.Files[0].Path) == 1 && t.Files[0].Path[0] == t.Name
	}
	r.layers()
}

// walkTree gives every file to visit, in order; the path is of use only until
// visit returns. It recurses no deeper than the parser lets dicts nest.
func (r *reader) walkTree(dir bencode.Value, path []string, visit func(path []string, f File)) {
	for k, node := range dir.Entries() {
		name := k.Text()
		if name == "" {
			r.add(BadFileTree, k.Offset(), "a file without a name in the file tree")
			continue
		}
		if node.Kind() != bencode.Dict {
			r.add(BadFileTree, node.Offset(), "an entry of the file tree is %v and not a dict", node.Kind())
			continue
		}
		leaf := node.Get("")
		if name == "." && !leaf.Exists() {
			r.add(OddComponent, k.Offset(), "a directory called ., which is left out")
			r.walkTree(node, path, visit)
			continue
		}
		r.component(UnsafePath, name, k.Offset())
		path := append(path, name)
		if !leaf.Exists() {
			r.walkTree(node, path, visit)
			continue
		}
		if node.Len() > 1 {
			r.add(BadFileTree, node.Offset(), "%s is a file and a directory in the file tree", quote(name))
		}
		if leaf.Kind() != bencode.Dict {
			r.add(BadFileTree, leaf.Offset(), "a file in the file tree is %v and not a dict", leaf.Kind())
			continue
		}
		r.unfinished(name, k.Offset())
		f := File{Path: path, at: uint32(k.Offset())}
		r.leaf(leaf, &f)
		visit(path, f)
	}
}

func (r *reader) leaf(leaf bencode.Value, f *File) {
	r.keys(leaf, "info.file tree[].", leafKeys)
	r.attributes(leaf, f)
	if f.Pad {
		r.add(BadFileTree, leaf.Offset(), "a pad file in the file tree")
	}
	r.fileLength(leaf, leaf.Get("length"), f)
	root := leaf.Get("pieces root")
	switch b := root.Bytes(); {
	case !root.Exists() && f.content() > 0:
		r.add(MissingPiecesRoot, leaf.Offset(), "the file %s has no pieces root", quotePath(f.Path))
	case !root.Exists():
	case f.content() == 0:
		r.add(NeedlessPiecesRoot, root.Offset(), "a file without content has a pieces root")
	case len(b) != 32:
		r.add(BadPiecesRoot, root.Offset(), "a pieces root has %d bytes and not 32", len(b))
	case bytes.Count(b, []byte{0}) == 32:
		r.add(BadPiecesRoot, root.Offset(), "a pieces root is all zeros")
	default:
		f.PiecesRoot = (*[32]byte)(b)
	}
}

// layers reads the piece layers: for every file of more than one piece, the
// hashes of its pieces. They stand outside the info dict, so a client that
// comes from a magnet link has none: absent is no error. One that does not make
// its pieces root is, and is not kept: what is kept is proven.
func (r *reader) layers() {
	v := r.root.Get("piece layers")
	if v.Exists() && v.Kind() != bencode.Dict {
		r.add(BadPieceLayers, v.Offset(), "piece layers is %v and not a dict", v.Kind())
		return
	}
	files, pieceLength := r.t.Files, r.t.PieceLength
	layers := make(map[[32]byte][]byte)
	proven := make(map[[32]byte]bool) // false: was found wrong
	for i := range files {
		if f := &files[i]; f.PiecesRoot != nil && f.Length > pieceLength {
			layers[*f.PiecesRoot] = nil
		}
	}
	for k, layer := range v.Entries() {
		key := k.Bytes()
		if len(key) != 32 {
			r.add(BadPieceLayers, k.Offset(), "a key of piece layers has %d bytes and not 32", len(key))
			continue
		}
		switch had, needed := layers[[32]byte(key)]; {
		case layer.Kind() != bencode.String:
			r.add(BadPieceLayers, layer.Offset(), "a piece layer is %v and not a string", layer.Kind())
		case len(layer.Bytes())%32 != 0:
			r.add(BadPieceLayers, layer.Offset(), "a piece layer has %d bytes, no multiple of 32", len(layer.Bytes()))
			proven[[32]byte(key)] = false
		case !needed && r.count[HybridMismatch] > 0: // its file may be among those that were not compared
		case !needed:
			r.add(NeedlessPieceLayer, k.Offset(), "a piece layer belongs to no file of several pieces")
		case had == nil:
			layers[[32]byte(key)] = layer.Bytes()
		}
	}
	if pieceLength < BlockLength {
		return // another finding has said so
	}
	for i := range files { // a root is proven once: files may be alike
		f := &files[i]
		if f.PiecesRoot == nil || f.Length <= pieceLength {
			continue
		}
		layer := layers[*f.PiecesRoot]
		want := (f.Length-1)/pieceLength + 1
		switch ok, known := proven[*f.PiecesRoot]; {
		case known && !ok: // was said
		case layer == nil:
			r.add(MissingPieceLayers, int(f.at), "the pieces of %s can't be checked one by one: its piece layer is absent", quotePath(f.Path))
		case int64(len(layer)/32) != want:
			r.add(BadPieceLayers, int(f.at), "the piece layer of %s has %d hashes; its length makes %d pieces", quotePath(f.Path), len(layer)/32, want)
		case known:
		case rootOf(layer, pieceLength) != *f.PiecesRoot:
			r.add(BadPieceLayers, int(f.at), "the piece layer of %s does not hash to its pieces root", quotePath(f.Path))
			proven[*f.PiecesRoot] = false
		default:
			proven[*f.PiecesRoot] = true
		}
	}
	for root := range layers {
		if !proven[root] {
			delete(layers, root)
		}
	}
	r.t.pieceLayers = layers
}

// rootOf is the pieces root over a piece layer.
func rootOf(layer []byte, pieceLength int64) [32]byte {
	var t HashTree
	t.Reset(PieceHeight(pieceLength))
	for h := range slices.Chunk(layer, 32) {
		t.Add((*[32]byte)(h))
	}
	return t.Root(0)
}

// hybrid checks that both halves speak of the same files, in the same order and
// each at the same piece, and gives the v1 files their roots. What comes after
// the first that differs is not compared.
func (r *reader) hybrid(tree bencode.Value) {
	h := halves{reader: r}
	r.walkTree(tree, nil, func(path []string, twin File) {
		if !h.mismatch {
			h.file(path, &twin)
		}
	})
	if !h.mismatch {
		h.end()
	}
}

// halves walks over the v1 half of a hybrid while the v2 half is read.
type halves struct {
	*reader
	i        int   // of the v1 files, the next
	at       int64 // where it begins in the stream of pieces
	v2       int64 // where the v2 half has come in it
	mismatch bool
}

func (h *halves) differ(at int, format string, args ...any) {
	h.mismatch = true
	h.add(HybridMismatch, at, format, args...)
}

// file compares a file of the v2 half with the next of the v1 half.
func (h *halves) file(path []string, twin *File) {
	h.pads()
	if h.i == len(h.t.Files) {
		h.differ(int(twin.at), "the v2 half has a file that the v1 half has not: %s", quotePath(path))
		return
	}
	f := &h.t.Files[h.i]
	switch {
	case !slices.Equal(f.Path, path):
		h.differ(int(f.at), "the halves have other files, or another order: %s in the v1 half, %s in the v2 half", quotePath(f.Path), quotePath(path))
		return
	case twin.IsLink() != f.IsLink() || !slices.Equal(twin.Symlink(), f.Symlink()):
		h.differ(int(f.at), "a file is a symlink in one half only, or leads elsewhere in the other: %s", quotePath(path))
		return
	case twin.content() != f.content():
		h.differ(int(f.at), "a file has %d bytes in the v1 half and %d in the v2 half: %s", f.content(), twin.content(), quotePath(path))
		return
	}
	h.i++
	f.PiecesRoot = twin.PiecesRoot
	if f.content() == 0 || h.t.PieceLength == 0 {
		return
	}
	if h.v2 = roundUp(h.v2, h.t.PieceLength); h.at != h.v2 {
		h.differ(int(f.at), "a file begins at byte %d in the v1 half and %d in the v2 half: %s", h.at, h.v2, quotePath(path))
		return
	}
	h.at = addSaturating(h.at, f.content())
	h.v2 = h.at
}

// pads goes past the pad files before the next file.
func (h *halves) pads() {
	first := h.i
	for ; h.i < len(h.t.Files) && h.t.Files[h.i].Pad; h.i++ {
		f := &h.t.Files[h.i]
		h.at = addSaturating(h.at, f.content())
		if h.i > first || f.content() == 0 {
			h.add(OddPadding, int(f.at), "padding that v2 does not ask for: some clients refuse such a hybrid")
		}
	}
}

// end checks what the v1 half has after the last file of the v2 half.
func (h *halves) end() {
	h.pads()
	switch {
	case h.i < len(h.t.Files):
		f := &h.t.Files[h.i]
		h.differ(int(f.at), "the v1 half has a file that the v2 half has not: %s", quotePath(f.Path))
	case h.at != h.v2 && h.at != roundUp(h.v2, max(h.t.PieceLength, 1)): // libtorrent pads the last file, others do not
		h.differ(h.info.Offset(), "the v1 half goes to byte %d, the v2 half to %d", h.at, h.v2)
	}
}
