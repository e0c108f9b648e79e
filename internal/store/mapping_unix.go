//go:build unix

package store

import (
	"bt/internal/mmap"
	"bt/internal/piece"
)

const (
	// mappingLength is the length of a mapping: large enough that pieces seldom cross
	// its ends, and small enough that thousands fit into the address space.
	mappingLength = 64 << 20

	// MaxMappings is how many mappings a [Cache] should keep at most.
	MaxMappings = 1024
)

// mapping maps the part of a file that begins at offset, read-only. A small file is
// only opened, and so is one with holes, which would use memory once mapped.
func (c *Content) mapping(file int, offset int64) (*mapping, error) {
	f, err := c.Open(file)
	if err != nil {
		return nil, err
	}
	n := min(c.layout.Length(file)-offset, mappingLength)
	fd := int(f.Fd())
	if c.isSmall(file) || piece.MapFills(fd, offset, n) {
		return &mapping{file: f, fd: fd}, nil
	}
	b, err := mmap.New(fd, offset, n)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &mapping{bytes: b, file: f, fd: fd}, nil
}

func (m *mapping) close() {
	if m.bytes != nil {
		m.bytes.Close()
	}
	m.file.Close()
}

// isIntact reports whether the file is unchanged since it was checked. A map of a
// file that has shrunk reads as zeros up to the end of the page.
func (m *mapping) isIntact() bool {
	if m.key.content.live != nil {
		return true // and a fault ends reading if the file has shrunk
	}
	now, err := piece.IdentifyOpen(m.fd)
	return err == nil && now.Equal(m.key.content.tree.ID(m.key.file))
}
