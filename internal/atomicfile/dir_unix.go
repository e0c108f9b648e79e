//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// SyncDir makes changes of a directory, which open opens, durable. Some file systems can't
// sync directories and return EINVAL, which is not an error.
func SyncDir(open func() (*os.File, error)) error {
	d, err := open()
	if errors.Is(err, os.ErrPermission) {
		return nil // the directory is writable but not readable
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
