//go:build unix

package seed

import (
	"golang.org/x/sys/unix"

	"bt/internal/piece"
)

const (
	// mappingLength is how much of a file is mapped at once: pieces seldom cross the
	// edges, and thousands of mappings fit into an address space.
	mappingLength = 64 << 20

	// maxMappings is how many are kept at most, each with a descriptor.
	maxMappings = 1024
)

// mapping maps the part of a file that begins at offset, read-only, unless it is small
// or has holes that would become memory.
func (c *content) mapping(file int, offset int64) (*mapping, error) {
	f, err := c.open(file)
	if err != nil {
		return nil, err
	}
	n := min(c.layout.Length(file)-offset, mappingLength)
	fd := int(f.Fd())
	if c.isSmall(file) || piece.MapFills(fd, offset, n) {
		return &mapping{file: f, fd: fd}, nil
	}
	b, err := unix.Mmap(fd, offset, int(n), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &mapping{bytes: b, file: f, fd: fd}, nil
}

func (m *mapping) close() {
	if m.bytes != nil {
		_ = unix.Munmap(m.bytes) // which is what Mmap returned, so this can't fail
	}
	m.file.Close()
}

// isIntact reports whether the file is what it was when it was checked. Behind the
// end of a file that has become shorter a map has zeros, up to the end of the page.
func (m *mapping) isIntact() bool {
	var now unix.Stat_t
	was := m.key.content.tree.Files[m.key.file].ID
	err := unix.Fstat(m.fd, &now)
	for err == unix.EINTR {
		err = unix.Fstat(m.fd, &now)
	}
	return err == nil && now.Size == was.Size && now.Mtim.Nano() == was.ModTime
}
