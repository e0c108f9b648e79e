package metainfo

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"bt/internal/bencode"
)

// A File is one entry of a torrent's list of files. It does not store its path, but
// reads it from the torrent on demand. This bounds the memory for a torrent with
// millions of files by the size of the torrent.
type File struct {
	Length     int64     // bytes; ignored for a symlink
	PiecesRoot *[32]byte // v2; nil for empty files
	group      *group    // nil for nearly all files of v1; shared, must not be modified
	names      names     // below the directory of the group
	at         uint32    // offset of the entry in the torrent
	Pad        bool      // a pad file, by attr or by BitComet's names
	odd        bool      // parts of the path are not in names: see OtherPaths
}

// A group is the files of a directory in the file tree (v2), or of all directories (v1),
// that have the same attributes. A file does not store these itself, because there may be
// millions of files.
type group struct {
	parent     *group      // the directory above; nil for the root
	name       string      // of the directory; "" for the root, and in v1
	attributes *attributes // nil for nearly all files
}

func (g *group) isRoot() bool { return g == nil || g.name == "" }

func (g *group) appendPath(dst []string) []string {
	if g.isRoot() {
		return dst
	}
	return append(g.parent.appendPath(dst), g.name)
}

// Path returns the path below the torrent's name, or for a single file its name.
func (f *File) Path() []string { return f.AppendPath(nil) }

// AppendPath appends the path to dst, so that a loop over all files need not allocate
// memory for each.
func (f *File) AppendPath(dst []string) []string {
	return f.names.appendTo(f.group.appendPath(dst))
}

// HasPath reports whether the file has a path.
func (f *File) HasPath() bool { return f.names != "" }

// SamePath reports whether two files, of any torrents, have the same path.
func (f *File) SamePath(other *File) bool {
	if f.group.isRoot() && other.group.isRoot() && f.names == other.names { // nearly always, if they are the same
		return true
	}
	var a, b [32]string // on the stack, for all but the deepest
	return slices.Equal(f.AppendPath(a[:0]), other.AppendPath(b[:0]))
}

// Base returns the last component of the path, or "" if there is none.
func (f *File) Base() string {
	last := ""
	for rest := f.names; rest != ""; {
		last, rest = rest.next()
	}
	return last
}

// names is a list of path components in bencode, such as "1:d5:a.txt".
type names string

// next returns the first component and the rest.
func (n names) next() (component string, rest names) {
	length, i := 0, 0
	for ; n[i] != ':'; i++ {
		length = length*10 + int(n[i]-'0')
	}
	end := i + 1 + length
	return string(n[i+1 : end]), n[end:]
}

func (n names) appendTo(dst []string) []string {
	for n != "" {
		var c string
		c, n = n.next()
		dst = append(dst, c)
	}
	return dst
}

// namesOf returns a path as names.
func namesOf(path []string) names {
	var b strings.Builder
	for _, c := range path {
		b.WriteString(strconv.Itoa(len(c)))
		b.WriteByte(':')
		b.WriteString(c)
	}
	return names(b.String())
}

// rawNames returns bytes of a torrent as names, without copying them.
func rawNames(raw []byte) names {
	return names(unsafe.String(unsafe.SliceData(raw), len(raw)))
}

// attributes are the file attributes of BEP 47.
type attributes struct {
	attr   string // l symlink, x executable, h hidden, p pad
	target names  // of a symlink
}

func (f *File) attributes() attributes {
	if f.group == nil || f.group.attributes == nil {
		return attributes{}
	}
	return *f.group.attributes
}

// Attr returns the attributes (BEP 47), "" for nearly all files.
func (f *File) Attr() string { return f.attributes().attr }

// Symlink returns the target of a symlink, relative to the torrent's root (BEP 47).
func (f *File) Symlink() []string { return f.attributes().target.appendTo(nil) }

// IsLink reports whether the file is a symlink, which has no content.
func (f *File) IsLink() bool { return strings.Contains(f.Attr(), "l") }

// LinkTarget returns the target of a symlink as the link on disk has it: relative to the
// directory of the link.
func (f *File) LinkTarget() string {
	up := slices.Repeat([]string{".."}, len(f.Path())-1)
	return filepath.Join(append(up, f.Symlink()...)...)
}

// IsExecutable reports whether the file is a program (BEP 47).
func (f *File) IsExecutable() bool { return strings.Contains(f.Attr(), "x") }

// content is the number of bytes of the file in the stream of pieces.
func (f *File) content() int64 {
	if f.IsLink() {
		return 0
	}
	return f.Length
}

// maxComponents is the maximum number of components of a path, more than any system
// allows.
const maxComponents = 4096

// maxBroken is the maximum number of files without a valid path or length that are
// listed. A torrent with one can't be used; further ones are only counted.
const maxBroken = 1000

// filePath parses the path of a v1 file, from path.utf-8 if that is valid. It sets
// f.odd if it leaves out something, for OtherPaths.
func (r *reader) filePath(f *File, entry, path, pathUTF8 bencode.Value) {
	if !pathUTF8.Exists() && isPlainPath(path) { // the usual case
		raw := path.Raw()
		f.names = rawNames(raw[1 : len(raw)-1])
		return
	}
	chosen, other, ok := choosePath(path, pathUTF8)
	if other != nil {
		r.add(CodeOtherName, entry.Offset(), "a file has another name in path than in path.utf-8: %s and %s", quotePath(other), quotePath(chosen))
	}
	cleaned := chosen
	if slices.ContainsFunc(chosen, isOdd) {
		r.add(CodeOddComponent, entry.Offset(), "a path with an empty name or ., which is left out: %s", quotePath(chosen))
		cleaned = slices.DeleteFunc(slices.Clone(chosen), isOdd)
	}
	if !ok || len(cleaned) == 0 {
		r.add(CodeBadPath, entry.Offset(), "a file's path is missing, empty or no list of names")
	}
	if f.names, ok = middle(path, cleaned); !ok {
		f.names = namesOf(cleaned)
	}
	f.odd = other != nil || len(cleaned) < len(chosen)
}

// middle returns path as names that share the bytes of v. It returns false if path is
// not a contiguous part of the list v.
func middle(v bencode.Value, path []string) (names, bool) {
	n, from, to := 0, 0, 0
	for c := range v.Items() {
		if n < len(path) && c.Text() == path[n] && (n == 0 || c.Offset()-v.Offset() == to) {
			at := c.Offset() - v.Offset()
			if n == 0 {
				from = at
			}
			n, to = n+1, at+len(c.Raw())
		}
	}
	return rawNames(v.Raw()[from:to]), n > 0 && n == len(path)
}

// isPlainPath reports whether v is a list of names that needs no cleaning.
func isPlainPath(v bencode.Value) bool {
	n := 0
	for c := range v.Items() {
		if n++; n > maxComponents || c.Kind() != bencode.KindString || isOdd(c.Text()) {
			return false
		}
	}
	return n > 0
}

// choosePath returns the path to use and, if it differs, the path of the other key. ok
// is false if the first is not a list of names.
func choosePath(path, pathUTF8 bencode.Value) (chosen, other []string, ok bool) {
	chosen, ok = components(pathUTF8)
	other, otherOK := components(path)
	if !ok || len(chosen) == 0 {
		return other, nil, otherOK
	}
	if slices.Equal(other, chosen) {
		other = nil
	}
	return chosen, other, ok
}

// isOdd reports whether a component is left out of paths.
func isOdd(c string) bool { return c == "" || c == "." }

// components parses a list of names. It returns false if v is not a list of names, or
// has too many.
func components(v bencode.Value) ([]string, bool) {
	if v.Kind() != bencode.KindList {
		return nil, false
	}
	var path []string
	ok := true
	for c := range v.Items() {
		switch {
		case c.Kind() != bencode.KindString:
			ok = false
		case len(path) == maxComponents:
			return nil, false
		default:
			path = append(path, c.Text())
		}
	}
	return path, ok
}

// asFound parses the path of a file again, including the parts that its names leave
// out.
func (t *Torrent) asFound(f *File) (chosen, other []string) {
	doc, err := bencode.Parse(t.raw[f.at:])
	if err != nil {
		panic(err) // it was parsed before
	}
	chosen, other, _ = choosePath(doc.Root().Get("path"), doc.Root().Get("path.utf-8"))
	return chosen, other
}

// IsPadName reports whether a name is that of a pad file of BitComet, which had pad
// files before BEP 47 defined the attribute for them.
func IsPadName(name string) bool {
	number, ok := strings.CutPrefix(name, "_____padding_file_")
	number, _, ok2 := strings.Cut(number, "_if you see this file")
	return ok && ok2 && number != "" && strings.Trim(number, "0123456789") == ""
}

// attributes parses the attributes of a file (BEP 47).
func (r *reader) attributes(entry bencode.Value, f *File) {
	attr := r.text(entry, "attr")
	if attr == "" {
		return
	}
	f.Pad = strings.Contains(attr, "p")
	if strings.Contains(attr, "l") {
		f.group = f.group.with(&attributes{attr, r.symlink(entry)})
		return
	}
	key := groupKey{f.group, attr}
	if r.groups[key] == nil {
		if len(r.groups) == 100 {
			clear(r.groups)
		}
		r.groups[key] = f.group.with(&attributes{attr: attr})
	}
	f.group = r.groups[key]
}

// A groupKey is a directory, nil for the root and in v1, and the attributes of files in it.
type groupKey struct {
	dir  *group
	attr string
}

// with returns the group of the files with attributes in the directory g.
func (g *group) with(a *attributes) *group {
	if g.isRoot() {
		return &group{attributes: a}
	}
	return &group{g.parent, g.name, a}
}

// symlink parses the target of a symlink. This program does not follow it, but a client
// that creates the link must not be led outside of the torrent's directory.
func (r *reader) symlink(entry bencode.Value) names {
	v := entry.Get("symlink path")
	path, ok := components(v)
	if !ok || len(path) == 0 {
		r.add(CodeBadSymlink, max(v.Offset(), entry.Offset()), "the target of a symlink is missing, empty or no list of names")
		return ""
	}
	for _, c := range path {
		if err := CheckComponent(c); err != nil {
			r.add(CodeBadSymlink, v.Offset(), "the target of a symlink has a name that %v: %s", err, quote(c))
		}
	}
	return rawNames(v.Raw()[1 : len(v.Raw())-1])
}
