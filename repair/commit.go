package repair

import (
	"cmp"
	"errors"
	"os"
	"slices"

	"bt/internal/piece"
	"bt/internal/placefile"
)

// proveFiles hashes all pieces of the files in groups, and returns those that are good.
func (p *placement) proveFiles(groups [][]*change) (good map[int]bool, err error) {
	wanted, files := make(map[int]bool), make(map[int]bool)
	for _, group := range groups {
		for _, c := range group {
			first, last, ok := p.content.Layout.FilePieces(c.index)
			if c.link != "" || !ok {
				continue
			}
			p.paths[c.index] = c.file.TempPath()
			for index := first; index <= last; index++ {
				wanted[index] = p.isGood(index)
			}
		}
	}
	for index := range wanted {
		for _, span := range p.content.Layout.Spans(index, index) {
			if !p.isZeros(span) && !p.tree.Files[span.File].Link {
				files[span.File] = true
			}
		}
	}
	for i := range files {
		p.proof.Restat(i)
	}
	defer func() {
		for i := range files {
			p.proof.Files[i].Cause = piece.CauseMissing
		}
		clear(p.paths)
	}()
	good = make(map[int]bool)
	j := piece.Prover{Content: p.content, Good: func(index int) { good[index] = true }}
	_, err = p.job(p.proof, StepWrite, func(index int) bool { return wanted[index] }, j.Add)
	return good, err
}

// isProven reports whether all pieces of a group are good that were good before or are
// mended by it.
func (p *placement) isProven(group []*change, good map[int]bool) bool {
	for _, c := range group {
		for _, w := range c.writes {
			if !good[w.piece] {
				return false
			}
		}
		first, last, ok := p.content.Layout.FilePieces(c.index)
		for index := first; ok && index <= last; index++ {
			if !p.damaged[index] && !good[index] {
				return false
			}
		}
	}
	return true
}

// commit gives the files of a group their names. After an error it goes on: each file is
// better than before. But it replaces no file of which another has not got its bytes.
func (p *placement) commit(group []*change) error {
	var errs []error
	failed := make(map[int]bool)
	fail := func(c *change, err error) {
		errs = append(errs, err)
		failed[c.index] = true
		p.refused(c.index, err)
	}
	if len(p.readers) > 0 {
		for _, c := range group {
			if err := p.checkAgain(c); err != nil {
				fail(c, err)
			}
		}
		isNew := func(c *change) int {
			if c.old == nil {
				return 0
			}
			return 1
		}
		slices.SortStableFunc(group, func(a, b *change) int { return cmp.Compare(isNew(a), isNew(b)) })
	}
	for _, c := range group {
		if failed[c.index] {
			continue
		}
		if slices.ContainsFunc(p.readers[c.index], func(k int) bool { return failed[k] }) {
			fail(c, ErrNeeded)
			continue
		}
		err := p.commitFile(c)
		if p.ctx.Err() != nil && err != nil {
			return err
		}
		if err != nil {
			fail(c, err)
			continue
		}
		p.done(c)
	}
	if errs == nil {
		p.report.Pieces += piecesOf(group)
	}
	return errors.Join(errs...)
}

// checkAgain returns an error if the file that a change replaces has changed.
func (p *placement) checkAgain(c *change) error {
	if c.old == nil {
		return nil
	}
	if now, err := p.place.Lstat(c.path); err != nil || !placefile.Same(now, c.old) {
		return &ChangedError{Path: p.place.Path(c.path)}
	}
	return nil
}

func (p *placement) commitFile(c *change) error {
	switch {
	case c.link != "":
		return p.place.Symlink(c.link, c.path)
	case c.inPlace:
		return p.writeInPlace(c)
	}
	if err := c.file.Commit(c.old); err != nil {
		return err
	}
	c.file = nil
	return nil
}

// writeInPlace copies the proven ranges from the temporary file into the file itself.
func (p *placement) writeInPlace(c *change) (err error) {
	from, err := os.Open(c.file.TempPath())
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := p.place.OpenInPlace(c.path, c.old)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, w := range c.writes {
		if err := placefile.CopyRange(p.ctx, f, from, w.Offset, w.Length); err != nil {
			return err
		}
	}
	if c.old.Size() != c.size {
		if err := f.Truncate(c.size); err != nil {
			return err
		}
	}
	return f.Sync()
}
