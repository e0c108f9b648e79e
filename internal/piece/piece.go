// Package piece finds the content of a torrent on disk, reads it and hashes its pieces.
// Making, verifying and seeding a torrent all use its [Job].
//
// A Job yields every piece in order, with its sums or with the faults of its files. A
// missing, short or unreadable file fails only the pieces that have bytes of it, and
// the offsets of other files stay the same. After the last piece the Job checks every
// file again, and reports those that changed (size, modification time or inode).
//
// The sum of a piece is its SHA-1 for v1, and the root of a hash tree over its blocks for
// v2 (BEP 52). For a hybrid torrent the Job computes both in one pass, hashing each
// block twice while it is in the CPU's cache.
//
// Each worker hashes a batch of pieces at once, with package lanes. It maps windows of
// large files and hashes them in the page cache, without a copy. It reads small files,
// and files that can't be mapped, into buffers. The memory that all workers map and
// allocate has a constant limit. Each file takes a few dozen bytes more. Content that is
// not on disk, but is read once from a URL or a pipe, goes through the same lanes: see
// [Job.RunStream].
package piece

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// A Cause is the reason why a file can't be hashed.
type Cause uint8

// The causes. The zero Cause is CauseFine.
const (
	CauseFine       Cause = iota // no fault
	CauseMissing                 // the file does not exist
	CauseNotAFile                // a directory, socket, FIFO or device
	CauseUnreadable              // the file can't be opened or read
	CauseChanged                 // the file changed while it was hashed
)

func (c Cause) String() string {
	return [...]string{"fine", "missing", "not a file", "unreadable", "changed"}[c]
}

// A Fault reports a file that can't be hashed.
type Fault struct {
	File  int // index in Tree.Files
	Path  string
	Cause Cause
	Err   error // the operating system's error, or nil
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
	// The message has the path already.
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Sprintf("%s: %v", f.Path, err)
}

func (f *Fault) Unwrap() error { return f.Err }

// A Result is the result of hashing one piece.
type Result struct {
	Layout  int // 0: Job.Layout, else the index in Job.More plus 1
	Index   int
	SHA1    [sha1.Size]byte // v1
	Root    [32]byte        // v2: root of the tree over its blocks; for a file of one piece its pieces root
	Skipped bool            // by Job.Skip; there are no sums
	Failed  bool            // not all of its bytes could be read; the sums are invalid

	// Faults are the errors of reading, in order, at most one per file. They don't
	// include files that the Tree has a Cause for or that are short, which may be
	// millions.
	Faults []*Fault
}

// A Source is the file on disk for one file of the torrent.
type Source struct {
	Cause  Cause // if not CauseFine, the file can't be read
	Pad    bool  // a pad file: zeros that are not on disk (BEP 47)
	Link   bool  // a symbolic link in the torrent, which has no content (BEP 47)
	Public bool  // the mode allows everyone to read the file
}

// causeOf returns CauseMissing if err means that there is no file, else CauseUnreadable.
func causeOf(err error) Cause {
	switch {
	case errors.Is(err, fs.ErrNotExist),
		errors.Is(err, syscall.ENOTDIR), // a parent directory is a file
		errors.Is(err, syscall.ENAMETOOLONG) && !isLongPath(err):
		return CauseMissing
	}
	return CauseUnreadable
}

// longestName is the length of the longest name that common file systems allow.
const longestName = 255

// isLongPath reports whether the path of an error is too long for the system, but no name
// in it is: the file may exist.
func isLongPath(err error) bool {
	pathErr, ok := errors.AsType[*fs.PathError](err)
	if !ok || len(pathErr.Path) < longestPath {
		return false
	}
	for name := range strings.SplitSeq(filepath.ToSlash(pathErr.Path), "/") {
		if len(name) > longestName {
			return false
		}
	}
	return true
}
