package repair

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/placefile"
)

// Changes that share a piece are a group: only together are they proven. Groups are
// written, proven and renamed in batches, so that a batch of many small files is hashed
// at once, and one of large files takes little space on the disk.
const (
	maxBatchFiles = 1024
	maxBatchBytes = 1 << 30
)

// carryOut makes the changes.
func (p *placement) carryOut() error {
	p.proof = &piece.Tree{Files: make([]piece.Source, len(p.tree.Files))}
	p.proof.Path = func(i int) string {
		if path, ok := p.paths[i]; ok {
			return path
		}
		return p.tree.Path(i)
	}
	for i := range p.proof.Files {
		if p.proof.Files[i].Pad = p.tree.Files[i].Pad; !p.proof.Files[i].Pad {
			p.proof.Files[i].Cause = piece.CauseMissing
		}
	}
	var batch [][]*change
	files, bytes := 0, int64(0)
	groups := p.groups()
	for k, group := range groups {
		batch = append(batch, group)
		for _, c := range group {
			files, bytes = files+1, bytes+c.size
		}
		if files < maxBatchFiles && bytes < maxBatchBytes && k < len(groups)-1 {
			continue
		}
		full, err := p.makeAll(batch)
		if err != nil || full {
			return err
		}
		batch, files, bytes = nil, 0, 0
	}
	return nil
}

// groups returns the changes in groups, in the order of their first files.
func (p *placement) groups() (groups [][]*change) {
	group := make(map[int]int) // by file
	first := make(map[int]int) // the first file of a group that was joined with another
	find := func(i int) int {
		for {
			next, ok := first[i]
			if !ok {
				return i
			}
			i = next
		}
	}
	for _, index := range slices.Sorted(maps.Keys(p.writes)) {
		writes := p.writes[index]
		for _, w := range writes[1:] {
			// Files of a piece are in order, and so are pieces: chains stay short.
			if a, b := find(writes[0].File), find(w.File); a != b {
				first[max(a, b)] = min(a, b)
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(p.changes)) {
		k, ok := group[find(i)]
		if !ok {
			k = len(groups)
			group[find(i)] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], p.changes[i])
	}
	return groups
}

// makeAll makes a batch of groups of changes. full reports that nothing more can be
// written.
func (p *placement) makeAll(batch [][]*change) (full bool, err error) {
	// Whatever happens, no temporary file stays.
	defer func() {
		for _, group := range batch {
			for _, c := range group {
				err = errors.Join(err, c.abort())
			}
		}
	}()
	var written [][]*change
	for _, group := range batch {
		err := p.write(group)
		if p.ctx.Err() != nil {
			return false, context.Cause(p.ctx)
		}
		if err == nil {
			written = append(written, group)
			continue
		}
		for _, c := range group {
			if err := c.abort(); err != nil {
				return false, err
			}
		}
		p.failed(group, err)
		if isFull(err) {
			full = true
			break
		}
	}
	good, err := p.proveFiles(written)
	if err != nil {
		return false, err
	}
	for _, group := range written {
		if !p.isProven(group, good) {
			p.failed(group, ErrUnproven)
			continue
		}
		if err := p.commit(group); err != nil {
			full = full || isFull(err)
		}
		if p.ctx.Err() != nil {
			return full, context.Cause(p.ctx)
		}
	}
	return full, nil
}

// failed adds an error to the report for each file of a group.
func (p *placement) failed(group []*change, err error) {
	for _, c := range group {
		p.refused(c.index, err)
	}
}

// write writes the temporary files of a group.
func (p *placement) write(group []*change) error {
	for _, c := range group {
		if c.link != "" {
			continue
		}
		if err := p.writeFile(c); err != nil {
			return err
		}
	}
	return nil
}

func (p *placement) writeFile(c *change) (err error) {
	switch {
	case c.old == nil:
		c.file, err = p.place.Create(c.path, modeOf(&p.content.Files[c.index]))
	case c.inPlace: // the file is only for the proof
		c.file, err = p.place.Create(c.path, c.old.Mode().Perm()|0o600)
	default:
		c.file, err = p.place.Replace(c.path, c.old)
	}
	if err != nil {
		c.file = nil
		return err
	}
	if err := p.copyOld(c); err != nil {
		return err
	}
	if err := p.copyRanges(c); err != nil {
		return err
	}
	if err := c.file.Truncate(c.size); err != nil {
		return c.file.Named(err)
	}
	return c.file.Finish()
}

// copyOld clones the file or, where that is impossible, copies what is not written anew:
// that may be unreadable.
func (p *placement) copyOld(c *change) error {
	if c.old == nil {
		return nil
	}
	gaps := gaps(c.writes, min(c.old.Size(), c.size))
	if len(gaps) == 0 {
		return nil
	}
	f, err := p.openSource(own, c.index)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.file.Clone(f); !errors.Is(err, ErrNoClone) {
		return err
	}
	for _, gap := range gaps {
		if err := p.copyRange(c, f, gap); err != nil {
			return err
		}
	}
	return nil
}

// gaps returns the ranges before an end that are not written.
func gaps(writes []write, end int64) (list []metainfo.Span) {
	at := int64(0)
	for _, w := range append(writes[:len(writes):len(writes)], write{Span: metainfo.Span{Offset: end}}) {
		if next := min(w.Offset, end); next > at {
			list = append(list, metainfo.Span{Offset: at, Length: next - at})
		}
		at = max(at, w.Offset+w.Length)
	}
	return list
}

// copyRanges copies the ranges to write from their sources.
func (p *placement) copyRanges(c *change) error {
	var f *os.File
	source := own
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	for k, w := range c.writes {
		if f == nil || w.source != source {
			if f != nil {
				f.Close()
			}
			var err error
			if f, err = p.openSource(w.source, c.index); err != nil {
				return err
			}
			source = w.source
		}
		if err := p.copyRange(c, f, w.Span); err != nil {
			return err
		}
		if p.o.Progress != nil {
			p.o.Progress(StepWrite, int64(k+1), int64(len(c.writes)))
		}
	}
	return nil
}

// copyRange copies a range of a file, which has been read before. Pages next to it may
// be unreadable.
func (p *placement) copyRange(c *change, from *os.File, span metainfo.Span) error {
	err := c.file.CopyRange(p.ctx, from, span.Offset, span.Length)
	if errors.Is(err, syscall.EIO) {
		piece.ReadByPages(int(from.Fd()))
		err = c.file.CopyRange(p.ctx, from, span.Offset, span.Length)
	}
	return err
}

// abort removes the temporary file of a change, if there is one.
func (c *change) abort() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Abort()
	c.file = nil
	return err
}

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
	j := judge{content: p.content, good: func(index int) { good[index] = true }}
	_, err = p.job(p.proof, StepWrite, func(index int) bool { return wanted[index] }, j.add)
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
// better than before.
func (p *placement) commit(group []*change) error {
	var errs []error
	for _, c := range group {
		err := p.commitFile(c)
		if p.ctx.Err() != nil && err != nil {
			return err
		}
		if err != nil {
			errs = append(errs, err)
			p.refused(c.index, err)
			continue
		}
		p.done(c)
	}
	if errs == nil {
		p.report.Pieces += piecesOf(group)
	}
	return errors.Join(errs...)
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
