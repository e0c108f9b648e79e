//go:build unix

package mmap

import "golang.org/x/sys/unix"

// New maps length bytes of an open file from offset on, which is a multiple of the page
// size. The map stays when the file is closed.
func New(fd int, offset, length int64) (Map, error) {
	return unix.Mmap(fd, offset, int(length), unix.PROT_READ, unix.MAP_SHARED)
}

// WillNeed makes the system read ahead all of the map.
func (m Map) WillNeed() { _ = unix.Madvise(m, unix.MADV_WILLNEED) }

// Close unmaps a map that New has returned.
func (m Map) Close() { _ = unix.Munmap(m) } // can't fail for what Mmap returned
