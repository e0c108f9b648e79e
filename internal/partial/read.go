package partial

import (
	"fmt"
	"io/fs"
	"os"

	"bt/internal/store"
)

// ReadAt reads bytes of a piece that is proven and written. Padding reads as zeros. The
// error is fs.ErrNotExist for another piece, and a *store.ReadError if a file can't be
// read.
func (c *Content) ReadAt(piece int, begin int64, p []byte) error {
	if piece < 0 || piece >= c.content.Layout.Pieces() || begin < 0 || !c.HavePiece(piece) {
		return fmt.Errorf("piece %d: %w", piece, fs.ErrNotExist)
	}
	clear(p)
	var at int64
	end := begin + int64(len(p))
	for _, span := range c.content.Layout.Spans(piece, piece) {
		from, to := max(at, begin), min(at+span.Length, end)
		if from < to && !isPadding(c.content, span) {
			if err := c.readFile(span.File, span.Offset+from-at, p[from-begin:to-begin]); err != nil {
				return err
			}
		}
		at += span.Length
	}
	return nil
}

func (c *Content) readFile(i int, offset int64, p []byte) error {
	f, err := c.files.acquire(i)
	if err == nil {
		_, err = f.ReadAt(p, offset)
		c.files.release(f)
	}
	if err != nil {
		return &store.ReadError{Path: c.disk.path(c.files.path(i)), Err: err}
	}
	return nil
}

// OpenFile opens a file for reading, under the name that it has now.
func (c *Content) OpenFile(i int) (*os.File, error) { return c.files.reopen(i) }
