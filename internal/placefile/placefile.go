// Package placefile makes and replaces files below a directory: from hard links,
// symbolic links, clones (reflinks), copies, or their bytes.
//
// It follows no symbolic link below the directory, also not one that leads to another
// place in it: a link in a path is a *[LinkError]. A file gets its name when it is
// complete, and is synced before. What is not complete has a temporary name of package
// atomicfile. Files and directories are synced in the background, several at once: many
// small files take a fraction of the time.
//
// A file that replaces another keeps its mode, its owner and, on Linux, its extended
// attributes and access control list. A copy keeps holes.
package placefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"bt/internal/atomicfile"
)

// A Root is a directory below which files are placed. It is not safe for concurrent
// use. A path is a list of names, which the caller has checked.
type Root struct {
	path    string
	dirs    []step // the directory and the directories that are open below it, each in the one before
	made    [][]string
	run     *run // nil before the first temporary file
	cleaned bool // RemoveDead was called
	syncing syncing
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

// Close syncs the directories that were changed, and closes them. It removes the
// directory of Scratch.
func (r *Root) Close() error {
	r.leave(0)
	return errors.Join(r.syncing.wait(), r.run.remove())
}

// leave closes all directories but the first n.
func (r *Root) leave(n int) {
	for len(r.dirs) > n {
		d := r.dirs[len(r.dirs)-1]
		r.dirs = r.dirs[:len(r.dirs)-1]
		if !d.changed {
			d.root.Close()
			continue
		}
		r.syncing.start(func() error {
			err := atomicfile.SyncDir(func() (*os.File, error) { return d.root.Open(".") })
			return errors.Join(err, d.root.Close())
		})
	}
}

// enter opens the directory of a path. It makes missing directories if create is set.
// The result is valid until the next call.
func (r *Root) enter(path []string, create bool) (*step, error) {
	parents := path[:len(path)-1]
	n := 0
	for n < len(parents) && n+1 < len(r.dirs) && r.dirs[n+1].name == parents[n] {
		n++
	}
	r.leave(n + 1)
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
	sub, err := OpenIn(in.root, name)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := in.root.Mkdir(name, 0o777); err != nil {
			return nil, r.named(err, path)
		}
		in.changed = true
		r.made = append(r.made, append([]string(nil), path...))
		sub, err = OpenIn(in.root, name)
	}
	return sub, r.named(err, path)
}

// OpenIn opens a directory that is in another one. A symbolic link is a *[LinkError]. The
// errors have the name as their path.
func OpenIn(dir *os.Root, name string) (*os.Root, error) {
	info, err := dir.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, &LinkError{name}
	case !info.IsDir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotDirectory}
	}
	sub, err := dir.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	// The name may have become a link since Lstat.
	if now, err := sub.Stat("."); err != nil || !os.SameFile(info, now) {
		return nil, errors.Join(&LinkError{name}, sub.Close())
	}
	return sub, nil
}

var errNotDirectory = errors.New("not a directory")

// Path returns the path of a file for use outside of the Root.
func (r *Root) Path(path []string) string {
	return filepath.Join(append([]string{r.path}, path...)...)
}

// named returns an error with the path of a file that the user knows.
func (r *Root) named(err error, path []string) error { return Named(err, r.Path(path)) }

// Named returns an error of an operation on a name in a directory with a path that the
// user knows.
func Named(err error, path string) error {
	if link, ok := errors.AsType[*LinkError](err); ok && link.Path != path {
		return &LinkError{path}
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: pathErr.Op, Path: path, Err: pathErr.Err}
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: linkErr.Op, Path: path, Err: linkErr.Err}
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
