//go:build unix && !linux

package piece

import "os"

// On other systems no file system is known that allocates holes when they are read
// through a mapping.

// MapFills reports whether reading a range of an open file through a mapping would
// allocate memory for holes in it.
func MapFills(fd int, offset, length int64) bool { return false }

func fillsHoles(fd int) bool                            { return false }
func runAt(fd int, offset int64) (end int64, hole bool) { return offset, false }

// RunAt returns the end of the run of data, or of the hole, that an offset of a file is in.
// If that is unknown, it reports data that ends at the offset.
func RunAt(_ *os.File, offset int64) (end int64, hole bool) { return offset, false }
