//go:build !unix

package seed

import "io"

const (
	// viewLength is how much of a file is read at once, where nothing is mapped.
	viewLength = 1 << 20

	// maxViews is how many are kept at most.
	maxViews = 128
)

// view reads the part of a file that begins at offset.
func (c *content) view(file int, offset int64) (*view, error) {
	f, err := c.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, min(c.layout.Length(file)-offset, viewLength))
	_, err = io.ReadFull(io.NewSectionReader(f, offset, int64(len(b))), b)
	return &view{bytes: b}, err
}

func (v *view) close() {}

// isIntact: what was read stays what it was.
func (v *view) isIntact() bool { return true }
