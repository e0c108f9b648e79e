package repair

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"bt/internal/piece"
)

// own is the number of the data that is mended, among the sources.
const own = -1

// treeOf returns the files of a source.
func (m *mender) treeOf(source int) *piece.Tree {
	if source == own {
		return m.tree
	}
	return m.sources[source].tree
}

// A source is a [Source] that is in use.
type source struct {
	tree *piece.Tree
	url  string
	temp string // the directory of what was fetched; "" if there is none
	all  []int  // the value of chosen for pieces that it has all of
}

func (m *mender) newSource(from Source) (*source, error) {
	switch {
	case from.URL != "":
		return &source{url: from.URL, tree: m.newTree(func(int) (string, bool) { return "", false })}, nil
	case from.Files != nil:
		t := m.newTree(func(i int) (string, bool) { path, ok := from.Files[i]; return path, ok })
		return &source{tree: t}, t.Stat(m.ctx, m.o.Jobs)
	}
	if _, err := os.Stat(from.Path); err != nil {
		return nil, err
	}
	if from.Torrent != nil {
		return m.otherTorrent(from)
	}
	t, err := piece.Find(m.ctx, m.content, from.Path, m.o.Jobs)
	if err != nil {
		return nil, err
	}
	if a, err := os.Stat(t.Root); err == nil {
		if b, err := os.Stat(m.root); err == nil && os.SameFile(a, b) {
			return nil, &SameError{from.Path}
		}
	}
	return &source{tree: t}, nil
}

// A SameError reports a source that is the data to mend.
type SameError struct{ Path string }

func (e *SameError) Error() string { return e.Path + ": it is the data that is to be mended" }

// newTree returns a tree of the files whose paths are known, which are not examined yet.
func (m *mender) newTree(path func(i int) (string, bool)) *piece.Tree {
	t := &piece.Tree{Files: make([]piece.Source, len(m.content.Files))}
	t.Path = func(i int) string { p, _ := path(i); return p }
	for i := range t.Files {
		f := &m.content.Files[i]
		t.Files[i].Pad, t.Files[i].Link = f.Pad, f.IsLink()
		if _, ok := path(i); !ok && !f.Pad {
			t.Files[i].Cause = piece.CauseMissing
		}
	}
	return t
}

// otherTorrent returns the files of the data of another torrent.
func (m *mender) otherTorrent(from Source) (*source, error) {
	content, err := from.Torrent.Content()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from.Torrent.Name, err)
	}
	theirs, err := piece.Find(m.ctx, content, from.Path, m.o.Jobs)
	if err != nil {
		return nil, err
	}
	match := newMatcher(content)
	files := make(map[int]string)
	for i := range m.content.Files {
		if f := &m.content.Files[i]; !f.Pad && !f.IsLink() && f.Length > 0 {
			if j, ok := match.find(f); ok {
				files[i] = theirs.Path(j)
			}
		}
	}
	return m.newSource(Source{Files: files})
}

// dirOf returns the directory that holds root, or root if that is a directory.
func (m *mender) dirOf() string {
	if info, err := os.Stat(m.root); err == nil && info.IsDir() {
		return m.root
	}
	return filepath.Dir(m.root)
}

// changed returns the files of a source that was used that do not have their content.
func (m *mender) changed(t *piece.Tree, files map[int]string) (list []int) {
	for _, i := range slices.Sorted(maps.Keys(files)) {
		f := &t.Files[i]
		if f.Link || f.Pad || !m.isDamaged(i) {
			continue
		}
		if f.Cause != piece.CauseFine || t.ID(i).Size != m.content.Layout.Length(i) || m.lacksOwn(i) {
			list = append(list, i)
		}
	}
	return list
}

// isDamaged reports whether a file has bytes of a bad piece.
func (m *mender) isDamaged(i int) bool {
	first, last, ok := m.content.Layout.FilePieces(i)
	return ok && slices.Contains(m.damaged[first:last+1], true)
}

// lacksOwn reports whether a piece that only has bytes of a file is open.
func (m *mender) lacksOwn(i int) bool {
	first, last, ok := m.content.Layout.FilePieces(i)
	for index := first; ok && index <= last; index++ {
		if m.open[index] && m.isAlone(i, index) {
			return true
		}
	}
	return false
}

// isAlone reports whether a piece has bytes of a file, and of no other.
func (m *mender) isAlone(i, index int) bool {
	for _, span := range m.content.Layout.Spans(index, index) {
		if span.File != i && !m.isZeros(span) {
			return false
		}
	}
	return true
}
