package testenv

import (
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
