package partial

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxBuffers is the most that one system call takes.
const maxBuffers = 1024

// writeBuffers writes buffers, one after another, at an offset of a file.
func writeBuffers(f *os.File, buffers [][]byte, offset int64) error {
	fd := int(f.Fd())
	var rest [maxBuffers][]byte
	for len(buffers) > 0 {
		some := rest[:copy(rest[:], buffers)]
		buffers = buffers[len(some):]
		for len(some) > 0 {
			n, err := unix.Pwritev(fd, some, offset)
			switch {
			case err == unix.EINTR:
				continue
			case err != nil:
				return &os.PathError{Op: "write", Path: f.Name(), Err: err}
			case n == 0:
				return &os.PathError{Op: "write", Path: f.Name(), Err: io.ErrShortWrite}
			}
			offset += int64(n)
			some = advance(some, n)
		}
	}
	return nil
}

// advance removes the first n bytes of buffers.
func advance(buffers [][]byte, n int) [][]byte {
	for len(buffers) > 0 && n >= len(buffers[0]) {
		n -= len(buffers[0])
		buffers = buffers[1:]
	}
	if n > 0 {
		buffers[0] = buffers[0][n:]
	}
	return buffers
}
