package placefile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Clone makes the empty file a clone of another: both share their blocks until one of
// them is changed. The error is ErrNoClone if that is not possible here.
func (f *File) Clone(src *os.File) error {
	err := unix.IoctlFileClone(int(f.Fd()), int(src.Fd()))
	for _, no := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EXDEV, unix.EINVAL, unix.EPERM} {
		if errors.Is(err, no) {
			return ErrNoClone
		}
	}
	if err != nil {
		return f.Named(&os.PathError{Op: "clone", Path: f.temp, Err: err})
	}
	f.cloned = true
	return nil
}
