//go:build unix

package seed

import "golang.org/x/sys/unix"

const (
	// viewLength is how much of a file is mapped at once: pieces seldom cross the
	// edges, and thousands of views fit into an address space.
	viewLength = 64 << 20

	// maxViews is how many are kept: Linux allows 65,530 maps.
	maxViews = 4096
)

// view maps the part of a file that begins at offset, read-only.
func (c *content) view(file int, offset int64) ([]byte, error) {
	f, err := c.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the map stays
	n := min(c.layout.Length(file)-offset, viewLength)
	return unix.Mmap(int(f.Fd()), offset, int(n), unix.PROT_READ, unix.MAP_SHARED)
}

func unmap(b []byte) { _ = unix.Munmap(b) } // of what view returned, which can't fail
