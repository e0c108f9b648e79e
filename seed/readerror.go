package seed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A failing disk is different from changed data: file metadata does not show when it
// works again. Only reading the failed blocks again does.

// A readError reports that bytes of an unchanged file could not be read.
type readError struct {
	path   string
	err    error
	blocks []block // to be read before the torrent is served again
}

func (e *readError) Error() string {
	err := e.err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Sprintf("%s can't be read: %v", e.path, err)
}

func (e *readError) Unwrap() error { return e.err }

const (
	// maxProbes is the maximum number of unreadable blocks remembered per torrent.
	maxProbes = 128

	// minProbePause and maxProbePause bound the delay before unreadable blocks are
	// read again. It doubles each time.
	minProbePause = 5 * time.Second
	maxProbePause = 10 * time.Minute
)

// isDiskError reports whether an error is a failure of the disk. That is any system
// error except scarcity and errors of permissions, names and missing files, which
// last until the user acts. Disks fail with EIO, but also with ENODATA, EUCLEAN or
// ENXIO, and remote file systems with ESTALE or ENOTCONN.
func isDiskError(err error) bool {
	if _, ok := errors.AsType[syscall.Errno](err); !ok || isScarcity(err) {
		return false
	}
	for _, stays := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, stays) {
			return false
		}
	}
	return true
}

// isScarcity reports whether an error is a lack of resources, which says nothing
// about the torrent or its data.
func isScarcity(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// stated returns an error if the system failed to stat one of the files. Without stat
// results, files must not be taken for changed.
func stated(tree *piece.Tree) error {
	for i := range tree.Files {
		if tree.Files[i].Cause != piece.CauseUnreadable {
			continue
		}
		if err := tree.Err(i); isDiskError(err) || isScarcity(err) {
			return &readError{path: tree.Path(i), err: err}
		}
	}
	return nil
}

// readAgain reads blocks, and returns the first error.
func (m *loadedMetainfo) readAgain(blocks []block) error {
	buf := buffers.Get()
	defer buffers.Put(buf)
	for _, b := range blocks {
		if err := m.data.readBlock(b, buf[:]); err != nil {
			return err
		}
	}
	return nil
}

// readBlock reads a block into buf, without using a mapping.
func (c *content) readBlock(b block, buf []byte) error {
	cursor := c.layout.Cursor(int(b.piece))
	skip, left := int64(b.begin), int64(b.length)
	for left > 0 {
		span, ok := cursor.Next()
		if !ok {
			return nil // after the end of a v2 file
		}
		if skip >= span.Length {
			skip -= span.Length
			continue
		}
		span.Offset, span.Length = span.Offset+skip, min(span.Length-skip, left)
		skip, left = 0, left-span.Length
		if span.File == metainfo.Gap || c.tree.Files[span.File].Pad {
			continue
		}
		if err := c.readSpan(span, buf); err != nil {
			return err
		}
	}
	return nil
}

func (c *content) readSpan(s metainfo.Span, buf []byte) error {
	f, err := c.open(s.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return readRange(f, s.Offset, s.Length, buf)
}

func readRange(f *os.File, offset, length int64, buf []byte) error {
	for length > 0 {
		n := min(length, int64(len(buf)))
		if _, err := f.ReadAt(buf[:n], offset); err != nil {
			return &readError{path: f.Name(), err: err}
		}
		offset, length = offset+n, length-n
	}
	return nil
}
