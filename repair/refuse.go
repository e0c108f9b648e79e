package repair

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"bt/internal/piece"
)

// refuse checks all changes, and removes those that must not be made, with the pieces
// that need them.
func (p *placement) refuse() {
	writes := p.writesByFile()
	refused := make(map[int]bool)
	for _, i := range slices.Sorted(maps.Keys(p.changes)) {
		c := p.changes[i]
		err := p.check(c)
		if err == nil && p.o.DryRun {
			err = p.place.Writable(c.path)
		}
		if err == nil && p.o.Allow != nil {
			err = p.o.Allow(i, p.place.Path(c.path), p.differences(writes[i]))
		}
		if err != nil {
			refused[i] = true
			p.drop(i, err)
		}
	}
	p.findReplaced()
	p.dropPieces(refused)
	p.findReaders()
	needed := make(map[int]bool)
	for _, writes := range p.writes {
		for _, w := range writes {
			needed[w.File] = true
			p.changes[w.File].writes = append(p.changes[w.File].writes, w)
		}
	}
	for i, c := range p.changes {
		length := p.content.Layout.Length(i)
		whole := p.isWhole(i)
		if !needed[i] && c.link == "" && length > 0 && !(whole && c.old != nil && c.old.Size() > length) {
			delete(p.changes, i)
			continue
		}
		slices.SortFunc(c.writes, func(a, b write) int { return cmp.Compare(a.Offset, b.Offset) })
		if c.size = length; !whole {
			c.size = c.grown()
		}
	}
}

// drop refuses a change.
func (p *placement) drop(i int, err error) {
	p.refused(i, err)
	delete(p.changes, i)
}

// dropPieces removes the pieces that need refused files. If such a piece gets bytes from a
// file that is replaced, that file is refused too: nothing else may have them.
func (p *placement) dropPieces(refused map[int]bool) {
	for again := true; again; {
		again = false
		for index, writes := range p.writes {
			if !slices.ContainsFunc(writes, func(w write) bool { return refused[w.File] }) {
				continue
			}
			delete(p.writes, index)
			delete(p.chosen, index)
			for _, w := range writes {
				if i, ok := p.readsReplaced(w); ok && !refused[i] {
					refused[i], again = true, true
					p.drop(i, ErrNeeded)
				}
			}
		}
	}
}

// A fileKey identifies a file on disk.
type fileKey struct {
	dev, ino uint64
	path     string // on systems without inodes
}

func keyOf(path string, id piece.Identity) fileKey {
	if id.Ino != 0 {
		return fileKey{dev: id.Dev, ino: id.Ino}
	}
	abs, _ := filepath.Abs(path)
	return fileKey{path: abs}
}

// findReplaced finds the files on disk that are replaced.
func (p *placement) findReplaced() {
	p.replaced = make(map[fileKey]int)
	for i, c := range p.changes {
		if c.old != nil {
			p.replaced[keyOf(p.tree.Path(i), p.tree.ID(i))] = i
		}
	}
}

// readsReplaced returns the file in the place of another that a range gets its bytes from,
// if that is replaced: the names of two files may be swapped.
func (p *placement) readsReplaced(w write) (i int, ok bool) {
	t := p.treeOf(w.source)
	i, ok = p.replaced[keyOf(t.Path(w.File), t.ID(w.File))]
	return i, ok && i != w.File
}

// findReaders finds the files that get bytes from a file that is replaced.
func (p *placement) findReaders() {
	p.readers = make(map[int][]int)
	for _, writes := range p.writes {
		for _, w := range writes {
			if i, ok := p.readsReplaced(w); ok && !slices.Contains(p.readers[i], w.File) {
				p.readers[i] = append(p.readers[i], w.File)
			}
		}
	}
}

// grown returns the size of a file that keeps what it has.
func (c *change) grown() (size int64) {
	if c.old != nil {
		size = c.old.Size()
	}
	if n := len(c.writes); n > 0 {
		size = max(size, c.writes[n-1].Offset+c.writes[n-1].Length)
	}
	return size
}

func (p *placement) refused(i int, err error) {
	p.report.Refused = append(p.report.Refused, Refusal{i, p.place.Path(p.pathOf(i)), err})
}

// check sets the old file of a change, and returns an error if it must not be made.
func (p *placement) check(c *change) error {
	if len(c.path) == 0 {
		return ErrNotAFile // a directory, where the single file should be
	}
	info, err := p.place.Lstat(c.path)
	there := p.tree.Files[c.index].Cause == piece.CauseFine && !p.tree.Files[c.index].Link
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if there {
			return &ChangedError{Path: p.place.Path(c.path)}
		}
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return &LinkError{Path: p.place.Path(c.path)}
	case !info.Mode().IsRegular():
		return ErrNotAFile
	case !there:
		return &fs.PathError{Op: "open", Path: p.place.Path(c.path), Err: cmp.Or(p.tree.Err(c.index), fs.ErrExist)}
	case !piece.Identify(info).Equal(p.tree.ID(c.index)):
		return &ChangedError{Path: p.place.Path(c.path)}
	}
	c.old = info
	if hardLinks(info) > 1 {
		switch {
		case !p.o.InPlace:
			return ErrHardLinks
		case p.isShared(c.index):
			return ErrShared
		}
		c.inPlace = true
	}
	return nil
}

// isShared reports whether another file of the torrent is the same file on disk.
func (p *placement) isShared(i int) bool {
	id := p.tree.ID(i)
	n := 0
	for k := range p.tree.Files {
		f, other := &p.tree.Files[k], p.tree.ID(k)
		if f.Cause == piece.CauseFine && !f.Pad && !f.Link && other.Dev == id.Dev && other.Ino == id.Ino {
			n++
		}
	}
	return n > 1
}
