//go:build unix

package placefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// link makes a hard link named name in dir. The path is not used.
func link(file string, dir *os.Root, name, _ string) error {
	d, err := dir.Open(".")
	if err != nil {
		return withoutPath(err)
	}
	defer d.Close()
	return unix.Linkat(unix.AT_FDCWD, file, int(d.Fd()), name, 0)
}
