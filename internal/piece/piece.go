// Package piece reads content and hashes it in pieces. It is the only place
// that does: making, verifying and seeding all run its [Job].
//
// A Job yields every piece in order, with its sums or with the faults of the
// files that it needs. A file that is missing, short or unreadable marks its
// own pieces and the job goes on: nothing shifts. When all is read every file
// is looked at again, and one that is not what it was (size, modification
// time, inode) is reported.
//
// v1 has a SHA-1 a piece, v2 the root of a hash tree over its blocks (BEP 52). A
// hybrid gets both from one pass: a block is hashed twice while it is in the
// processor's cache.
//
// Each worker hashes a batch of pieces at once, in the lanes of package lanes.
// It maps windows of large files and hashes them where they are, in the page
// cache; small files and what can't be mapped it reads into buffers. What it
// has mapped, buffered and open at a time is its share of a constant, whatever
// the torrent; what is remembered of each file is a few dozen bytes.
package piece

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// A Cause says what is the matter with a file.
type Cause uint8

const (
	CauseFine       Cause = iota
	CauseMissing          // it is not there
	CauseNotAFile         // a directory, socket, FIFO or device has its name
	CauseUnreadable       // the system refuses to open or read it
	CauseChanged          // it became another while it was hashed
)

func (c Cause) String() string {
	return [...]string{"fine", "missing", "not a file", "unreadable", "changed"}[c]
}

// A Fault is a file that keeps a piece from being hashed.
type Fault struct {
	File  int // index into the tree
	Path  string
	Cause Cause
	Err   error // what the system said; may be nil
}

func (f *Fault) Error() string {
	switch {
	case f.Cause == CauseChanged:
		return f.Path + ": changed while it was hashed"
	case f.Cause == CauseNotAFile:
		return f.Path + ": not a regular file"
	case f.Err == nil:
		return f.Path + ": " + f.Cause.String()
	}
	err := f.Err
	// The path is there already, and "open" is not the point.
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Sprintf("%s: %v", f.Path, err)
}

func (f *Fault) Unwrap() error { return f.Err }

// A Result is what became of one piece: its sums, or why there are none.
type Result struct {
	Index  int
	SHA1   [sha1.Size]byte // v1
	Root   [32]byte        // v2: of the tree over its blocks, which of a file of one piece is its pieces root
	Failed bool            // not all of its bytes could be read; the sums mean nothing

	// Faults are what showed only when it was read, one a file, in order. The tree
	// knows the other files that are missing or short, which may be millions.
	Faults []*Fault
}

// A Source is the file on disk for one file of the torrent.
type Source struct {
	ID    Identity
	Cause Cause // not Fine: why there is nothing to read
	Pad   bool  // zeros, and nothing on disk (BEP 47)
	Link  bool  // the torrent has a symlink here (BEP 47): it has no content

	// Public says that its mode lets everyone read it.
	Public bool
}

// An Identity tells one state of a file from another.
type Identity struct {
	Size     int64 // bytes
	ModTime  int64 // nanoseconds since 1970
	Dev, Ino uint64
}

// Identify returns the identity in info.
func Identify(info fs.FileInfo) Identity {
	id := Identity{Size: info.Size(), ModTime: info.ModTime().UnixNano()}
	id.Dev, id.Ino = inode(info)
	return id
}

// causeOf tells a file that is not there from one that can't be had.
func causeOf(err error) Cause {
	for _, absent := range []error{
		fs.ErrNotExist,
		syscall.ENOTDIR,      // a file stands where the path needs a directory
		syscall.ENAMETOOLONG, // no file here can be called so
	} {
		if errors.Is(err, absent) {
			return CauseMissing
		}
	}
	return CauseUnreadable
}
