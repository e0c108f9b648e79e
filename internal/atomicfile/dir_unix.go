//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// umask can only be read by setting it, once: another goroutine might create
// a file in between.
var umask = sync.OnceValue(func() os.FileMode {
	m := syscall.Umask(0)
	syscall.Umask(m)
	return os.FileMode(m)
})

// syncDir makes a new name in a directory durable. Some file systems can't sync
// directories and say so with EINVAL; that is not a failed write.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		return nil // a directory that takes files but can't be read
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
