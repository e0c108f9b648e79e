//go:build !linux

package piece

// readMode knows nothing of disks here.
func (t *Tree) readMode() ReadMode { return Parallel }
