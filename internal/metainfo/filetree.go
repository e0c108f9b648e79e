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
	var files []File
	r.walkTree(tree, nil, &files)
	if len(files) == 0 {
		r.add(NoFiles, tree.Offset(), "the file tree has no files")
	}
	r.layers(files)
	single := len(files) == 1 && len(files[0].Path) == 1 && files[0].Path[0] == t.Name
	if t.V1 && len(t.Files) > 0 {
		r.hybrid(files, single)
		return
	}
	t.Files, t.Single = files, single
}

// walkTree recurses no deeper than the parser lets dicts nest.
func (r *reader) walkTree(dir bencode.Value, path []string, files *[]File) {
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
		r.component(UnsafePath, name, k.Offset())
		leaf := node.Get("")
		if !leaf.Exists() {
			r.walkTree(node, append(path, name), files)
			continue
		}
		if node.Len() > 1 {
			r.add(BadFileTree, node.Offset(), "%s is a file and a directory in the file tree", quote(name))
		}
		if leaf.Kind() != bencode.Dict {
			r.add(BadFileTree, leaf.Offset(), "a file in the file tree is %v and not a dict", leaf.Kind())
			continue
		}
		f := File{Path: append(append(r.room(len(path)+1), path...), name), at: uint32(k.Offset())}
		r.leaf(leaf, &f)
		*files = append(*files, f)
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
func (r *reader) layers(files []File) {
	v := r.root.Get("piece layers")
	if v.Exists() && v.Kind() != bencode.Dict {
		r.add(BadPieceLayers, v.Offset(), "piece layers is %v and not a dict", v.Kind())
		return
	}
	pieceLength := r.t.PieceLength
	layers := make(map[[32]byte][]byte)
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
		case !needed:
			r.add(NeedlessPieceLayer, k.Offset(), "a piece layer belongs to no file of several pieces")
		case had == nil:
			layers[[32]byte(key)] = layer.Bytes()
		}
	}
	if pieceLength < BlockLength {
		return // another finding has said so
	}
	proven := make(map[[32]byte]bool) // once a root: files may be alike
	for i := range files {
		f := &files[i]
		if f.PiecesRoot == nil || f.Length <= pieceLength {
			continue
		}
		layer := layers[*f.PiecesRoot]
		want := (f.Length-1)/pieceLength + 1
		switch ok, known := proven[*f.PiecesRoot]; {
		case known && !ok: // was said
		case len(layer) == 0:
			r.add(MissingPieceLayers, int(f.at), "the pieces of %s can't be checked one by one: its piece layer is absent", quotePath(f.Path))
		case int64(len(layer)/32) != want:
			r.add(BadPieceLayers, int(f.at), "the piece layer of %s has %d hashes; its length makes %d pieces", quotePath(f.Path), len(layer)/32, want)
		case known:
		case rootOf(layer, pieceLength) != *f.PiecesRoot:
			r.add(BadPieceLayers, int(f.at), "the piece layer of %s does not hash to its pieces root", quotePath(f.Path))
			proven[*f.PiecesRoot], layers[*f.PiecesRoot] = false, nil
		default:
			proven[*f.PiecesRoot] = true
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
// each at the same piece, and gives the v1 files their roots.
func (r *reader) hybrid(tree []File, single bool) {
	t := r.t
	if single != t.Single {
		r.add(HybridMismatch, r.info.Offset(), "one half of the hybrid is a single file, the other a directory")
	}
	next := 0
	var at, v2 int64 // where the v1 half is in the stream of pieces, and the v2 half
	for i := range t.Files {
		f := &t.Files[i]
		start := at
		at = addSaturating(at, f.content())
		if f.Pad {
			continue
		}
		if next == len(tree) || !slices.Equal(tree[next].Path, f.Path) {
			other := "none"
			if next < len(tree) {
				other = quotePath(tree[next].Path)
			}
			r.add(HybridMismatch, int(f.at), "the halves list other files, or in another order: the v1 half %s, the v2 half %s", quotePath(f.Path), other)
			return
		}
		twin := &tree[next]
		next++
		if twin.content() != f.content() || twin.IsLink() != f.IsLink() {
			r.add(HybridMismatch, int(f.at), "a file has %d bytes in the v1 half and %d in the v2 half: %s", f.Length, twin.Length, quotePath(f.Path))
			return
		}
		f.PiecesRoot = twin.PiecesRoot
		if f.content() == 0 || t.PieceLength == 0 {
			continue
		}
		if v2 = roundUp(v2, t.PieceLength); start != v2 {
			r.add(HybridMismatch, int(f.at), "a file begins at byte %d in the v1 half and %d in the v2 half: %s", start, v2, quotePath(f.Path))
			return
		}
		v2 = at
	}
	switch {
	case next < len(tree):
		r.add(HybridMismatch, r.info.Offset(), "the v2 half has %d files, the v1 half %d", len(tree), next)
	case at != v2 && at != roundUp(v2, max(t.PieceLength, 1)): // libtorrent pads the last file, others do not
		r.add(HybridMismatch, r.info.Offset(), "the v1 half goes to byte %d, the v2 half to %d", at, v2)
	}
}
