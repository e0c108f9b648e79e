package metainfo

import "bt/internal/bencode"

// v1Files parses the pieces, and the length of the one file or the list of files (BEP 3):
//
//	"files": [{"length": 5, "path": ["dir", "file"]}]
func (r *reader) v1Files() {
	t, info := r.t, r.info
	switch v := info.Get("pieces"); {
	case !v.Exists():
		r.add(CodeMissingPieces, info.Offset(), "the torrent has no pieces")
	case v.Kind() != bencode.KindString:
		r.add(CodeBadPieces, v.Offset(), "pieces is %v and not a string of hashes", v.Kind())
	case len(v.Bytes())%20 != 0:
		r.add(CodeBadPieces, v.Offset(), "pieces has %d bytes, no multiple of 20", len(v.Bytes()))
	default:
		t.Pieces = v.Bytes()
	}
	length, files := info.Get("length"), info.Get("files")
	switch {
	case files.Exists() && files.Kind() != bencode.KindList:
		r.add(CodeBadFiles, files.Offset(), "files is %v and not a list", files.Kind())
	case files.Exists():
		if n, ok := length.Int(); ok && n == 0 { // some programs write it
			r.add(CodeNeedlessLength, length.Offset(), "the torrent has a length of 0 and a list of files; nearly all clients take the files")
		} else if length.Exists() {
			r.add(CodeLengthAndFiles, length.Offset(), "the torrent has a length of its own and a list of files")
		}
		r.v1List(files)
	case length.Exists():
		t.Single = true
		if n, ok := r.length(length); ok {
			f := File{Length: n, at: uint32(length.Offset())}
			if attr := r.text(info, "attr"); attr != "" {
				f.group = f.group.with(&attributes{attr: attr})
			}
			if t.Name != "" {
				f.names = r.nameRaw
				r.unfinished(t.Name, int(f.at))
			}
			t.Files = []File{f}
		}
	default:
		r.add(CodeMissingLength, info.Offset(), "the torrent has neither a length nor a list of files")
	}
}

// length parses the length of a file.
func (r *reader) length(v bencode.Value) (int64, bool) {
	n, ok := v.Int()
	if !ok || n < 0 {
		r.add(CodeBadLength, v.Offset(), "the length of a file is %s", describe(v))
		return 0, false
	}
	return n, true
}

// v1List parses the list of files. It leaves out entries without a path or a length if
// there are more than maxBroken.
func (r *reader) v1List(list bencode.Value) {
	t := r.t
	// A lower bound of the bytes of an entry that has a path and a length.
	t.Files = make([]File, 0, min(list.Len(), len(list.Raw())/len("d6:lengthi0e4:pathl1:aee")+maxBroken))
	for entry := range list.Items() {
		if entry.Kind() != bencode.KindDict {
			r.add(CodeBadFiles, entry.Offset(), "an entry of files is %v and not a dict", entry.Kind())
			continue
		}
		f := File{at: uint32(entry.Offset())}
		complete := r.v1File(entry, &f)
		if complete || r.count[CodeBadPath]+r.count[CodeBadLength] <= maxBroken {
			t.Files = append(t.Files, f)
		}
	}
	if len(t.Files) == 0 {
		r.add(CodeNoFiles, list.Offset(), "the list of files is empty")
	}
}

// v1File parses an entry of the list of files. It returns false if the entry has no
// path or no length.
func (r *reader) v1File(entry bencode.Value, f *File) (complete bool) {
	keys := keysOf(entry)
	r.filePath(f, entry, keys.path, keys.pathUTF8)
	if keys.others {
		r.attributes(entry, f)
		r.keys(entry, "info.files[].", fileKeys)
	}
	r.fileLength(entry, keys.length, f)
	base := f.Base()
	f.Pad = f.Pad || IsPadName(base)
	if !f.Pad && base != "" {
		r.current = f.AppendPath(r.current[:0])
		for _, c := range r.current {
			r.component(CodeUnsafePath, c, entry.Offset())
		}
		r.unfinished(base, entry.Offset())
	}
	return f.HasPath() && keys.length.Exists()
}

// v1Keys are the values of an entry of the list of files.
type v1Keys struct {
	length, path, pathUTF8 bencode.Value
	others                 bool // the entry has other keys too
}

// keysOf returns the values of an entry. One loop is faster than a Get for each key, for
// millions of entries.
func keysOf(entry bencode.Value) v1Keys {
	var keys v1Keys
	for k, v := range entry.Entries() {
		switch string(k.Bytes()) {
		case "length":
			keys.length = first(keys.length, v)
		case "path":
			keys.path = first(keys.path, v)
		case "path.utf-8":
			keys.pathUTF8 = first(keys.pathUTF8, v)
		default:
			keys.others = true
		}
	}
	return keys
}

func first(a, b bencode.Value) bencode.Value {
	if a.Exists() {
		return a
	}
	return b
}

// fileLength parses the length of a file. A symlink needs none, and its length is
// ignored, as it has no content (BEP 47).
func (r *reader) fileLength(entry, v bencode.Value, f *File) {
	switch {
	case !v.Exists() && f.IsLink():
	case !v.Exists():
		r.add(CodeBadLength, entry.Offset(), "a file has no length")
	default:
		f.Length, _ = r.length(v)
		if f.IsLink() && f.Length > 0 {
			r.add(CodeSymlinkLength, v.Offset(), "a symlink has a length, which does not count")
		}
	}
}
