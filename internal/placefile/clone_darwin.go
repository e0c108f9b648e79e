package placefile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Clone makes the empty file a clone of another: both share their blocks until one of
// them is changed. The error is ErrNoClone if that is not possible here.
func (f *File) Clone(src *os.File) error {
	d, err := f.root.enter(f.path, false)
	if err != nil {
		return err
	}
	dir, err := d.root.Open(".")
	if err != nil {
		return f.Named(err)
	}
	defer dir.Close()
	// A clone is a new file, so it gets another name, and then replaces the temporary one.
	info, err := f.Stat()
	if err != nil {
		return f.Named(err)
	}
	clone := f.temp + ".tmp"
	switch err := unix.Fclonefileat(int(src.Fd()), int(dir.Fd()), clone, 0); {
	case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EINVAL):
		return ErrNoClone
	case err != nil:
		return f.Named(&os.PathError{Op: "clone", Path: f.temp, Err: err})
	}
	if err := d.root.Chmod(clone, info.Mode().Perm()|0o600); err != nil {
		return errors.Join(f.Named(err), d.root.Remove(clone))
	}
	if err := d.root.Rename(clone, f.temp); err != nil {
		return errors.Join(f.Named(err), d.root.Remove(clone))
	}
	opened, err := d.root.OpenFile(f.temp, os.O_RDWR, 0)
	if err != nil {
		return f.Named(err)
	}
	f.File.Close()
	f.File, f.cloned = opened, true
	return f.Named(f.Chmod(info.Mode().Perm()))
}
