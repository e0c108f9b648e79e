package testenv

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Tmpfs returns a directory on tmpfs, which is removed after the test.
func Tmpfs(t testing.TB) string {
	t.Helper()
	var st unix.Statfs_t
	dir, err := os.MkdirTemp("/dev/shm", "bt-test-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = unix.Statfs(dir, &st)
	}
	if err != nil || st.Type != unix.TMPFS_MAGIC {
		Missing(t, "a tmpfs at /dev/shm")
	}
	return dir
}

// Allocated returns the number of bytes of a file that are not in holes.
func Allocated(t testing.TB, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

// A SmallTmpfs is a tmpfs of limited size.
type SmallTmpfs struct {
	Dir string // where it is mounted

	t testing.TB
}

// NewSmallTmpfs mounts a tmpfs with room for so many bytes until the test ends.
func NewSmallTmpfs(t testing.TB, size int64) *SmallTmpfs {
	t.Helper()
	Root(t)
	f := &SmallTmpfs{Dir: t.TempDir(), t: t}
	f.mount(0, size)
	t.Cleanup(func() {
		if err := unix.Unmount(f.Dir, unix.MNT_DETACH); err != nil {
			t.Errorf("umount %s: %v", f.Dir, err)
		}
	})
	return f
}

// Resize changes the size.
func (f *SmallTmpfs) Resize(size int64) {
	f.t.Helper()
	f.mount(unix.MS_REMOUNT, size)
}

func (f *SmallTmpfs) mount(flags uintptr, size int64) {
	f.t.Helper()
	if err := unix.Mount("tmpfs", f.Dir, "tmpfs", flags, fmt.Sprintf("size=%d", size)); err != nil {
		Missing(f.t, fmt.Sprintf("the right to mount a tmpfs: %v", err))
	}
}
