package metainfo

import (
	"bytes"

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
		t.Single = len(t.Files) == 1 && t.Files[0].group.isRoot() && t.Files[0].Base() == t.Name
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
func (r *reader) walkTree(in bencode.Value, dir *group, path []string, checked bool, visit func(path []string, f *File)) {
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
			r.walkTree(node, &group{parent: dir, name: name}, path, checked, visit)
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
		f := File{names: rawNames(k.Raw()), group: dir, at: uint32(k.Offset())}
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
