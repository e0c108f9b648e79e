package repair

import (
	"bytes"
	"io"
	"os"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// has reports whether a source has bytes for a range of a file.
func (m *mender) has(source int, span metainfo.Span) bool {
	t := m.treeOf(source)
	return t.Files[span.File].Cause == piece.CauseFine && t.ID(span.File).Size >= span.Offset+span.Length
}

// equal reports whether two sources have the same bytes for a range of a file.
func (m *mender) equal(a, b int, span metainfo.Span) bool {
	x, y := m.at(a, span), m.at(b, span)
	size := min(span.Length, 1<<20)
	one, two := make([]byte, size), make([]byte, size)
	for at := int64(0); at < span.Length; at += size {
		n := min(size, span.Length-at)
		if k, _ := x.ReadAt(one[:n], at); int64(k) < n {
			return false
		}
		if k, _ := y.ReadAt(two[:n], at); int64(k) < n || !bytes.Equal(one[:n], two[:n]) {
			return false
		}
	}
	return true
}

// at returns the bytes of a range of a file of a source.
func (m *mender) at(source int, span metainfo.Span) io.ReaderAt {
	return fileRange{m.treeOf(source).Path(span.File), span.Offset}
}

// A fileRange reads a file from an offset. It opens the file for each read: a piece may
// have bytes of more files than a process may open.
type fileRange struct {
	path   string
	offset int64
}

// ReadAt implements io.ReaderAt.
func (r fileRange) ReadAt(b []byte, at int64) (int, error) {
	f, err := atomicfile.Open(r.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return piece.ReadAt(f, b, r.offset+at)
}

// openSource opens the file of a source for reading. It must still be the file that was
// found.
func (m *mender) openSource(source, file int) (*os.File, error) {
	t := m.treeOf(source)
	f, err := atomicfile.Open(t.Path(file))
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !piece.Identify(info).Equal(t.ID(file)) {
		f.Close()
		return nil, &ChangedError{Path: t.Path(file)}
	}
	return f, nil
}
