package piece

import "golang.org/x/sys/unix"

// ReadByPages prepares an open file for reading a range again that failed with EIO. The
// page cache reads several pages as one unit, a large folio, and if one of them can't be
// read, none of them can. ReadByPages drops the folios of the file, and makes further reads
// use single pages.
func ReadByPages(fd int) {
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED)
	_ = unix.Fadvise(fd, 0, 0, unix.FADV_RANDOM)
}
