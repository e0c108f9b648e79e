package partial

import (
	"bytes"

	"bt/internal/metainfo"
	"bt/internal/pool"
)

// A part is the range of a piece that is in one file.
type part struct {
	metainfo.Span
	at int64 // in the piece
}

// parts appends the ranges of a piece that are in files.
func (c *Content) parts(dst []part, piece int) []part {
	var at int64
	for _, span := range c.content.Layout.Spans(piece, piece) {
		if !isPadding(c.content, span) {
			dst = append(dst, part{span, at})
		}
		at += span.Length
	}
	return dst
}

// writePiece writes a piece that is proven.
func (c *Content) writePiece(b *buffer) error {
	parts := c.parts(nil, b.piece)
	// First the files that are only read, so that nothing is written if one differs.
	for _, p := range parts {
		if c.files.place(p.File) == placeFinal {
			if err := c.compare(b, p); err != nil {
				return err
			}
		}
	}
	buffers := make([][]byte, 0, len(b.blocks)+1)
	for _, p := range parts {
		if c.files.place(p.File) != placeFinal {
			buffers = b.slices(buffers[:0], p.at, p.Length)
			if err := c.writePart(p, buffers); err != nil {
				return c.diskError(p.File, err)
			}
		}
	}
	c.written(b, parts)
	return nil
}

func (c *Content) writePart(p part, buffers [][]byte) error {
	f, err := c.files.acquire(p.File)
	if err != nil {
		return err
	}
	defer c.files.release(f)
	return c.disk.write(f.File, f.path, buffers, p.Offset)
}

// compare returns an *ExistsError if a file that is only read has other bytes than the
// piece.
func (c *Content) compare(b *buffer, p part) error {
	f, err := c.files.acquire(p.File)
	if err != nil {
		return c.diskError(p.File, err)
	}
	defer c.files.release(f)
	scratch := pool.Blocks.Get()
	defer pool.Blocks.Put(scratch)
	offset := p.Offset
	for _, want := range b.slices(nil, p.at, p.Length) {
		got := scratch[:len(want)]
		if _, err := f.ReadAt(got, offset); err != nil || !bytes.Equal(got, want) {
			return &ExistsError{[]string{c.Path(p.File)}}
		}
		offset += int64(len(want))
	}
	return nil
}

// written notes that a piece is on disk.
func (c *Content) written(b *buffer, parts []part) {
	c.mu.Lock()
	c.have.Set(b.piece)
	var found []int // complete files that are only read
	for _, p := range parts {
		final := c.files.place(p.File) == placeFinal
		if !final {
			c.dirty[p.File] = true
			c.dirtyBytes += p.Length
		}
		if c.left[p.File]--; c.left[p.File] > 0 || !c.wants(p.File) {
			continue
		}
		if final {
			found = append(found, p.File)
		} else {
			c.ready = append(c.ready, p.File)
		}
	}
	c.mu.Unlock()
	c.release(b)
	c.completed(found, true)
	c.mu.Lock()
	due := len(c.ready) > 0 || c.dirtyBytes >= c.options.saveBytes
	c.mu.Unlock()
	if due {
		c.saveSoon()
	}
}

// completed reports files that are complete and have their names.
func (c *Content) completed(files []int, found bool) {
	for _, i := range files {
		c.event(EventFile{File: i, Path: c.Path(i), Size: c.content.Layout.Length(i), Found: found})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if before := c.incomplete; before > 0 {
		if c.incomplete -= len(files); c.incomplete == 0 {
			close(c.done)
		}
	}
}
