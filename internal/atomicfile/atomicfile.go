// Package atomicfile writes a file whole or not at all: into a temporary file
// in the same directory, synced, then put in place under its name.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Temporary files are called .bt-NUMBER.tmp, in the directory of the file.
const (
	tempPrefix = ".bt-"
	tempSuffix = ".tmp"
)

// IsTemp reports whether a file of that name is one that a killed process of
// ours may have left.
func IsTemp(name string) bool {
	middle, ok := strings.CutPrefix(name, tempPrefix)
	middle, ok2 := strings.CutSuffix(middle, tempSuffix)
	return ok && ok2 && middle != "" && strings.Trim(middle, "0123456789") == ""
}

// Check says whether path could be written now, without leaving a trace: its
// directory exists and takes new files and, unless it may be replaced, nothing
// is there. An existing file is fs.ErrExist.
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

// target returns the file that writing to path makes or replaces: a link is
// followed. Without replace there must be nothing, not even a link.
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

// create opens a new temporary file beside path, with the mode that the system
// gives new files here, or for its owner alone until it has that of another.
func create(path string, perm fs.FileMode) (*os.File, error) {
	for {
		name := fmt.Sprintf("%s%d%s", tempPrefix, rand.Uint64(), tempSuffix)
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

const (
	newFile   fs.FileMode = 0o666 // less the umask
	ownerOnly fs.FileMode = 0o600
)

// Write makes path hold data. Without replace an existing path is
// fs.ErrExist, also one that appeared in this moment; with it an existing file
// keeps its mode, and a link is followed to the file that it leads to. After an
// error path is as it was, unless only the sync of its directory failed.
func Write(path string, data []byte, replace bool) error {
	return write(path, data, replace, nil, nil, true)
}

// WriteCache is Write for a file that may be lost, and replaces what is there: a
// crash of the system may leave it as it was, or damaged.
func WriteCache(path string, data []byte) error {
	return write(path, data, true, nil, nil, false)
}

// WriteFrom is Write for data that was made of the file source: what it writes
// can be read by no group and no others that can't read source, whatever the
// umask and the file that it replaces allow. A nil source limits nothing.
func WriteFrom(path string, data []byte, replace bool, source fs.FileInfo) error {
	return write(path, data, replace, nil, source, true)
}

// Rewrite is Write for a file that is there, and keeps its owner too.
func Rewrite(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return write(path, data, true, info, nil, true)
}

// write is WriteFrom. With like the file gets the mode and owner of that one.
func write(path string, data []byte, replace bool, like, source fs.FileInfo, sync bool) error {
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
	return syncDir(filepath.Dir(path))
}

// restrict takes from the empty file f what source does not allow, and returns
// the limit of its mode.
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
		// The group of either file counts as others for the other one.
		both := limit >> 3 & limit & 0o7
		limit = limit&0o700 | both<<3 | both
	}
	if mode := info.Mode().Perm(); mode&^limit != 0 {
		return limit, f.Chmod(mode & limit)
	}
	return limit, nil
}

// fill writes and closes the temporary file, and gives it the mode of old if there
// is one, within limit, and its owner.
func fill(f *os.File, data []byte, old fs.FileInfo, limit fs.FileMode, owner, sync bool) error {
	if _, err := f.Write(data); err != nil {
		return err
	}
	if owner {
		if err := keepOwner(f, old); err != nil {
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

// named blames path and not a temporary name that the user never saw.
func named(err error, path string) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: pathErr.Op, Path: path, Err: pathErr.Err}
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: linkErr.Op, Path: path, Err: linkErr.Err}
	}
	return err
}

// place gives the temporary file its name.
func place(temp, path string, replace bool) error {
	if replace {
		return os.Rename(temp, path)
	}
	// A rename would replace what appeared since the check; a link does not.
	err := os.Link(temp, path)
	switch {
	case err == nil:
		_ = os.Remove(temp) // the other name of a file that is in place
		return nil
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	// The file system has no hard links: the check must do.
	if _, err := target(path, false); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// Backup gives what path holds the further name backup, beside which Write may
// then replace it. Without replace an existing backup is fs.ErrExist.
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
	// There was one, or the file system has no hard links.
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return write(backup, data, replace, info, nil, true)
}
