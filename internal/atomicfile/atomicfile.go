// Package atomicfile writes a file whole or not at all: into a temporary file
// in the same directory, synced, then put in place under its name.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Temporary files are called .bt-NUMBER.tmp, in the directory of the file.
const (
	tempPrefix = ".bt-"
	tempSuffix = ".tmp"
)

// IsTemp tells whether a file of that name is one that a killed process of
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
	if err := checkTarget(path, replace); err != nil {
		return err
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func checkTarget(path string, replace bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !replace:
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case info.Mode()&fs.ModeSymlink != 0:
		// Replacing follows the link below, to where it leads.
		info, err = os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is a link to nowhere", path)
		} else if err != nil {
			return err
		}
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}

func create(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), tempPrefix+"*"+tempSuffix)
}

// Write makes path hold data. Without replace an existing path is
// fs.ErrExist, also one that appeared in this moment; with it an existing file
// keeps its mode, and a link is followed to the file that it leads to. A new
// file has mode 0666 less the umask. After an error path is as it was.
func Write(path string, data []byte, replace bool) (err error) {
	if err := checkTarget(path, replace); err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return named(err, path)
	}
	if err := f.Chmod(mode(path)); err != nil {
		return named(err, path)
	}
	if err := f.Sync(); err != nil {
		return named(err, path)
	}
	if err := f.Close(); err != nil {
		return named(err, path)
	}
	if err := place(f.Name(), path, replace); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// named blames path and not a temporary name that the user never saw.
func named(err error, path string) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: pathErr.Op, Path: path, Err: pathErr.Err}
	}
	return err
}

// mode is that of the file to be replaced, or of a new one.
func mode(path string) fs.FileMode {
	if info, err := os.Stat(path); err == nil {
		return info.Mode().Perm()
	}
	return 0o666 &^ umask()
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
		return os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	// The file system has no hard links: the check must do.
	if err := checkTarget(path, false); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
