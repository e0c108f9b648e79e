package repair

import (
	"strings"

	"bt/internal/metainfo"
)

// A matcher finds the files of another torrent that may have the content of ours. What
// it finds is proven by hashing.
type matcher struct {
	roots map[[32]byte]int
	keys  map[matchKey]int // -1: several files
}

// A matchKey is the size of a file, and its path, its name or nothing.
type matchKey struct {
	size int64
	name string
}

func newMatcher(content *metainfo.Content) *matcher {
	m := &matcher{roots: make(map[[32]byte]int), keys: make(map[matchKey]int)}
	for i := range content.Files {
		f := &content.Files[i]
		if f.Pad || f.IsLink() || f.Length == 0 {
			continue
		}
		if f.PiecesRoot != nil {
			m.roots[*f.PiecesRoot] = i
		}
		for _, key := range matchKeys(f) {
			if _, several := m.keys[key]; several {
				m.keys[key] = -1
			} else {
				m.keys[key] = i
			}
		}
	}
	return m
}

// matchKeys returns the keys of a file, the best first.
func matchKeys(f *metainfo.File) []matchKey {
	keys := []matchKey{{f.Length, ""}}
	if path := f.Path(); len(path) > 0 {
		keys = append([]matchKey{{f.Length, "/" + strings.Join(path, "/")}, {f.Length, path[len(path)-1]}}, keys...)
	}
	return keys
}

func (m *matcher) find(f *metainfo.File) (index int, ok bool) {
	if f.PiecesRoot != nil {
		if i, ok := m.roots[*f.PiecesRoot]; ok {
			return i, true
		}
	}
	for _, key := range matchKeys(f) {
		if i, ok := m.keys[key]; ok && i >= 0 {
			return i, true
		}
	}
	return 0, false
}
