package piece

import (
	"errors"
	"os"
	"syscall"
)

// ReadAt is f.ReadAt, and reads again by pages what can't be read at once.
func ReadAt(f *os.File, b []byte, offset int64) (int, error) {
	n, err := f.ReadAt(b, offset)
	if errors.Is(err, syscall.EIO) {
		ReadByPages(int(f.Fd()))
		n, err = f.ReadAt(b, offset)
	}
	return n, err
}
