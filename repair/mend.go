package repair

import (
	"errors"
	"path/filepath"
	"slices"
	"syscall"

	"bt/internal/piece"
	"bt/internal/placefile"
)

// A placement is what mend works with.
type placement struct {
	*mender
	prefix  []string        // of paths in place
	writes  map[int][]write // by piece
	changes map[int]*change // by file
	proof   *piece.Tree     // files that are being proven; all others are missing
	paths   map[int]string  // of the files in proof that have a temporary name

	// The files that are replaced, by what they are on disk, and for each those that get
	// bytes from it.
	replaced map[fileKey]int
	readers  map[int][]int
}

// mend writes the proven pieces, and makes or cuts files that need no proven bytes.
func (m *mender) mend() error {
	if err := m.openPlace(); err != nil {
		return err
	}
	p := &placement{mender: m, writes: make(map[int][]write), changes: make(map[int]*change), paths: make(map[int]string)}
	if m.dirOf() != m.root {
		p.prefix = []string{filepath.Base(m.root)}
	}
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
	p.removeDead()
	err := p.carryOut()
	if err != nil || len(m.report.Refused) > 0 {
		p.place.RemoveMade()
	}
	return err
}

// removeDead removes what killed repairs left, also from before the directory of the content
// was made.
func (p *placement) removeDead() {
	p.place.RemoveDead()
	root, err := filepath.Abs(p.root)
	if err != nil || len(p.prefix) > 0 {
		return
	}
	if above, err := placefile.Open(filepath.Dir(root)); err == nil {
		above.RemoveDead()
		_ = above.Close() // nothing was changed
	}
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
