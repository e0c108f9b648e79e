package partial

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/placefile"
)

// An Event reports something that happened in a download. It is one of the Event types of
// this package.
type Event interface{ isEvent() }

// EventPiece reports that a piece was hashed. If it was proven, a Content has written it, and
// a Stream will. If not, its blocks were dropped: they must be requested again.
type EventPiece struct {
	Piece  int
	Proven bool

	// Blocks are the SHA-256 hashes of its blocks. They are set if the piece is not proven,
	// and if it is after it was not: those that differ were wrong.
	Blocks [][32]byte
}

// EventRoom reports that the window of a Stream has moved.
type EventRoom struct{}

// EventFile reports that all pieces of a wanted file are proven, and that the file has its
// name.
type EventFile struct {
	File  int // index in the torrent
	Path  string
	Size  int64
	Found bool // Open found it; it was not written now
}

// EventWarning reports something that does not stop the download.
type EventWarning struct{ Err error }

// EventError reports the error that stopped the download. It is sent once, and Take
// returns the same error from then on.
type EventError struct{ Err error }

func (EventPiece) isEvent()   {}
func (EventRoom) isEvent()    {}
func (EventFile) isEvent()    {}
func (EventWarning) isEvent() {}
func (EventError) isEvent()   {}

// A DiskError reports that a file could not be written, synced or read. A later Open goes
// on from what is on disk.
type DiskError struct {
	Path string
	Err  error
}

func (e *DiskError) Error() string {
	err := e.Err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if e.IsFull() {
		return fmt.Sprintf("%s can't be written: the disk is full (%v)", e.Path, err)
	}
	return fmt.Sprintf("%s can't be written: %v", e.Path, err)
}

func (e *DiskError) Unwrap() error { return e.Err }

// IsFull reports whether there is no space for the file.
func (e *DiskError) IsFull() bool {
	return errors.Is(e.Err, syscall.ENOSPC) || errors.Is(e.Err, syscall.EDQUOT) || errors.Is(e.Err, syscall.EFBIG)
}

// An ExistsError lists files that exist already and are not those of the torrent. They are
// as they were.
type ExistsError struct{ Paths []string }

func (e *ExistsError) Error() string {
	s := e.Paths[0] + ": it exists, and is not the file of the torrent"
	if n := len(e.Paths) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// A NameError reports a file whose name can't be used.
type NameError struct {
	Path string // below the directory
	Why  string
}

func (e *NameError) Error() string { return fmt.Sprintf("%q can't be written: %s", e.Path, e.Why) }

// A LinkError reports a symbolic link where a directory or file should be.
type LinkError = placefile.LinkError

// A LockedError reports that another process, or another Content, downloads the torrent to
// the same directory.
type LockedError struct{ Path string }

func (e *LockedError) Error() string {
	return e.Path + " is locked: the torrent is being downloaded to this directory already"
}

var (
	// ErrNoLayers reports a v2 torrent without the piece layers that its pieces are proven
	// by.
	ErrNoLayers = errors.New("the torrent has no piece layers, which prove its pieces")

	// ErrFull is returned by Take for a block of a new piece if the memory is full.
	ErrFull = errors.New("the memory for blocks is full")

	// ErrBlock is returned by Take for what is not a block of the torrent.
	ErrBlock = errors.New("not a block of the torrent")

	// ErrClosed is returned by Take after Close.
	ErrClosed = errors.New("closed")
)

// checkLayers returns ErrNoLayers unless each piece can be proven alone.
func checkLayers(c *metainfo.Content, needed func(file int) bool) error {
	if c.V1 {
		return nil
	}
	for i := range c.Files {
		if f := &c.Files[i]; f.PiecesRoot != nil && needed(i) {
			if _, ok := c.PieceHash(i, 0); !ok {
				return ErrNoLayers
			}
		}
	}
	return nil
}
