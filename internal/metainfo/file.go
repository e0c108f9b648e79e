package metainfo

import (
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"bt/internal/bencode"
)

// A File is one entry of a torrent's list of files. Its path is not kept as a
// list but read out of the torrent when it is asked for: a torrent may have
// millions of files, and its memory is bounded by its size.
type File struct {
	Length     int64       // bytes; of a symlink it counts for nothing
	PiecesRoot *[32]byte   // v2; nil for empty files
	Special    *Attributes // nil for nearly all files; not to be changed
	names      names       // below dir
	dir        *directory  // of the file tree; nil in v1
	at         uint32      // offset of the entry in the torrent
	Pad        bool        // by attr, or by BitComet's names: zeros that are no file
	odd        bool        // the torrent has more of its path than names: see OtherPaths
}

// A directory of the file tree of a v2 torrent, shared by what is in it.
type directory struct {
	parent *directory // nil in the torrent's root
	name   string
}

func (d *directory) appendPath(dst []string) []string {
	if d == nil {
		return dst
	}
	return append(d.parent.appendPath(dst), d.name)
}

// Path returns the path below the torrent's name; of a single file its name
// alone.
func (f *File) Path() []string { return f.AppendPath(nil) }

// AppendPath appends the path to dst, so that a loop over all files needs no
// memory for each.
func (f *File) AppendPath(dst []string) []string {
	return f.names.appendTo(f.dir.appendPath(dst))
}

// HasPath reports whether the file has a path.
func (f *File) HasPath() bool { return f.names != "" }

// base is the last component of the path; "" if there is none.
func (f *File) base() string {
	last := ""
	for rest := f.names; rest != ""; {
		last, rest = rest.next()
	}
	return last
}

// names are components of a path as bencode has them in a list: "1:d5:a.txt".
type names string

// next returns the first component and what follows it.
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

// namesOf writes a path as bencode.
func namesOf(path []string) names {
	var b strings.Builder
	for _, c := range path {
		b.WriteString(strconv.Itoa(len(c)))
		b.WriteByte(':')
		b.WriteString(c)
	}
	return names(b.String())
}

// rawNames are bytes out of a torrent, which it shares.
func rawNames(raw []byte) names {
	return names(unsafe.String(unsafe.SliceData(raw), len(raw)))
}

// Attributes are what BEP 47 says of a file.
type Attributes struct {
	Attr   string // l symlink, x executable, h hidden, p pad
	target names  // where a symlink points
}

// Attr is the attr of BEP 47; "" for nearly all files.
func (f *File) Attr() string {
	if f.Special == nil {
		return ""
	}
	return f.Special.Attr
}

// Symlink is where a symlink points, from the torrent's root (BEP 47).
func (f *File) Symlink() []string {
	if f.Special == nil {
		return nil
	}
	return f.Special.target.appendTo(nil)
}

// IsLink tells symlinks, which have no content of their own.
func (f *File) IsLink() bool { return strings.Contains(f.Attr(), "l") }

// content is the number of bytes that a file takes of the stream.
func (f *File) content() int64 {
	if f.IsLink() {
		return 0
	}
	return f.Length
}

// maxComponents is how many names a path may have: more than any system takes.
const maxComponents = 4096

// maxBroken is how many files without a path or a length are listed. A torrent
// that has one can't be used; what is left out of it is only counted.
const maxBroken = 1000

// filePath reads a v1 path, from path.utf-8 where that is one. What it leaves out
// of it is noted for OtherPaths.
func (r *reader) filePath(f *File, entry, path, pathUTF8 bencode.Value) {
	if !pathUTF8.Exists() && isPlainPath(path) { // as nearly all
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

// middle returns a path as it stands in the list v of names, if that is the path
// but for what comes before and behind.
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

// isPlainPath reports whether a path is a list of names that needs no cleaning.
func isPlainPath(v bencode.Value) bool {
	n := 0
	for c := range v.Items() {
		if n++; n > maxComponents || c.Kind() != bencode.KindString || isOdd(c.Text()) {
			return false
		}
	}
	return n > 0
}

// choosePath reads the path that counts, and the one in the other key if that
// is another; false if the first is no list of names.
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

// isOdd reports whether a component of a path has no meaning.
func isOdd(c string) bool { return c == "" || c == "." }

// components reads a list of names; false if it is none, or of too many.
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

// asFound reads the path of a file again with what path has left out of it.
func (t *Torrent) asFound(f *File) (chosen, other []string) {
	doc, err := bencode.Parse(t.raw[f.at:])
	if err != nil {
		panic(err) // it was parsed before
	}
	chosen, other, _ = choosePath(doc.Root().Get("path"), doc.Root().Get("path.utf-8"))
	return chosen, other
}

// IsPadName tells pad files by the name that BitComet gives them, which had them
// before BEP 47 gave them an attr.
func IsPadName(name string) bool {
	number, ok := strings.CutPrefix(name, "_____padding_file_")
	number, _, ok2 := strings.Cut(number, "_if you see this file")
	return ok && ok2 && number != "" && strings.Trim(number, "0123456789") == ""
}

// attributes reads what BEP 47 says of a file.
func (r *reader) attributes(entry bencode.Value, f *File) {
	attr := r.text(entry, "attr")
	if attr == "" {
		return
	}
	f.Pad = strings.Contains(attr, "p")
	if strings.Contains(attr, "l") {
		f.Special = &Attributes{attr, r.symlink(entry)}
		return
	}
	f.Special = r.attrs[attr]
	if f.Special == nil {
		f.Special = &Attributes{Attr: attr}
		if len(r.attrs) < 100 { // of those that are alike there may be millions
			r.attrs[attr] = f.Special
		}
	}
}

// symlink reads where a symlink points. The target is not followed by this
// program; a client that creates it must not be led outside.
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
