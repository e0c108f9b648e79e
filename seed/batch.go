package seed

import (
	"fmt"
	"os"

	"bt/internal/metainfo"
	"bt/internal/peer"
)

const (
	// maxBatch is how many bytes of blocks are sent at once, and maxBatchViews of
	// how many views, which have a descriptor each.
	maxBatch      = 1 << 20
	maxBatchViews = 64

	// smallFile is what is copied, for it would be too many to map.
	smallFile = 64 << 10
)

// A batch is what is sent at once: headers of messages and, between them, the
// bytes of files where they are mapped.
type batch struct {
	headers []byte
	copies  []byte // of small files
	parts   [][]byte
	views   []*view // in use
	bytes   int64   // of blocks
}

// add adds a piece message. The block is in the torrent.
func (b *batch) add(c *content, want block) error {
	start := len(b.headers)
	b.headers = peer.AppendPieceHeader(b.headers, want.piece, want.begin, int(want.length))
	b.parts = append(b.parts, b.headers[start:])
	cursor := c.layout.Cursor(int(want.piece))
	skip, left := int64(want.begin), int64(want.length)
	for left > 0 {
		span, ok := cursor.Next()
		if !ok { // behind a file of v2
			span, skip = metainfo.Span{File: metainfo.Gap, Length: left}, 0
		}
		if skip >= span.Length {
			skip -= span.Length
			continue
		}
		span.Offset, span.Length = span.Offset+skip, min(span.Length-skip, left)
		skip = 0
		left -= span.Length
		if err := b.addSpan(c, span); err != nil {
			return err
		}
	}
	b.bytes += int64(want.length)
	return nil
}

// addSpan adds bytes of one file, or the zeros of a gap or pad file.
func (b *batch) addSpan(c *content, s metainfo.Span) error {
	if s.File == metainfo.Gap || c.tree.Files[s.File].Pad {
		for ; s.Length > 0; s.Length -= min(s.Length, int64(len(zeros))) {
			b.parts = append(b.parts, zeros[:min(s.Length, int64(len(zeros)))])
		}
		return nil
	}
	if c.layout.Length(s.File) < smallFile {
		return b.copy(c, s)
	}
	for s.Length > 0 {
		at := s.Offset % viewLength
		w, err := b.view(viewKey{c, s.File, s.Offset / viewLength})
		if err != nil {
			return err
		}
		n := min(s.Length, viewLength-at)
		if w.bytes != nil {
			b.parts = append(b.parts, w.bytes[at:at+n])
		} else if err := b.read(w.file, s.Offset, n); err != nil {
			return err
		}
		s.Offset += n
		s.Length -= n
	}
	return nil
}

// copy adds bytes of a small file.
func (b *batch) copy(c *content, s metainfo.Span) error {
	f, err := c.open(s.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.read(f, s.Offset, s.Length)
}

// read adds n bytes of a file that is not mapped.
func (b *batch) read(f *os.File, offset, n int64) error {
	start := len(b.copies)
	b.copies = append(b.copies, make([]byte, n)...) // parts before keep what they point to
	part := b.copies[start:]
	diskWaits <- struct{}{}
	_, err := f.ReadAt(part, offset)
	<-diskWaits
	b.parts = append(b.parts, part)
	return err
}

// view returns a view, most often one that the batch has already.
func (b *batch) view(key viewKey) (*view, error) {
	for i := len(b.views) - 1; i >= 0; i-- {
		if b.views[i].key == key {
			return b.views[i], nil
		}
	}
	w, err := key.content.views.acquire(key)
	if err == nil {
		b.views = append(b.views, w)
	}
	return w, err
}

// check makes sure that the files are what they were when they were checked.
func (b *batch) check() error {
	for _, w := range b.views {
		if !w.isIntact() {
			return fmt.Errorf("%s: %w", w.key.content.tree.Path(w.key.file), errChanged)
		}
	}
	return nil
}

// release makes the batch empty.
func (b *batch) release() {
	for _, w := range b.views {
		w.key.content.views.release(w)
	}
	clear(b.parts)
	clear(b.views)
	b.headers, b.copies, b.parts, b.views, b.bytes = b.headers[:0], b.copies[:0], b.parts[:0], b.views[:0], 0
}
