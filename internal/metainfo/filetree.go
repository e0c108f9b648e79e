package metainfo

import (
	"bytes"
	"slices"

	"bt/internal/bencode"
)

// v2Files parses the file tree (BEP 52):
//
//	{"dir": {"file": {"": {"length": 5, "pieces root": 32 bytes}}}}
//
// In a hybrid the v1 list remains the list of files, and gets the pieces roots.
func (r *reader) v2Files() {
	t, info := r.t, r.info
	if v := info.Get("meta version"); !v.Exists() {
		r.add(CodeMetaVersion, info.Offset(), "there is a file tree, but no meta version")
	} else if n, ok := v.Int(); !ok || n != 2 {
		r.add(CodeMetaVersion, v.Offset(), "the meta version is %s; 2 is known", describe(v))
	}
	tree := info.Get("file tree")
	if tree.Kind() != bencode.KindDict {
		r.add(CodeBadFileTree, tree.Offset(), "the file tree is %s", describe(tree))
		return
	}
	if t.V1 && len(t.Files) > 0 {
		r.hybrid(tree)
	} else {
		// the name of a single file is the torrent's name, which was checked
		single := tree.Len() == 1 && tree.Get(t.Name).Get("").Exists()
		if single {
			r.unfinished(t.Name, tree.Offset())
		}
		t.Files = make([]File, 0, countFiles(tree))
		r.walkTree(tree, nil, nil, single, func(_ []string, f *File) { t.Files = append(t.Files, *f) })
		if len(t.Files) == 0 {
			r.add(CodeNoFiles, tree.Offset(), "the file tree has no files")
		}
		t.Single = len(t.Files) == 1 && t.Files[0].dir == nil && t.Files[0].base() == t.Name
	}
	r.layers()
}

// countFiles returns about the number of files that walkTree visits, and no less.
func countFiles(dir bencode.Value) int {
	n := 0
	for k, node := range dir.Entries() {
		switch {
		case len(k.Bytes()) == 0:
		case !node.Get("").Exists():
			n += countFiles(node)
		case len(node.Raw()) >= len("d0:d6:lengthi0eee") || n < maxBroken:
			n++
		}
	}
	return n
}

// walkTree calls visit for every file, in order. The path is only valid until visit
// returns. checked reports that the names have been checked already. It recurses no
// deeper than the parser lets dicts nest.
func (r *reader) walkTree(in bencode.Value, dir *directory, path []string, checked bool, visit func(path []string, f *File)) {
	for k, node := range in.Entries() {
		name := k.Text()
		if name == "" {
			r.add(CodeBadFileTree, k.Offset(), "a file without a name in the file tree")
			continue
		}
		if node.Kind() != bencode.KindDict {
			r.add(CodeBadFileTree, node.Offset(), "an entry of the file tree is %v and not a dict", node.Kind())
			continue
		}
		leaf := node.Get("")
		if name == "." && !leaf.Exists() {
			r.add(CodeOddComponent, k.Offset(), "a directory called ., which is left out")
			r.walkTree(node, dir, path, checked, visit)
			continue
		}
		if !checked {
			r.component(CodeUnsafePath, name, k.Offset())
		}
		path := append(path, name)
		if !leaf.Exists() {
			r.walkTree(node, &directory{dir, name}, path, checked, visit)
			continue
		}
		if node.Len() > 1 {
			r.add(CodeBadFileTree, node.Offset(), "%s is a file and a directory in the file tree", quote(name))
		}
		if leaf.Kind() != bencode.KindDict {
			r.add(CodeBadFileTree, leaf.Offset(), "a file in the file tree is %v and not a dict", leaf.Kind())
			continue
		}
		if !checked {
			r.unfinished(name, k.Offset())
		}
		f := File{names: rawNames(k.Raw()), dir: dir, at: uint32(k.Offset())}
		r.leaf(leaf, &f, path)
		if r.count[CodeBadLength] <= maxBroken || leaf.Get("length").Exists() {
			visit(path, &f)
		}
	}
}

func (r *reader) leaf(leaf bencode.Value, f *File, path []string) {
	r.keys(leaf, "info.file tree[].", leafKeys)
	r.attributes(leaf, f)
	if f.Pad {
		r.add(CodeBadFileTree, leaf.Offset(), "a pad file in the file tree")
	}
	r.fileLength(leaf, leaf.Get("length"), f)
	root := leaf.Get("pieces root")
	switch b := root.Bytes(); {
	case !root.Exists() && f.content() > 0:
		r.add(CodeMissingPiecesRoot, leaf.Offset(), "the file %s has no pieces root", quotePath(path))
	case !root.Exists():
	case f.content() == 0:
		r.add(CodeNeedlessPiecesRoot, root.Offset(), "a file without content has a pieces root")
	case len(b) != 32:
		r.add(CodeBadPiecesRoot, root.Offset(), "a pieces root has %d bytes and not 32", len(b))
	case bytes.Count(b, []byte{0}) == 32:
		r.add(CodeBadPiecesRoot, root.Offset(), "a pieces root is all zeros")
	default:
		f.PiecesRoot = (*[32]byte)(b)
	}
}

// layers parses the piece layers: the hashes of the pieces of every file of more than
// one piece. They are outside the info dict, so a client that got the info dict from a
// peer has none: their absence is not an error. A layer that does not match its pieces
// root is an error, and is dropped, so that the stored ones are proven.
func (r *reader) layers() {
	v := r.root.Get("piece layers")
	if v.Exists() && v.Kind() != bencode.KindDict {
		r.add(CodeBadPieceLayers, v.Offset(), "piece layers is %v and not a dict", v.Kind())
		return
	}
	files, pieceLength := r.t.Files, r.t.PieceLength
	needs := func(f *File) bool { return f.PiecesRoot != nil && f.Length > pieceLength }
	needed := 0
	for i := range files {
		if needs(&files[i]) {
			needed++
		}
	}
	layers := make(map[[32]byte]pieceLayer, needed)
	for i := range files {
		if f := &files[i]; needs(f) {
			layers[*f.PiecesRoot] = pieceLayer{}
		}
	}
	for k, v := range v.Entries() {
		key := k.Bytes()
		if len(key) != 32 {
			r.add(CodeBadPieceLayers, k.Offset(), "a key of piece layers has %d bytes and not 32", len(key))
			continue
		}
		switch had, needed := layers[[32]byte(key)]; {
		case v.Kind() != bencode.KindString:
			r.add(CodeBadPieceLayers, v.Offset(), "a piece layer is %v and not a string", v.Kind())
		case len(v.Bytes())%32 != 0:
			r.add(CodeBadPieceLayers, v.Offset(), "a piece layer has %d bytes, no multiple of 32", len(v.Bytes()))
			if needed {
				layers[[32]byte(key)] = pieceLayer{state: layerWrong}
			}
		case !needed && r.count[CodeHybridMismatch] > 0: // the layer may be of a file that was not compared
		case !needed:
			r.add(CodeNeedlessPieceLayer, k.Offset(), "a piece layer belongs to no file of several pieces")
		case had.state == layerAbsent:
			end := v.Offset() + len(v.Raw())
			layers[[32]byte(key)] = pieceLayer{uint32(end - len(v.Bytes())), uint32(end), layerFound}
		}
	}
	if pieceLength < BlockLength {
		return // there is a finding about that already
	}
	for i := range files { // each root is checked once, as several files may have it
		f := &files[i]
		if !needs(f) {
			continue
		}
		l := layers[*f.PiecesRoot]
		hashes := l.hashes(r.t.raw)
		want := (f.Length-1)/pieceLength + 1
		switch {
		case l.state == layerWrong: // reported before
		case l.state == layerAbsent:
			r.add(CodeMissingPieceLayers, int(f.at), "the pieces of %s can't be checked one by one: its piece layer is absent", quotePath(f.Path()))
		case int64(len(hashes)/32) != want:
			r.add(CodeBadPieceLayers, int(f.at), "the piece layer of %s has %d hashes; its length makes %d pieces", quotePath(f.Path()), len(hashes)/32, want)
		case l.state == layerProven:
		case rootOf(hashes, pieceLength) != *f.PiecesRoot:
			r.add(CodeBadPieceLayers, int(f.at), "the piece layer of %s does not hash to its pieces root", quotePath(f.Path()))
			l.state = layerWrong
			layers[*f.PiecesRoot] = l
		default:
			l.state = layerProven
			layers[*f.PiecesRoot] = l
		}
	}
	for root, l := range layers {
		if l.state != layerProven {
			delete(layers, root)
		}
	}
	r.t.pieceLayers = layers
}

// A pieceLayer is the place in the torrent of the hashes of a file's pieces.
type pieceLayer struct {
	start, end uint32
	state      uint8
}

// The states of a pieceLayer.
const (
	layerAbsent uint8 = iota
	layerFound
	layerWrong
	layerProven
)

// hashes returns the bytes of a layer, or nil if it is absent.
func (l pieceLayer) hashes(torrent []byte) []byte {
	if l.state == layerAbsent {
		return nil
	}
	return torrent[l.start:l.end:l.end]
}

// rootOf returns the pieces root of a piece layer.
func rootOf(layer []byte, pieceLength int64) [32]byte {
	var t HashTree
	t.Reset(PieceHeight(pieceLength))
	for h := range slices.Chunk(layer, 32) {
		t.Add((*[32]byte)(h))
	}
	return t.Root(0)
}

// hybrid checks that the v1 list and the file tree have the same files, in the same
// order and at the same pieces, and sets the pieces roots of the v1 files. It stops at
// the first difference.
func (r *reader) hybrid(tree bencode.Value) {
	h := halves{reader: r}
	r.walkTree(tree, nil, nil, true, func(path []string, twin *File) {
		if !h.mismatch {
			h.file(path, twin)
		}
	})
	if !h.mismatch {
		h.end()
	}
}

// halves iterates over the v1 list of a hybrid while the file tree is parsed.
type halves struct {
	*reader
	path     []string // of the next v1 file
	i        int      // index of the next v1 file
	at       int64    // offset of that file in the stream of pieces
	v2       int64    // offset in the stream that the v2 files have reached
	mismatch bool
}

func (h *halves) differ(at int, format string, args ...any) {
	h.mismatch = true
	h.add(CodeHybridMismatch, at, format, args...)
}

// file compares a v2 file with the next v1 file.
func (h *halves) file(path []string, twin *File) {
	h.pads()
	if h.i == len(h.t.Files) {
		h.differ(int(twin.at), "the v2 half has a file that the v1 half has not: %s", quotePath(path))
		return
	}
	f := &h.t.Files[h.i]
	h.path = f.AppendPath(h.path[:0])
	switch {
	case !slices.Equal(h.path, path):
		h.differ(int(f.at), "the halves have other files, or another order: %s in the v1 half, %s in the v2 half", quotePath(h.path), quotePath(path))
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

// pads skips the pad files before the next v1 file.
func (h *halves) pads() {
	first := h.i
	for ; h.i < len(h.t.Files) && h.t.Files[h.i].Pad; h.i++ {
		f := &h.t.Files[h.i]
		h.at = addSaturating(h.at, f.content())
		if h.i > first || f.content() == 0 {
			h.add(CodeOddPadding, int(f.at), "padding that v2 does not ask for: some clients refuse such a hybrid")
		}
	}
}

// end checks the v1 files after the last v2 file.
func (h *halves) end() {
	h.pads()
	switch {
	case h.i < len(h.t.Files):
		f := &h.t.Files[h.i]
		h.differ(int(f.at), "the v1 half has a file that the v2 half has not: %s", quotePath(f.Path()))
	case h.at != h.v2 && h.at != roundUp(h.v2, max(h.t.PieceLength, 1)): // libtorrent adds padding after the last file, others don't
		h.differ(h.info.Offset(), "the v1 half goes to byte %d, the v2 half to %d", h.at, h.v2)
	}
}
