//go:build unix && !linux

package piece

// Elsewhere a hole that is read through a map is not known to take memory that
// stays.

// MapFills reports whether to read a part of an open file through a map would
// allocate memory for holes in it.
func MapFills(fd int, offset, length int64) bool { return false }

func fillsHoles(fd int) bool                            { return false }
func runAt(fd int, offset int64) (end int64, hole bool) { return offset, false }
