package partial

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves the space of an open file, where the file system can. Its size
// becomes at least size.
func allocate(f *os.File, size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == unix.EINTR:
			continue
		case err == nil, errors.Is(err, errors.ErrUnsupported), err == unix.EOPNOTSUPP:
			return nil
		}
		return &os.PathError{Op: "allocate", Path: f.Name(), Err: err}
	}
}
