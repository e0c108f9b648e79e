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

// Directories remembers what it has read of directories, up to a limit. It is for finding
// the content of several torrents in the same directories, which may be large, in a short
// time: what changes there is not seen again. It must not be used concurrently.
type Directories struct {
	lists       map[string]map[string][]string // by directory and composed name
	entries     int                            // number of entries in lists
	directories map[string]bool                // whether a path is a directory
}

// maxEntries is the maximum number of entries that are remembered.
const maxEntries = 1 << 18

// forgetSome forgets what was read if there is too much of it.
func (d *Directories) forgetSome() {
	if d.lists == nil || d.entries > maxEntries {
		d.lists, d.entries = make(map[string]map[string][]string), 0
	}
	if d.directories == nil || len(d.directories) > maxEntries {
		d.directories = make(map[string]bool)
	}
}

// names finds equivalent names in directories.
type names struct {
	*Directories

	// read makes it also read directories to find ASCII names. Without read, it returns
	// those without reading the directory, which may have the content of many torrents
	// and would be read for each.
	read bool
}

// in yields the names in dir that are equivalent to one of the forms: the forms
// themselves, then names with the same Unicode normal form and then, for a file, both
// with a suffix of unfinished files. Some of them may not exist.
func (n names) in(dir string, forms []string, file bool) iter.Seq[string] {
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

// equal returns the names in dir that have the same Unicode normal form as a name.
func (n names) equal(dir, name string) []string {
	if isASCII(name) && !n.read {
		return []string{name}
	}
	return n.list(dir)[norm.NFC.String(name)]
}

// list returns the entries of a directory that are not ASCII or have a suffix of
// unfinished files, by their composed form (NFC). Entries with the same composed form
// are sorted: NFC first, then NFD, then the others.
func (n names) list(dir string) map[string][]string {
	if list, ok := n.lists[dir]; ok {
		return list
	}
	n.forgetSome()
	list := make(map[string][]string)
	n.lists[dir] = list
	n.entries++
	entries, _ := os.ReadDir(dir) // an unreadable directory has no names
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

func (n names) isDirectory(path string) bool {
	is, known := n.directories[path]
	if !known {
		n.forgetSome()
		is = isDirectory(path)
		n.directories[path] = is
	}
	return is
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
