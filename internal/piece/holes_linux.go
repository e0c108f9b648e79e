package piece

import (
	"os"

	"golang.org/x/sys/unix"
)

// MapFills reports whether reading a range of an open file through a mapping would
// allocate memory for holes in it. Reading with pread never does.
func MapFills(fd int, offset, length int64) bool {
	if !fillsHoles(fd) || isDense(fd) {
		return false
	}
	end, hole := runAt(fd, offset)
	return hole || end < offset+length
}

// fillsHoles reports whether reading a hole through a mapping allocates its pages. On
// tmpfs it does, and they stay until the file is deleted. Files of an overlay may be on
// tmpfs.
func fillsHoles(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	return st.Type == unix.TMPFS_MAGIC || st.Type == unix.OVERLAYFS_SUPER_MAGIC
}

// isDense reports whether a file has as many bytes allocated as it is long, so that it has no
// holes. Space that is reserved beyond its end counts too and may hide a hole, which is rare.
// On tmpfs the search for a hole goes page by page, up to the end of the file.
func isDense(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Blocks*512 >= st.Size
}

// runAt returns the end of the run of data, or of the hole, that offset is in
// (lseek(2)). If that is unknown, it reports data that ends at offset.
func runAt(fd int, offset int64) (end int64, hole bool) {
	end, err := unix.Seek(fd, offset, unix.SEEK_DATA)
	if err == unix.ENXIO { // a hole up to the end of the file
		end, err = unix.Seek(fd, 0, unix.SEEK_END)
	}
	if err == nil && end > offset {
		return end, true
	}
	if end, err = unix.Seek(fd, offset, unix.SEEK_HOLE); err != nil {
		return offset, false
	}
	return end, false
}

// RunAt returns the end of the run of data, or of the hole, that an offset of a file is in.
// If that is unknown, it reports data that ends at the offset.
func RunAt(f *os.File, offset int64) (end int64, hole bool) { return runAt(int(f.Fd()), offset) }
