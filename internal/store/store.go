// Package store gives peers the content of torrents: blocks of pieces, straight from the
// files on disk.
//
// A [Cache] maps large files and keeps small ones open, for all torrents. A [Batch]
// gathers the bytes of blocks to be written at once. Files that have changed since they
// were checked are not sent: [ErrChanged] reports them, and a [*ReadError] reports those
// that the system fails to read.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// ErrChanged reports that a file has changed or was removed since it was checked. Other
// errors wrap it.
var ErrChanged = errors.New("changed since it was checked")

// A Block is a part of a piece, as a peer requests it.
type Block struct{ Piece, Begin, Length uint32 }

// A Content is the content of one torrent on disk.
type Content struct {
	layout *metainfo.Layout
	tree   *piece.Tree // with the identities of the files when they were checked
	live   func(file int) (*os.File, error)
	cache  *Cache
	closed bool // guarded by cache.mu
}

// Content returns the content whose files are in the tree, with their identities as they
// were when they were checked.
func (c *Cache) Content(layout *metainfo.Layout, tree *piece.Tree) *Content {
	return &Content{layout: layout, tree: tree, cache: c}
}

// Live returns content whose files this program is writing. open opens a file for
// reading, under the name that it has at that time. A file keeps its content and may grow
// and be renamed, so its identity is not compared; of the tree, Live needs only which
// files are pads. A block must not be added to a batch before it is written. A mapped file
// must have its full size from the beginning.
func (c *Cache) Live(layout *metainfo.Layout, tree *piece.Tree, open func(file int) (*os.File, error)) *Content {
	return &Content{layout: layout, tree: tree, live: open, cache: c}
}

// Tree returns the files.
func (c *Content) Tree() *piece.Tree { return c.tree }

// Pieces returns the number of pieces.
func (c *Content) Pieces() int { return c.layout.Pieces() }

// isSmall reports whether a file is read rather than mapped.
func (c *Content) isSmall(file int) bool { return c.layout.Length(file) < SmallFile }

// Open opens a file to read it. The error wraps [ErrChanged] or is a [*ReadError] if it
// is not the file that was checked, or can't be opened now.
func (c *Content) Open(file int) (*os.File, error) {
	if c.live != nil {
		f, err := c.live(file)
		return f, openError(err)
	}
	path := c.tree.Path(file)
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(err)
	}
	info, err := f.Stat()
	if err != nil || !piece.Identify(info).Equal(c.tree.ID(file)) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrChanged)
	}
	return f, nil
}

// openError returns the error of Open for one of the system, or nil.
func openError(err error) error {
	switch {
	case err == nil:
		return nil
	case IsScarcity(err) || IsDiskError(err):
		path := "a file"
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			path = pathErr.Path
		}
		return &ReadError{path, err}
	}
	return fmt.Errorf("%w: %w", ErrChanged, err)
}

// Probe reads a block into buf, without using the cache, and returns the first error. buf
// is only scratch space.
func (c *Content) Probe(b Block, buf []byte) error {
	spans := c.spans(b, 0)
	for s, ok := spans.next(); ok; s, ok = spans.next() {
		if !c.isZero(s) {
			if err := c.probeSpan(s, buf); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Content) probeSpan(s metainfo.Span, buf []byte) error {
	f, err := c.Open(s.File)
	if err != nil {
		return err
	}
	defer f.Close()
	for s.Length > 0 {
		n := min(s.Length, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], s.Offset); err != nil {
			return &ReadError{f.Name(), err}
		}
		s.Offset, s.Length = s.Offset+n, s.Length-n
	}
	return nil
}

// isZero reports whether a span is a gap or in a pad file.
func (c *Content) isZero(s metainfo.Span) bool {
	return s.File == metainfo.Gap || c.tree.Files[s.File].Pad
}

// spans are the ranges of files of a block.
type spans struct {
	cursor     metainfo.Cursor
	skip, left int64
}

// spans returns the spans of a block without its first skip bytes.
func (c *Content) spans(b Block, skip int64) spans {
	return spans{c.layout.Cursor(int(b.Piece)), int64(b.Begin) + skip, int64(b.Length) - skip}
}

// next returns the next span. What is beyond the end of a v2 file is a gap.
func (s *spans) next() (span metainfo.Span, ok bool) {
	for s.left > 0 {
		span, ok := s.cursor.Next()
		if !ok {
			span, s.skip = metainfo.Span{File: metainfo.Gap, Length: s.left}, 0
		}
		if s.skip >= span.Length {
			s.skip -= span.Length
			continue
		}
		span.Offset, span.Length = span.Offset+s.skip, min(span.Length-s.skip, s.left)
		s.skip = 0
		s.left -= span.Length
		return span, true
	}
	return metainfo.Span{}, false
}
