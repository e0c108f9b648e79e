package repair

import (
	"errors"
	"os"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

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
	c.file.Finish()
	return nil
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
