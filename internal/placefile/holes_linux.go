package placefile

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// dataIn returns the first run of data of a file in a range: what is before it is a hole.
// If there is no data, it is empty, at the end.
func dataIn(f *os.File, offset, end int64) (from, to int64) {
	from, err := f.Seek(offset, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) { // a hole, up to the end of the file
		var size int64
		if size, err = f.Seek(0, io.SeekEnd); err == nil {
			return max(min(size, end), offset), end
		}
	}
	if err != nil || from < offset { // unknown
		return offset, end
	}
	if from >= end {
		return end, end
	}
	if to, err = f.Seek(from, unix.SEEK_HOLE); err != nil || to <= from {
		to = end
	}
	return from, min(to, end)
}
