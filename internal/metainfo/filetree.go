package metainfo

import (
	"bytes"
	"slices"
	"strings"

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
	case !root.Exists() && f.Length > 0:
		r.add(MissingPiecesRoot, leaf.Offset(), "the file %s has no pieces root", quotePath(f.Path))
	case !root.Exists():
	case f.Length == 0:
		r.add(NeedlessPiecesRoot, root.Offset(), "an empty file has a pieces root")
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
// comes from a magnet link has none: absent is no error, wrong is.
func (r *reader) layers(files []File) {
	v := r.root.Get("piece layers")
	if v.Exists() && v.Kind() != bencode.Dict {
		r.add(BadPieceLayers, v.Offset(), "piece layers is %v and not a dict", v.Kind())
		return
	}
	r.t.pieceLayers = make(map[string][]byte)
	for k, layer := range v.Entries() {
		switch {
		case len(k.Bytes()) != 32:
			r.add(BadPieceLayers, k.Offset(), "a key of piece layers has %d bytes and not 32", len(k.Bytes()))
		case layer.Kind() != bencode.String:
			r.add(BadPieceLayers, layer.Offset(), "a piece layer is %v and not a string", layer.Kind())
		case len(layer.Bytes())%32 != 0:
			r.add(BadPieceLayers, layer.Offset(), "a piece layer has %d bytes, no multiple of 32", len(layer.Bytes()))
		default:
			r.t.pieceLayers[k.Text()] = layer.Bytes()
		}
	}
	pieceLength := r.t.PieceLength
	if pieceLength == 0 {
		return
	}
	for i := range files {
		f := &files[i]
		if f.PiecesRoot == nil || f.Length <= pieceLength {
			continue
		}
		layer, ok := r.t.pieceLayers[string(f.PiecesRoot[:])]
		want := (f.Length-1)/pieceLength + 1
		switch {
		case !ok:
			r.add(MissingPieceLayers, int(f.at), "the pieces of %s can't be checked one by one: its piece layer is absent", quotePath(f.Path))
		case int64(len(layer)/32) != want:
			r.add(BadPieceLayers, int(f.at), "the piece layer of %s has %d hashes; its length makes %d pieces", quotePath(f.Path), len(layer)/32, want)
		}
	}
}

// hybrid checks that both halves speak of the same files, each v1 file at the
// start of a piece, and gives the v1 files their roots.
func (r *reader) hybrid(tree []File, single bool) {
	t := r.t
	if single != t.Single {
		r.add(HybridMismatch, r.info.Offset(), "one half of the hybrid is a single file, the other a directory")
	}
	byPath := make(map[string]*File)
	inOrder := 0
	seen := 0
	var offset int64
	for i := range t.Files {
		f := &t.Files[i]
		at := offset
		offset = addSaturating(offset, f.Length)
		if f.Pad {
			continue
		}
		seen++
		var twin *File
		if inOrder < len(tree) && slices.Equal(tree[inOrder].Path, f.Path) {
			twin = &tree[inOrder]
			inOrder++
		} else {
			// Both lists are in one order nearly always; the map is for the rest.
			if len(byPath) == 0 {
				for j := range tree {
					byPath[strings.Join(tree[j].Path, "\x00")] = &tree[j]
				}
			}
			twin = byPath[strings.Join(f.Path, "\x00")]
			inOrder = len(tree)
		}
		switch {
		case twin == nil:
			r.add(HybridMismatch, int(f.at), "the v1 half has a file that the v2 half has not: %s", quotePath(f.Path))
		case twin.Length != f.Length:
			r.add(HybridMismatch, int(f.at), "a file has %d bytes in the v1 half and %d in the v2 half: %s", f.Length, twin.Length, quotePath(f.Path))
		case f.Length > 0 && t.PieceLength > 0 && at%t.PieceLength != 0:
			r.add(HybridMismatch, int(f.at), "a file of the hybrid does not begin at a piece: %s", quotePath(f.Path))
		default:
			f.PiecesRoot = twin.PiecesRoot
		}
	}
	if seen < len(tree) {
		r.add(HybridMismatch, r.info.Offset(), "the v2 half has %d files, the v1 half %d", len(tree), seen)
	}
}
