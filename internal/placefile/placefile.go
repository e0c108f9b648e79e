// Package placefile makes and replaces files below a directory: from hard links,
// symbolic links, clones (reflinks), copies, or their bytes.
//
// It follows no symbolic link below the directory, also not one that leads to another
// place in it: a link in a path is a *[LinkError]. A file gets its name when it is
// complete, and is synced before. What is not complete has a temporary name of package
// atomicfile.
package placefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bt/internal/atomicfile"
)

// A Root is a directory below which files are placed. It is not safe for concurrent
// use. A path is a list of names, which the caller has checked.
type Root struct {
	path string
	dirs []step // the directory and the directories that are open below it, each in the one before
	made [][]string
}

// A step is an open directory.
type step struct {
	name    string
	root    *os.Root
	changed bool // an entry was added or renamed, and is not synced yet
}

// A LinkError reports a symbolic link where a directory or file should be.
type LinkError struct{ Path string }

func (e *LinkError) Error() string {
	return e.Path + ": it is a symbolic link, and is not followed for writing"
}

// Open opens an existing directory.
func Open(dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Root{path: dir, dirs: []step{{root: root}}}, nil
}

// Close syncs the directories that were changed, and closes them.
func (r *Root) Close() error {
	err := r.leave(0)
	r.dirs = nil
	return err
}

// leave closes all directories but the first n.
func (r *Root) leave(n int) error {
	var errs []error
	for len(r.dirs) > n {
		d := r.dirs[len(r.dirs)-1]
		if d.changed {
			errs = append(errs, atomicfile.SyncDir(func() (*os.File, error) { return d.root.Open(".") }))
		}
		errs = append(errs, d.root.Close())
		r.dirs = r.dirs[:len(r.dirs)-1]
	}
	return errors.Join(errs...)
}

// enter opens the directory of a path. It makes missing directories if create is set.
// The result is valid until the next call.
func (r *Root) enter(path []string, create bool) (*step, error) {
	parents := path[:len(path)-1]
	n := 0
	for n < len(parents) && n+1 < len(r.dirs) && r.dirs[n+1].name == parents[n] {
		n++
	}
	if err := r.leave(n + 1); err != nil {
		return nil, err
	}
	for ; n < len(parents); n++ {
		sub, err := r.open(parents[:n+1], create)
		if err != nil {
			return nil, err
		}
		r.dirs = append(r.dirs, step{name: parents[n], root: sub})
	}
	return &r.dirs[n], nil
}

// open opens a directory in the last one that is open.
func (r *Root) open(path []string, create bool) (*os.Root, error) {
	in, name := &r.dirs[len(r.dirs)-1], path[len(path)-1]
	info, err := in.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := in.root.Mkdir(name, 0o777); err != nil {
			return nil, r.named(err, path)
		}
		in.changed = true
		r.made = append(r.made, append([]string(nil), path...))
		info, err = in.root.Lstat(name)
	}
	switch {
	case err != nil:
		return nil, r.named(err, path)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &LinkError{r.Path(path)}
	case !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: r.Path(path), Err: errNotDirectory}
	}
	sub, err := in.root.OpenRoot(name)
	if err != nil {
		return nil, r.named(err, path)
	}
	// The name may have become a link since Lstat.
	if now, err := sub.Stat("."); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(&LinkError{r.Path(path)}, sub.Close())
	}
	return sub, nil
}

var errNotDirectory = errors.New("not a directory")

// Path returns the path of a file for use outside of the Root.
func (r *Root) Path(path []string) string {
	return filepath.Join(append([]string{r.path}, path...)...)
}

// named returns an error with the path of a file that the user knows.
func (r *Root) named(err error, path []string) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: pathErr.Op, Path: r.Path(path), Err: pathErr.Err}
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: linkErr.Op, Path: r.Path(path), Err: linkErr.Err}
	}
	return err
}

// Lstat describes the file, or the link, at a path.
func (r *Root) Lstat(path []string) (fs.FileInfo, error) {
	d, err := r.enter(path, false)
	if err != nil {
		return nil, err
	}
	info, err := d.root.Lstat(path[len(path)-1])
	return info, r.named(err, path)
}

// Readlink returns the target of the symbolic link at a path.
func (r *Root) Readlink(path []string) (string, error) {
	d, err := r.enter(path, false)
	if err != nil {
		return "", err
	}
	target, err := d.root.Readlink(path[len(path)-1])
	return target, r.named(err, path)
}

// Symlink makes a symbolic link at a path, which must not exist.
func (r *Root) Symlink(target string, path []string) error {
	d, err := r.enter(path, true)
	if err != nil {
		return err
	}
	if err := d.root.Symlink(target, path[len(path)-1]); err != nil {
		return r.named(err, path)
	}
	d.changed = true
	return nil
}

// Link makes a hard link to a file at a path, which must not exist.
func (r *Root) Link(file string, path []string) error {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	d, err := r.enter(path, true)
	if err != nil {
		return err
	}
	if err := link(file, d.root, path[len(path)-1], r.Path(path)); err != nil {
		return &fs.PathError{Op: "link", Path: r.Path(path), Err: err}
	}
	d.changed = true
	return nil
}

// RemoveMade removes the directories that were made and are empty.
func (r *Root) RemoveMade() {
	for i := len(r.made) - 1; i >= 0; i-- {
		path := r.made[i]
		if d, err := r.enter(path, false); err == nil {
			_ = d.root.Remove(path[len(path)-1]) // it may have files
		}
	}
	r.made = nil
}

// A File is a temporary file that Commit gives its name.
type File struct {
	*os.File
	root *Root
	path []string
	temp string

	cloned bool // Clone has filled it
}

// The modes of new files, less the umask.
const (
	Regular    fs.FileMode = 0o666
	Executable fs.FileMode = 0o777
	ownerOnly  fs.FileMode = 0o600
)

// Create makes an empty temporary file in the directory of a path.
func (r *Root) Create(path []string, mode fs.FileMode) (*File, error) {
	d, err := r.enter(path, true)
	if err != nil {
		return nil, err
	}
	for {
		temp := atomicfile.TempName()
		f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		switch {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return nil, r.named(err, path)
		default:
			return &File{File: f, root: r, path: path, temp: temp}, nil
		}
	}
}

// Replace makes an empty temporary file for the file at a path, with its mode and owner.
// old describes that file.
func (r *Root) Replace(path []string, old fs.FileInfo) (*File, error) {
	f, err := r.Create(path, ownerOnly)
	if err != nil {
		return nil, err
	}
	if err := atomicfile.KeepOwner(f.File, old); err != nil {
		err = fmt.Errorf("%s: its owner can't be kept: %w", r.Path(path), withoutPath(err))
		return nil, errors.Join(err, f.Abort())
	}
	if err := f.Chmod(old.Mode().Perm()); err != nil {
		return nil, errors.Join(r.named(err, path), f.Abort())
	}
	return f, nil
}

func withoutPath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// TempPath returns the path of the temporary file.
func (f *File) TempPath() string {
	return f.root.Path(append(f.path[:len(f.path)-1:len(f.path)-1], f.temp))
}

// Finish syncs and closes the file, which can then be read by TempPath.
func (f *File) Finish() error {
	err := f.Sync()
	return f.root.named(errors.Join(err, f.Close()), f.path)
}

// Named returns an error of the temporary file as one of the file.
func (f *File) Named(err error) error { return f.root.named(err, f.path) }

// Abort closes and removes the temporary file.
func (f *File) Abort() error {
	f.Close() // it may be closed already
	d, err := f.root.enter(f.path, false)
	if err == nil {
		err = d.root.Remove(f.temp)
	}
	return f.Named(err)
}

// A ChangedError reports a file that has changed since it was examined.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string { return e.Path + ": it has changed meanwhile, and is kept" }

// Commit gives a finished file its name. old describes the file that it replaces, which
// must not have changed; if old is nil, there must be none.
func (f *File) Commit(old fs.FileInfo) error {
	d, err := f.root.enter(f.path, false)
	if err != nil {
		return err
	}
	name := f.path[len(f.path)-1]
	if old != nil {
		if now, err := d.root.Lstat(name); err != nil || !Same(now, old) {
			return &ChangedError{f.root.Path(f.path)}
		}
		err = d.root.Rename(f.temp, name)
	} else if err = d.root.Link(f.temp, name); err == nil { // unlike Rename it replaces nothing
		_ = d.root.Remove(f.temp) // the file remains under its name
	} else if !errors.Is(err, fs.ErrExist) { // the file system has no hard links
		if _, err = d.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			err = d.root.Rename(f.temp, name)
		} else if err == nil {
			err = &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
	}
	if err != nil {
		return f.Named(err)
	}
	d.changed = true
	return nil
}

// Same reports whether two descriptions are of the same file with the same content.
func Same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode().Type() == b.Mode().Type()
}

// OpenInPlace opens the file at a path for writing. old describes it, and it must not
// have changed.
func (r *Root) OpenInPlace(path []string, old fs.FileInfo) (*os.File, error) {
	d, err := r.enter(path, false)
	if err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(path[len(path)-1], os.O_RDWR, 0)
	if err != nil {
		return nil, r.named(err, path)
	}
	if now, err := f.Stat(); err != nil || !Same(now, old) {
		return nil, errors.Join(&ChangedError{r.Path(path)}, f.Close())
	}
	return f, nil
}
