package repair

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

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
			p.change(i).link = p.content.Files[i].LinkTarget()
		case f.Link:
		case f.Cause == piece.CauseMissing && length == 0:
			p.change(i)
		case f.Cause == piece.CauseFine && p.tree.ID(i).Size > length && p.isWhole(i):
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
