package piece

import (
	"cmp"
	"iter"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"bt/internal/metainfo"
)

// names looks up names in directories by equivalence. It keeps what it has read
// of a directory, up to a bound.
type names struct {
	// read makes it read directories for names in ASCII too. Without, these are
	// tried unseen: a directory of many torrents would be read for each.
	read bool

	lists       map[string]map[string][]string // by directory and composed name
	entries     int                            // in lists
	directories map[string]bool                // whether a path is one
}

func newNames(read bool) *names {
	return &names{read: read, lists: make(map[string]map[string][]string), directories: make(map[string]bool)}
}

// maxEntries is how many entries of directories are kept.
const maxEntries = 1 << 18

// in yields the names in dir that may be one of the forms: the forms themselves,
// then the names that are equal to one in some normal form of Unicode, then, for
// a file, both with a suffix of unfinished files. Some may not be there.
func (n *names) in(dir string, forms []string, file bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, form := range forms {
			if !yield(form) {
				return
			}
		}
		for _, form := range forms {
			for _, name := range n.equal(dir, form) {
				if name != form && !yield(name) {
					return
				}
			}
		}
		if !file {
			return
		}
		for _, suffix := range metainfo.UnfinishedSuffixes {
			for _, form := range forms {
				for _, name := range n.equal(dir, form+suffix) {
					if !yield(name) {
						return
					}
				}
			}
		}
	}
}

// equal returns the names in dir that are equal to a name in some normal form.
func (n *names) equal(dir, name string) []string {
	if isASCII(name) && !n.read {
		return []string{name}
	}
	return n.list(dir)[norm.NFC.String(name)]
}

// list returns the entries of a directory that may be other names of files, by
// their composed form: what is not ASCII, and what is not finished. Of those that
// are equal the composed and the decomposed one come first.
func (n *names) list(dir string) map[string][]string {
	if list, ok := n.lists[dir]; ok {
		return list
	}
	if n.entries > maxEntries {
		clear(n.lists)
		n.entries = 0
	}
	list := make(map[string][]string)
	n.lists[dir] = list
	n.entries++
	entries, _ := os.ReadDir(dir) // what can't be read has no names
	for _, e := range entries {
		name := e.Name()
		unfinished := func(suffix string) bool { return strings.HasSuffix(name, suffix) }
		if isASCII(name) && !slices.ContainsFunc(metainfo.UnfinishedSuffixes, unfinished) {
			continue
		}
		key := norm.NFC.String(name)
		list[key] = append(list[key], name)
		n.entries++
	}
	for key, same := range list {
		rank := func(name string) int {
			switch name {
			case key:
				return 0
			case norm.NFD.String(key):
				return 1
			}
			return 2
		}
		slices.SortFunc(same, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b)) })
	}
	return list
}

func (n *names) isDirectory(path string) bool {
	is, known := n.directories[path]
	if !known {
		if len(n.directories) > maxEntries {
			clear(n.directories)
		}
		is = isDirectory(path)
		n.directories[path] = is
	}
	return is
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
