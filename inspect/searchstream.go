package inspect

import (
	"errors"
	"io"
	"os"
	"syscall"

	"bt/internal/piece"
)

// A chunk is a range of bytes of a source.
type chunk struct {
	*source
	offset, length int64
}

// An assembly reads n pieces, each of which is put together from chunks. If a source
// can't be read, it is broken, and zeros are read instead.
type assembly struct {
	n  int
	of func(i int) []chunk

	i    int
	rest []chunk
	file *os.File // of rest[0]; nil: not open
}

func (a *assembly) Read(b []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.i == a.n {
			return 0, io.EOF
		}
		a.rest = a.of(a.i)
		a.i++
	}
	c := &a.rest[0]
	b = b[:min(int64(len(b)), c.length)]
	n := a.fill(c, b)
	c.offset += int64(n)
	if c.length -= int64(n); c.length == 0 {
		a.close()
		a.rest = a.rest[1:]
	}
	return n, nil
}

// fill reads the next bytes of a chunk.
func (a *assembly) fill(c *chunk, b []byte) int {
	if !c.broken.Load() && c.path != "" && c.offset < c.have {
		b = b[:min(int64(len(b)), c.have-c.offset)]
		if a.file == nil {
			var err error
			// O_NONBLOCK, in case the file was replaced by a FIFO without a writer.
			if a.file, err = os.OpenFile(c.path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
				a.file = nil
				c.broken.Store(true)
				return 0
			}
		}
		n, err := a.file.ReadAt(b, c.offset)
		if n == 0 && err != nil {
			c.broken.Store(true)
		}
		return n
	}
	clear(b)
	return len(b)
}

func (a *assembly) close() {
	if a.file != nil {
		a.file.Close()
		a.file = nil
	}
}

// stream hashes the pieces of an assembly, and calls yield for each until it returns an
// error; errSolved is no failure.
func (f *finder) stream(length int64, content *assembly, yield func(i int, sum [20]byte) error) error {
	defer content.close()
	if content.n == 0 {
		return nil
	}
	layout := layoutOf(length, []int64{length * int64(content.n)})
	job := piece.Job{Layout: layout, V1: true, Jobs: f.options.Jobs}
	_, err := job.RunStream(f.ctx, content, func(r piece.Result) error { return yield(r.Index, r.SHA1) })
	if errors.Is(err, errSolved) {
		return nil
	}
	return err
}
