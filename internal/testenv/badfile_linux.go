package testenv

import (
	"context"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A badFile is the only file of a FUSE file system. Reading it from some offset on fails,
// like on a damaged disk.
type badFile struct {
	fs.Inode
	data []byte
	from int64
}

// MountBadFile mounts the file system at dir until the test ends. The file is called name,
// and reading its pages from an offset on fails with EIO.
func MountBadFile(t testing.TB, dir, name string, data []byte, from int64) {
	t.Helper()
	mountFile(t, dir, name, &badFile{data: data, from: from})
}

// Getattr implements fs.NodeGetattrer.
func (f *badFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o644, uint64(len(f.data))
	return 0
}

// Open implements fs.NodeOpener.
func (f *badFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

// Read implements fs.NodeReader.
func (f *badFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	size := int64(len(f.data))
	end := min(off+int64(len(dest)), size, f.from)
	if off >= f.from && off < size {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(f.data[min(off, end):end]), 0
}
