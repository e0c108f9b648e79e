//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"
)

// sameGroup reports whether two files have the same group.
func sameGroup(a, b fs.FileInfo) bool {
	has, ok := a.Sys().(*syscall.Stat_t)
	want, ok2 := b.Sys().(*syscall.Stat_t)
	return ok && ok2 && has.Gid == want.Gid
}

// KeepOwner sets the owner and group of f to those of the file that it will replace.
func KeepOwner(f *os.File, old fs.FileInfo) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	has, ok := info.Sys().(*syscall.Stat_t)
	want, ok2 := old.Sys().(*syscall.Stat_t)
	if !ok || !ok2 || has.Uid == want.Uid && has.Gid == want.Gid {
		return nil
	}
	return syscall.Fchown(int(f.Fd()), int(want.Uid), int(want.Gid))
}
