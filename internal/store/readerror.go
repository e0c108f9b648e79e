package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"bt/internal/piece"
)

// A failing disk is different from changed data: file metadata does not show when it
// works again. Only reading the failed blocks again does.

// A ReadError reports that bytes of an unchanged file could not be read.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string {
	err := e.Err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Sprintf("%s can't be read: %v", e.Path, err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// IsDiskError reports whether an error is a failure of the disk. That is any system
// error except scarcity and errors of permissions, names and missing files, which last
// until the user acts. Disks fail with EIO, but also with ENODATA, EUCLEAN or ENXIO, and
// remote file systems with ESTALE or ENOTCONN.
func IsDiskError(err error) bool {
	if _, ok := errors.AsType[syscall.Errno](err); !ok || IsScarcity(err) {
		return false
	}
	for _, stays := range []error{fs.ErrPermission, fs.ErrNotExist, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.ELOOP} {
		if errors.Is(err, stays) {
			return false
		}
	}
	return true
}

// IsScarcity reports whether an error is a lack of resources, which says nothing about
// the torrent or its data.
func IsScarcity(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// CheckStats returns a [*ReadError] if the system failed to stat one of the files of a
// tree. Without stat results, files must not be taken for changed.
func CheckStats(tree *piece.Tree) error {
	for i := range tree.Files {
		if tree.Files[i].Cause != piece.CauseUnreadable {
			continue
		}
		if err := tree.Err(i); IsDiskError(err) || IsScarcity(err) {
			return &ReadError{tree.Path(i), err}
		}
	}
	return nil
}
