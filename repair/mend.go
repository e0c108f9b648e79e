package repair

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/placefile"
)

// A write is a range of a file that gets the bytes of a source.
type write struct {
	metainfo.Span
	piece  int
	source int
}

// A change is a file that will be mended or made.
type change struct {
	index   int
	path    []string // below the mender's place
	old     fs.FileInfo
	inPlace bool
	link    string  // the target of a symbolic link to make
	writes  []write // in order
	size    int64   // of the file afterwards
	file    *placefile.File
}

// A placement is what mend works with.
type placement struct {
	*mender
	place   *placefile.Root
	prefix  []string        // of paths in place
	writes  map[int][]write // by piece
	changes map[int]*change // by file
	proof   *piece.Tree     // files that are being proven; all others are missing
	paths   map[int]string  // of the files in proof that have a temporary name
}

// mend writes the proven pieces, and makes or cuts files that need no proven bytes.
func (m *mender) mend() (err error) {
	p := &placement{mender: m, writes: make(map[int][]write), changes: make(map[int]*change), paths: make(map[int]string)}
	dir := m.dirOf()
	if dir != m.root {
		p.prefix = []string{filepath.Base(m.root)}
	}
	if p.place, err = placefile.Open(dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.place.Close()) }()
	if err := p.plan(); err != nil {
		return err
	}
	p.refuse()
	if m.o.DryRun {
		for _, group := range p.groups() {
			p.done(group...)
			m.report.Pieces += piecesOf(group)
		}
		return nil
	}
	if err = p.carryOut(); err != nil || len(m.report.Refused) > 0 {
		p.place.RemoveMade()
	}
	return err
}

// plan finds what to change.
func (p *placement) plan() error {
	if err := p.planWrites(); err != nil {
		return err
	}
	for i := range p.tree.Files {
		f, length := &p.tree.Files[i], p.content.Layout.Length(i)
		switch {
		case f.Pad:
		case f.Link && f.Cause == piece.CauseMissing:
			p.change(i).link = linkTarget(&p.content.Files[i])
		case f.Link:
		case f.Cause == piece.CauseMissing && length == 0:
			p.change(i)
		case f.Cause == piece.CauseFine && f.ID.Size > length && p.isWhole(i):
			p.change(i)
		}
	}
	return nil
}

// planWrites finds the ranges to write: of the chosen ones those that differ from the
// data.
func (p *placement) planWrites() error {
	for _, index := range slices.Sorted(maps.Keys(p.chosen)) {
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		choice, k := p.chosen[index], 0
		for _, span := range p.content.Layout.Spans(index, index) {
			source := choice[min(k, len(choice)-1)]
			k++
			if source == own || p.isZeros(span) || p.has(own, span) && p.equal(own, source, span) {
				continue
			}
			p.writes[index] = append(p.writes[index], write{span, index, source})
			p.change(span.File)
		}
	}
	return nil
}

// change returns the change of a file, which it adds if there is none.
func (p *placement) change(i int) *change {
	c := p.changes[i]
	if c == nil {
		c = &change{index: i, path: p.pathOf(i)}
		p.changes[i] = c
	}
	return c
}

// pathOf returns the path of a file, where it is or where it will be.
func (p *placement) pathOf(i int) []string {
	path := append([]string(nil), p.prefix...)
	if p.content.Single {
		return path
	}
	if at, ok := p.tree.At(i); ok {
		return append(path, strings.Split(at, string(filepath.Separator))...)
	}
	return p.content.Files[i].AppendPath(path)
}

// linkTarget returns the target of a symbolic link of a torrent (BEP 47), relative to
// the link. It is below the root of the torrent.
func linkTarget(f *metainfo.File) string {
	up := slices.Repeat([]string{".."}, len(f.Path())-1)
	return filepath.Join(append(up, f.Symlink()...)...)
}

// isGood reports whether a piece was good or has been proven from sources.
func (p *placement) isGood(index int) bool {
	_, proven := p.chosen[index]
	return proven || !p.damaged[index]
}

// isWhole reports whether all pieces of a file are good.
func (p *placement) isWhole(i int) bool {
	first, last, ok := p.content.Layout.FilePieces(i)
	for index := first; ok && index <= last; index++ {
		if !p.isGood(index) {
			return false
		}
	}
	return true
}

// refuse checks all changes, and removes those that must not be made, with the pieces
// that need them.
func (p *placement) refuse() {
	refused := make(map[int]bool)
	for _, i := range slices.Sorted(maps.Keys(p.changes)) {
		if err := p.check(p.changes[i]); err != nil {
			refused[i] = true
			delete(p.changes, i)
			p.refused(i, err)
		}
	}
	needed := make(map[int]bool)
	for index, writes := range p.writes {
		if slices.ContainsFunc(writes, func(w write) bool { return refused[w.File] }) {
			delete(p.writes, index)
			delete(p.chosen, index)
			continue
		}
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
	case !piece.Identify(info).Equal(p.tree.Files[c.index].ID):
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
	id := p.tree.Files[i].ID
	n := 0
	for k := range p.tree.Files {
		f := &p.tree.Files[k]
		if f.Cause == piece.CauseFine && !f.Pad && !f.Link && f.ID.Dev == id.Dev && f.ID.Ino == id.Ino {
			n++
		}
	}
	return n > 1
}

// done adds changes that were made, with all pieces that they mend, to the report.
func (p *placement) done(changes ...*change) {
	r := &p.report
	for _, c := range changes {
		f := File{Index: c.index, Path: p.place.Path(c.path), Pieces: len(c.writes), Made: c.old == nil}
		for _, w := range c.writes {
			f.Bytes += w.Length
			if i, known := slices.BinarySearch(f.Sources, w.source); !known {
				f.Sources = slices.Insert(f.Sources, i, w.source)
			}
		}
		f.Cut = c.old != nil && c.old.Size() > c.size
		r.Files = append(r.Files, f)
		r.Bytes += f.Bytes
	}
}

// piecesOf returns the number of pieces that changes mend.
func piecesOf(changes []*change) int {
	pieces := make(map[int]bool)
	for _, c := range changes {
		for _, w := range c.writes {
			pieces[w.piece] = true
		}
	}
	return len(pieces)
}

// isFull reports an error that all further writes would have too.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}
