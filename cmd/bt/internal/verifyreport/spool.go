package verifyreport

import (
	"errors"
	"io"
	"os"
)

// A spool is a buffer that keeps most of its bytes in a file, if there is much. Writing
// to it returns no error: WriteTo does.
type spool struct {
	create func() (*os.File, error) // nil to keep all in memory
	last   blocks                   // what follows the bytes in the file
	file   *os.File
	size   int64 // of the file
	err    error
}

// maxMemory is the number of bytes after which a spool writes to its file.
const maxMemory = 8 << 20

func (s *spool) Write(p []byte) (int, error) {
	if s.err != nil {
		return len(p), nil
	}
	n, _ := s.last.Write(p)
	if s.last.Len() >= maxMemory && s.create != nil {
		s.err = s.spill()
	}
	return n, nil
}

// spill moves what is in memory to the file.
func (s *spool) spill() (err error) {
	if s.file == nil {
		if s.file, err = s.create(); err != nil {
			return err
		}
	}
	n, err := s.last.WriteTo(s.file)
	s.size += n
	s.last = nil
	return err
}

// WriteTo implements io.WriterTo. It can be called again.
func (s *spool) WriteTo(w io.Writer) (n int64, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.file != nil {
		if n, err = io.Copy(w, io.NewSectionReader(s.file, 0, s.size)); err != nil {
			return n, err
		}
	}
	m, err := s.last.WriteTo(w)
	return n + m, err
}

// close closes and removes the file, unless it was removed before.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	s.file = nil
	return err
}

// blocks is a buffer that is not copied when it grows.
type blocks [][]byte

const blockSize = 256 << 10

func (b *blocks) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		last := len(*b) - 1
		if last < 0 || len((*b)[last]) == blockSize {
			*b = append(*b, make([]byte, 0, blockSize))
			last++
		}
		k := min(len(p), blockSize-len((*b)[last]))
		(*b)[last] = append((*b)[last], p[:k]...)
		p = p[k:]
	}
	return n, nil
}

func (b *blocks) Len() int {
	if len(*b) == 0 {
		return 0
	}
	return (len(*b)-1)*blockSize + len((*b)[len(*b)-1])
}

// WriteTo implements io.WriterTo. It can be called again.
func (b *blocks) WriteTo(w io.Writer) (n int64, err error) {
	for _, block := range *b {
		m, err := w.Write(block)
		if n += int64(m); err != nil {
			return n, err
		}
	}
	return n, nil
}
