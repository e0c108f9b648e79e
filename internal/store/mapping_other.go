//go:build !unix

package store

import "io"

const (
	// mappingLength is how much of a file is read at once. Nothing is mapped here.
	mappingLength = 1 << 20

	// MaxMappings is how many mappings a [Cache] should keep at most.
	MaxMappings = 128
)

// mapping reads the part of a file that begins at offset.
func (c *Content) mapping(file int, offset int64) (*mapping, error) {
	f, err := c.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, min(c.layout.Length(file)-offset, mappingLength))
	_, err = io.ReadFull(io.NewSectionReader(f, offset, int64(len(b))), b)
	return &mapping{bytes: b}, err
}

func (m *mapping) close() {}

// isIntact returns true: the bytes are a copy.
func (m *mapping) isIntact() bool { return true }
