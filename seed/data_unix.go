//go:build unix

package seed

import (
	"golang.org/x/sys/unix"

	"bt/internal/piece"
)

const (
	// viewLength is how much of a file is mapped at once: pieces seldom cross the
	// edges, and thousands of views fit into an address space.
	viewLength = 64 << 20

	// maxViews is how many are kept at most, each with a descriptor.
	maxViews = 1024
)

// view maps the part of a file that begins at offset, read-only, unless it is small
// or has holes that would become memory.
func (c *content) view(file int, offset int64) (*view, error) {
	f, err := c.open(file)
	if err != nil {
		return nil, err
	}
	n := min(c.layout.Length(file)-offset, viewLength)
	fd := int(f.Fd())
	if c.isSmall(file) || piece.MapFills(fd, offset, n) {
		return &view{file: f, fd: fd}, nil
	}
	b, err := unix.Mmap(fd, offset, int(n), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &view{bytes: b, file: f, fd: fd}, nil
}

func (v *view) close() {
	if v.bytes != nil {
		_ = unix.Munmap(v.bytes) // which is what Mmap returned, so this can't fail
	}
	v.file.Close()
}

// isIntact reports whether the file is what it was when it was checked. Behind the
// end of a file that has become shorter a map has zeros, up to the end of the page.
func (v *view) isIntact() bool {
	var now unix.Stat_t
	was := v.key.content.tree.Files[v.key.file].ID
	err := unix.Fstat(v.fd, &now)
	for err == unix.EINTR {
		err = unix.Fstat(v.fd, &now)
	}
	return err == nil && now.Size == was.Size && now.Mtim.Nano() == was.ModTime
}
