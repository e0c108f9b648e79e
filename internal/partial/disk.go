package partial

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"bt/internal/atomicfile"
	"bt/internal/placefile"
)

// A disk is the directory of a download. It is the only way in which files are changed: it
// follows no symbolic link below the directory, and a test can record what it does. A path
// is a list of names below the directory.
type disk struct {
	dir   string
	trace func(o op, do func() error) error // if not nil, called for each change, which it makes by do

	mu      sync.Mutex
	root    *os.Root
	last    *os.Root        // the directory that was used last; nil if it is root
	lastAt  []string        // its path
	changed map[string]bool // directories with changes that are not synced, by path
}

// An op is a change of the disk, as a test records it.
type op struct {
	kind   opKind
	path   string // below the directory, with slashes
	to     string // opLink, opRename
	offset int64  // opWrite
	data   []byte // opWrite
	size   int64  // opTruncate
}

type opKind uint8

const (
	opMkdir opKind = iota
	opCreate
	opWrite
	opTruncate
	opSync
	opLink
	opRename
	opRemove
	opSymlink
	opSyncDir
)

func openDisk(dir string, trace func(op, func() error) error) (*disk, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &disk{dir: dir, trace: trace, root: root, changed: make(map[string]bool)}, nil
}

func (d *disk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget()
	d.root.Close()
}

// forget closes the directory that was used last.
func (d *disk) forget() {
	if d.last != nil {
		d.last.Close()
	}
	d.last, d.lastAt = nil, nil
}

// path returns a path for use outside of the disk.
func (d *disk) path(path []string) string { return filepath.Join(d.dir, filepath.Join(path...)) }

func (d *disk) named(err error, path []string) error { return placefile.Named(err, d.path(path)) }

// apply makes a change.
func (d *disk) apply(o op, do func() error) error {
	if d.trace == nil {
		return do()
	}
	return d.trace(o, do)
}

// enter returns the directory of a path, and the last name. It makes missing directories if
// create is set. d.mu is locked, and the directory is valid as long.
func (d *disk) enter(path []string, create bool) (dir *os.Root, name string, err error) {
	parents, name := path[:len(path)-1], path[len(path)-1]
	if len(parents) == 0 {
		return d.root, name, nil
	}
	if d.last != nil && slices.Equal(parents, d.lastAt) {
		return d.last, name, nil
	}
	d.forget()
	at := d.root
	for n := range parents {
		sub, err := d.step(at, parents[:n+1], create)
		if at != d.root {
			at.Close()
		}
		if err != nil {
			return nil, "", err
		}
		at = sub
	}
	d.last, d.lastAt = at, slices.Clone(parents)
	return at, name, nil
}

// step opens the directory with a path in the one above.
func (d *disk) step(in *os.Root, path []string, create bool) (*os.Root, error) {
	name := path[len(path)-1]
	sub, err := placefile.OpenIn(in, name)
	if errors.Is(err, fs.ErrNotExist) && create {
		err = d.apply(op{kind: opMkdir, path: strings.Join(path, "/")}, func() error { return in.Mkdir(name, 0o777) })
		if err != nil {
			return nil, d.named(err, path)
		}
		d.hasChanged(path)
		sub, err = placefile.OpenIn(in, name)
	}
	return sub, d.named(err, path)
}

// hasChanged notes that the entry of a path was changed.
func (d *disk) hasChanged(path []string) { d.changed[strings.Join(path[:len(path)-1], "/")] = true }

// do calls f with the directory of a path, and the last name.
func (d *disk) do(path []string, create bool, f func(dir *os.Root, name string) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name, err := d.enter(path, create)
	if err != nil {
		return err // it names the directory
	}
	return d.named(f(dir, name), path)
}

// change is do for a change that is recorded as o, with the path.
func (d *disk) change(path []string, create bool, o op, f func(dir *os.Root, name string) error) error {
	return d.do(path, create, func(dir *os.Root, name string) error {
		o.path = strings.Join(path, "/")
		err := d.apply(o, func() error { return f(dir, name) })
		if err == nil {
			d.hasChanged(path)
		}
		return err
	})
}

func (d *disk) lstat(path []string) (info fs.FileInfo, err error) {
	err = d.do(path, false, func(dir *os.Root, name string) error {
		info, err = dir.Lstat(name)
		return err
	})
	return info, err
}

// lstatRegular is lstat for a file that is to be written.
func (d *disk) lstatRegular(path []string) (fs.FileInfo, error) {
	info, err := d.lstat(path)
	if err == nil {
		err = d.named(regular(info, path[len(path)-1]), path)
	}
	return info, err
}

// regular returns an error if info is not that of a regular file.
func regular(info fs.FileInfo, name string) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &LinkError{Path: name}
	case !info.Mode().IsRegular():
		return &fs.PathError{Op: "open", Path: name, Err: atomicfile.ErrNotRegular}
	}
	return nil
}

// open opens an existing regular file for reading and writing.
func (d *disk) open(path []string) (f *os.File, err error) {
	err = d.do(path, false, func(dir *os.Root, name string) error {
		info, err := dir.Lstat(name)
		if err == nil {
			err = regular(info, name)
		}
		if err != nil {
			return err
		}
		if f, err = dir.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
			return err
		}
		// The name may have become a link since Lstat.
		if now, err := f.Stat(); err != nil || !os.SameFile(info, now) {
			return errors.Join(&placefile.ChangedError{Path: d.path(path)}, f.Close())
		}
		return nil
	})
	return f, err
}

// create makes an empty file, which must not exist, and the directories above it.
func (d *disk) create(path []string, mode fs.FileMode) (f *os.File, err error) {
	err = d.change(path, true, op{kind: opCreate}, func(dir *os.Root, name string) error {
		f, err = dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		return err
	})
	return f, err
}

func (d *disk) symlink(target string, path []string) error {
	return d.change(path, true, op{kind: opSymlink, to: target}, func(dir *os.Root, name string) error {
		return dir.Symlink(target, name)
	})
}

func (d *disk) readlink(path []string) (target string, err error) {
	err = d.do(path, false, func(dir *os.Root, name string) error {
		target, err = dir.Readlink(name)
		return err
	})
	return target, err
}

// remove removes a file, if it exists.
func (d *disk) remove(path []string) error {
	if _, err := d.lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return d.change(path, false, op{kind: opRemove}, func(dir *os.Root, name string) error { return dir.Remove(name) })
}

// rename gives a file another name in the same directory. It replaces what is there.
func (d *disk) rename(path []string, to string) error {
	return d.change(path, false, op{kind: opRename, to: to}, func(dir *os.Root, name string) error {
		return dir.Rename(name, to)
	})
}

// place is rename to a name that must not exist.
func (d *disk) place(path []string, to string) error {
	err := d.change(path, false, op{kind: opLink, to: to}, func(dir *os.Root, name string) error {
		return dir.Link(name, to) // unlike Rename it replaces nothing
	})
	if err == nil {
		return d.remove(path)
	}
	final := append(slices.Clone(path[:len(path)-1]), to)
	switch _, there := d.lstat(final); {
	case there == nil:
		return &fs.PathError{Op: "rename", Path: d.path(final), Err: fs.ErrExist}
	case errors.Is(there, fs.ErrNotExist) && hasNoLinks(err):
		return d.rename(path, to)
	}
	return err
}

// hasNoLinks reports whether an error says that the file system has no hard links.
func hasNoLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EMLINK)
}

// truncate sets the size of an open file.
func (d *disk) truncate(f *os.File, path []string, size int64) error {
	o := op{kind: opTruncate, path: strings.Join(path, "/"), size: size}
	return d.named(d.apply(o, func() error { return f.Truncate(size) }), path)
}

// write writes buffers to an open file.
func (d *disk) write(f *os.File, path []string, buffers [][]byte, offset int64) error {
	o := op{kind: opWrite, path: strings.Join(path, "/"), offset: offset}
	if d.trace != nil {
		o.data = slices.Concat(buffers...)
	}
	return d.named(d.apply(o, func() error { return writeBuffers(f, buffers, offset) }), path)
}

// sync makes the bytes of an open file durable.
func (d *disk) sync(f *os.File, path []string) error {
	return d.named(d.apply(op{kind: opSync, path: strings.Join(path, "/")}, f.Sync), path)
}

// syncDirs makes the entries of directories durable.
func (d *disk) syncDirs() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for at := range d.changed {
		var path []string
		if at != "" {
			path = strings.Split(at, "/")
		}
		dir, _, err := d.enter(append(path, "."), false)
		if err == nil {
			err = d.apply(op{kind: opSyncDir, path: at}, func() error {
				return atomicfile.SyncDir(func() (*os.File, error) { return dir.Open(".") })
			})
		}
		if err != nil {
			return d.named(err, path)
		}
		delete(d.changed, at)
	}
	return nil
}

// replace writes a file in the directory completely or not at all. It has a temporary name
// that is always the same, unlike those of package atomicfile: a process that is killed
// leaves at most one such file, and the next one uses it again.
func (d *disk) replace(name string, data []byte) error {
	temp := []string{strings.TrimSuffix(name, filepath.Ext(name)) + tempSuffix}
	if err := d.remove(temp); err != nil {
		return err
	}
	f, err := d.create(temp, 0o600)
	if err != nil {
		return err
	}
	err = d.write(f, temp, [][]byte{data}, 0)
	if err == nil {
		err = d.sync(f, temp)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, d.remove(temp))
	}
	return d.syncDirs()
}
