// Package atomicfile writes files atomically: to a temporary file in the same
// directory, which is synced and renamed.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Temporary files are named .bt-NUMBER.tmp, in the directory of the file.
const (
	tempPrefix = ".bt-"
	tempSuffix = ".tmp"
)

// IsTemp reports whether a file name is that of a temporary file, which a killed
// process may have left behind.
func IsTemp(name string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix)
	middle, ok2 := strings.CutSuffix(middle, tempSuffix)
	return ok && ok2 && middle != "" && strings.Trim(middle, "0123456789") == ""
}

// TempName returns a name for a temporary file.
func TempName() string { return fmt.Sprintf("%s%d%s", tempPrefix, rand.Uint64(), tempSuffix) }

// Check returns an error if path can't be written: if its directory does not exist or
// is not writable or, without replace, the file exists (fs.ErrExist). It leaves no
// trace.
func Check(path string, replace bool) error {
	path, err := target(path, replace)
	if err != nil {
		return err
	}
	f, err := create(path, ownerOnly)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// target returns the file that writing to path creates or replaces: it follows a link.
// Without replace, nothing must exist, not even a link.
func target(path string, replace bool) (string, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, nil
	case err != nil:
		return "", err
	case !replace:
		return "", &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case info.Mode()&fs.ModeSymlink != 0:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", fmt.Errorf("a link that leads nowhere: %w", err)
		}
		if info, err = os.Stat(path); err != nil {
			return "", err
		}
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	return path, nil
}

// create creates a temporary file beside path, with the mode of new files, or ownerOnly
// until it gets the mode of another file.
func create(path string, perm fs.FileMode) (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), TempName()), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

const (
	newFile   fs.FileMode = 0o666 // less the umask
	ownerOnly fs.FileMode = 0o600
)

// Write writes data to path. Without replace, an existing path is fs.ErrExist, even if
// it was created in the meantime. With replace, an existing file keeps its mode, and a
// link is followed to its target. After an error path is unchanged, unless only the
// sync of its directory failed.
func Write(path string, data []byte, replace bool) error {
	return WriteTo(path, bytes.NewReader(data), replace)
}

// WriteTo is Write for data that is not in one piece, such as a long report.
func WriteTo(path string, data io.WriterTo, replace bool) error {
	return write(path, data, replace, nil, nil, true)
}

// WriteCache is Write with replace, for a file that may be lost: after a system crash
// it may be unchanged or damaged.
func WriteCache(path string, data []byte) error {
	return write(path, bytes.NewReader(data), true, nil, nil, false)
}

// WriteFrom is Write for data that was derived from the file source: the group and
// others can only read the result if they can read source, whatever the umask and the
// replaced file allow. A nil source limits nothing.
func WriteFrom(path string, data []byte, replace bool, source fs.FileInfo) error {
	return write(path, bytes.NewReader(data), replace, nil, source, true)
}

// Rewrite is Write for an existing file, which also keeps its owner.
func Rewrite(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return write(path, bytes.NewReader(data), true, info, nil, true)
}

// write is WriteFrom. If like is not nil, the file gets its mode and owner.
func write(path string, data io.WriterTo, replace bool, like, source fs.FileInfo, sync bool) error {
	path, err := target(path, replace)
	if err != nil {
		return err
	}
	old := like
	if old == nil {
		if old, err = os.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	perm := newFile
	switch {
	case old != nil:
		perm = ownerOnly
	case source != nil:
		perm = source.Mode().Perm()&newFile | ownerOnly
	}
	f, err := create(path, perm)
	if err != nil {
		return named(err, path)
	}
	limit, err := restrict(f, source)
	if err == nil {
		err = fill(f, data, old, limit, like != nil, sync)
	}
	if err != nil {
		return errors.Join(named(err, path), f.Close(), os.Remove(f.Name()))
	}
	if err := place(f.Name(), path, replace); err != nil {
		return errors.Join(named(err, path), os.Remove(f.Name()))
	}
	if !sync {
		return nil
	}
	return SyncDir(func() (*os.File, error) { return os.Open(filepath.Dir(path)) })
}

// restrict removes permissions that source does not have from the empty file f, and
// returns the limit of its mode.
func restrict(f *os.File, source fs.FileInfo) (limit fs.FileMode, err error) {
	if source == nil {
		return fs.ModePerm, nil
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	limit = source.Mode().Perm() | ownerOnly
	if !sameGroup(info, source) {
		// The group of one file counts as others for the other file.
		both := limit >> 3 & limit & 0o7
		limit = limit&0o700 | both<<3 | both
	}
	if mode := info.Mode().Perm(); mode&^limit != 0 {
		return limit, f.Chmod(mode & limit)
	}
	return limit, nil
}

// fill writes and closes the temporary file, and sets its mode, within limit, and owner
// to those of old, if there is one.
func fill(f *os.File, data io.WriterTo, old fs.FileInfo, limit fs.FileMode, owner, sync bool) error {
	if _, err := data.WriteTo(f); err != nil {
		return err
	}
	if owner {
		if err := KeepOwner(f, old); err != nil {
			return &fs.PathError{Op: "chown", Path: f.Name(), Err: fmt.Errorf("its owner can't be kept: %w", err)}
		}
	}
	if old != nil {
		if err := f.Chmod(old.Mode().Perm() & limit); err != nil {
			return err
		}
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return f.Close()
}

// named replaces the temporary name, which the user has never seen, in an error by
// path.
func named(err error, path string) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: pathErr.Op, Path: path, Err: pathErr.Err}
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: linkErr.Op, Path: path, Err: linkErr.Err}
	}
	return err
}

// place renames the temporary file.
func place(temp, path string, replace bool) error {
	if replace {
		return os.Rename(temp, path)
	}
	// Rename would replace a file that was created since the check; Link does not.
	err := os.Link(temp, path)
	switch {
	case err == nil:
		_ = os.Remove(temp) // the file remains under its final name
		return nil
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	// The file system has no hard links: rely on the check.
	if _, err := target(path, false); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// Backup gives the file at path a second name, backup, before Write replaces it.
// Without replace, an existing backup is fs.ErrExist.
func Backup(path, backup string, replace bool) error {
	path, err := target(path, true)
	if err != nil {
		return err
	}
	if !replace {
		if err := os.Link(path, backup); err == nil || errors.Is(err, fs.ErrExist) {
			return named(err, backup)
		}
	}
	// It exists, or the file system has no hard links.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return write(backup, bytes.NewReader(data), replace, info, nil, true)
}
