package placefile

import (
	"context"
	"errors"
	"io"
	"os"
)

// ErrNoClone is returned by Clone if the file system or the operating system can't make
// clones, or the files are on different file systems.
var ErrNoClone = errors.New("the file system can't make a clone (reflink) here")

// copyStep is the number of bytes that are copied between two looks at the context.
const copyStep = 64 << 20

// Copy makes the empty file a copy of the first n bytes of another, by a clone if
// possible. The file may have more bytes than n only if src has.
func (f *File) Copy(ctx context.Context, src *os.File, n int64) error {
	err := f.Clone(src)
	if errors.Is(err, ErrNoClone) {
		return f.CopyRange(ctx, src, 0, n)
	}
	return err
}

// CopyRange copies n bytes at an offset from src to the same offset, where nothing was
// copied before. Holes of src are left out, unless the file is a clone. It ends early if
// ctx ends.
func (f *File) CopyRange(ctx context.Context, src *os.File, offset, n int64) error {
	end := offset + n
	for offset < end {
		from, to := offset, end
		if !f.cloned {
			from, to = nextData(src, offset, end)
		}
		if err := CopyRange(ctx, f.File, src, from, to-from); err != nil {
			return f.Named(err)
		}
		offset = to
	}
	return nil
}

// CopyRange copies n bytes at an offset from src to the same offset of dst. It ends
// early if ctx ends. If src ends before, the error is io.ErrUnexpectedEOF.
func CopyRange(ctx context.Context, dst, src *os.File, offset, n int64) error {
	for _, file := range []*os.File{dst, src} {
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return err
		}
	}
	for n > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m, err := io.CopyN(dst, src, min(n, copyStep)) // by copy_file_range where the system has it
		if n -= m; err == io.EOF {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
	}
	return nil
}
