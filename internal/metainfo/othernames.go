package metainfo

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// Clients give files different names on disk. A torrent may have two paths for a file,
// path in another encoding and path.utf-8, and may declare the encoding. libtorrent
// replaces some components. OtherPaths and OtherNames return all these names.

// OtherPaths returns other paths that a file may have on disk, the likeliest first. All
// components are safe. They don't include Unicode normal forms and suffixes of
// unfinished files.
func (c *Content) OtherPaths(file int) [][]string {
	f := &c.Files[file]
	path := f.Path()
	var list [][]string
	add := func(p []string) {
		p = slices.DeleteFunc(slices.Clone(p), isOdd)
		safe := len(p) > 0 && !slices.ContainsFunc(p, func(c string) bool { return CheckComponent(c) != nil })
		if safe && !slices.Equal(p, path) && !slices.ContainsFunc(list, func(q []string) bool { return slices.Equal(p, q) }) {
			list = append(list, p)
		}
	}
	forms := [][]string{path}
	if f.odd {
		chosen, other := c.torrent.asFound(f)
		if forms = append(forms, chosen); other != nil {
			forms = append(forms, other)
		}
	}
	recoder := c.torrent.recoder()
	for _, form := range forms {
		add(form)
		for _, recoded := range recoder.both(form) {
			add(recoded)
		}
		add(mapped(form, libtorrentName))
	}
	return list
}

// OtherNames is OtherPaths for the name of the torrent.
func (c *Content) OtherNames() []string {
	if c.Name == "" {
		return nil
	}
	var list []string
	add := func(name string) {
		if CheckComponent(name) == nil && name != c.Name && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	recoder := c.torrent.recoder()
	for _, form := range []string{c.Name, c.torrent.otherName} {
		if form == "" {
			continue
		}
		add(form)
		for _, recoded := range recoder.both([]string{form}) {
			add(recoded[0])
		}
		add(libtorrentName(form))
	}
	return list
}

// libtorrentName returns the name that libtorrent (2.0.8) writes for a component: it
// removes backslashes on every system, and replaces an empty name by _.
func libtorrentName(c string) string {
	if c == "" {
		return "_"
	}
	return strings.ReplaceAll(c, `\`, "")
}

func mapped(path []string, f func(string) string) []string {
	list := make([]string, len(path))
	for i, c := range path {
		list[i] = f(c)
	}
	return list
}

// A recoder converts names between a torrent's encoding and UTF-8. Without a known
// encoding, it converts nothing.
type recoder struct {
	name     string
	encoding encoding.Encoding // nil: none
}

func (t *Torrent) recoder() recoder {
	for _, name := range encodingNames(t.Encoding, t.codePage) {
		if e := encodingOf(name); e != nil {
			return recoder{name, e}
		}
	}
	return recoder{}
}

// encodingNames returns the names that tables of encodings may have for a name or a
// code page number. Older clients use the names of their language's libraries: cp949,
// euc_jp.
func encodingNames(name string, codePage int64) []string {
	var names []string
	if name != "" {
		names = append(names, name)
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		names = append(names, name, strings.ReplaceAll(name, "-", ""))
		number := strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "windows"), "cp"), "ms"), "-")
		if n, err := strconv.ParseInt(number, 10, 32); err == nil && codePage == 0 {
			codePage = n
		}
	}
	switch codePage {
	case 0:
	case 932:
		names = append(names, "shift_jis")
	case 936:
		names = append(names, "gbk")
	case 949:
		names = append(names, "euc-kr")
	case 950:
		names = append(names, "big5")
	default:
		n := strconv.FormatInt(codePage, 10)
		names = append(names, "windows-"+n, "ibm"+n)
	}
	return names
}

// encodingOf returns the encoding of a name, or nil if it is UTF-8 or unknown.
func encodingOf(name string) encoding.Encoding {
	e, err := htmlindex.Get(name)
	if err != nil {
		e, _ = ianaindex.IANA.Encoding(name)
	}
	if e == unicode.UTF8 {
		return nil
	}
	return e
}

// decode converts a name to UTF-8. It returns false if the name is invalid in the
// encoding.
func (r recoder) decode(s string) (string, bool) {
	if r.encoding == nil {
		return "", false
	}
	decoded, err := r.encoding.NewDecoder().String(s)
	return decoded, err == nil && !strings.ContainsRune(decoded, utf8.RuneError)
}

// encode converts a name from UTF-8. It returns false if the encoding can't represent
// it.
func (r recoder) encode(s string) (string, bool) {
	if r.encoding == nil || !utf8.ValidString(s) {
		return "", false
	}
	encoded, err := r.encoding.NewEncoder().String(s)
	return encoded, err == nil
}

// both returns a path decoded and encoded, if each is possible. Components in ASCII
// don't change.
func (r recoder) both(path []string) [][]string {
	if r.encoding == nil {
		return nil
	}
	var list [][]string
	for _, recode := range []func(string) (string, bool){r.decode, r.encode} {
		recoded, ok := make([]string, len(path)), true
		for i, c := range path {
			if recoded[i] = c; !isASCII(c) && ok {
				recoded[i], ok = recode(c)
			}
		}
		if ok {
			list = append(list, recoded)
		}
	}
	return list
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
