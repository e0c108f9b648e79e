package placefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"bt/internal/atomicfile"
)

// A File is a temporary file that Commit gives its name.
type File struct {
	*os.File
	root     *Root
	path     []string
	temp     string
	cloned   bool         // it has blocks of another file, so its ranges are no holes
	finished <-chan error // nil before Finish
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
	temp := r.openRun().tempName(path[:len(path)-1])
	f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, r.named(err, path)
	}
	return &File{File: f, root: r, path: path, temp: temp}, nil
}

// Writable returns an error if no file can be made at a path, as far as the rights of the
// directory show it: the one of the path or, if that is missing, the one above. It makes
// nothing.
func (r *Root) Writable(path []string) error {
	dir := path[:len(path)-1]
	for len(dir) > 0 {
		if _, err := r.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		dir = dir[:len(dir)-1]
	}
	if err := writable(r.Path(dir)); err != nil {
		return r.named(&fs.PathError{Op: "create", Err: err}, path)
	}
	return nil
}

// Replace makes an empty temporary file for the file at a path, with its mode, owner and
// attributes. old describes that file.
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
	if err := f.keepAttributes(old); err != nil {
		err = fmt.Errorf("%s: its extended attributes can't be kept: %w", r.Path(path), withoutPath(err))
		return nil, errors.Join(err, f.Abort())
	}
	return f, nil
}

// keepAttributes copies the extended attributes and the access control list of the file
// that will be replaced.
func (f *File) keepAttributes(old fs.FileInfo) error {
	d, err := f.root.enter(f.path, false)
	if err != nil {
		return err
	}
	from, err := d.root.Open(f.path[len(f.path)-1])
	if err != nil {
		return err
	}
	defer from.Close()
	if now, err := from.Stat(); err != nil || !Same(now, old) {
		return &ChangedError{f.root.Path(f.path)}
	}
	return copyAttributes(f.File, from, true)
}

// CopyAttributes copies the extended attributes of a file that users set, as far as the
// file system takes them.
func (f *File) CopyAttributes(from *os.File) { _ = copyAttributes(f.File, from, false) }

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

// Finish begins to sync the file, and closes it then. It can be read by TempPath.
func (f *File) Finish() {
	done := make(chan error, 1)
	f.finished = done
	file := f.File
	f.root.syncing.start(func() error {
		done <- errors.Join(file.Sync(), file.Close())
		close(done)
		return nil
	})
}

// Wait waits for the end of Finish, and returns its error the first time.
func (f *File) Wait() error { return f.Named(<-f.finished) }

// Named returns an error of the temporary file as one of the file.
func (f *File) Named(err error) error { return f.root.named(err, f.path) }

// Abort closes and removes the temporary file.
func (f *File) Abort() error {
	if f.finished != nil {
		_ = f.Wait()
	} else {
		f.Close()
	}
	d, err := f.root.enter(f.path, false)
	if err == nil {
		err = d.root.Remove(f.temp)
	}
	return f.Named(err)
}

// A ChangedError reports a file that has changed since it was examined.
type ChangedError struct{ Path string }

func (e *ChangedError) Error() string { return e.Path + ": it has changed meanwhile, and is kept" }

// Commit gives a finished file its name, when it is synced. old describes the file that it replaces, which
// must not have changed; if old is nil, there must be none.
func (f *File) Commit(old fs.FileInfo) error {
	if err := f.Wait(); err != nil {
		return err
	}
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
