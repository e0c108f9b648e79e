//go:build linux || darwin || freebsd

package placefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// nextData returns the first range of a file, between two offsets, that is not a hole
// (lseek(2)). If the file system does not say, it returns all of it.
func nextData(f *os.File, offset, end int64) (from, to int64) {
	from, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case err == unix.ENXIO: // a hole up to the end of the file
		if size, err := unix.Seek(int(f.Fd()), 0, unix.SEEK_END); err == nil && size >= end {
			return end, end
		}
		return offset, end // the file is too short: the copy reports it
	case err != nil || from < offset:
		return offset, end
	case from >= end:
		return end, end
	}
	to, err = unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE)
	if err != nil || to <= from {
		return from, end
	}
	return from, min(to, end)
}
