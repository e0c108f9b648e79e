//go:build unix && !linux

package piece

// On other systems no file system is known that allocates holes when they are read
// through a mapping.

// MapFills reports whether reading a range of an open file through a mapping would
// allocate memory for holes in it.
func MapFills(fd int, offset, length int64) bool { return false }

func fillsHoles(fd int) bool                            { return false }
func runAt(fd int, offset int64) (end int64, hole bool) { return offset, false }
