package testenv

import (
	"context"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A watchedFile is the only file of a FUSE file system. Its first read calls a function,
// and no read returns more than a number of bytes.
type watchedFile struct {
	fs.Inode
	data  []byte
	watch func()
	most  int
	flags uint32 // of Open
}

// MountWatchedFile mounts the file system at dir until the test ends. The file is called
// name. Before its bytes are read for the first time, watch is called.
func MountWatchedFile(t testing.TB, dir, name string, data []byte, watch func()) {
	t.Helper()
	mountFile(t, dir, name, &watchedFile{data: data, watch: sync.OnceFunc(watch), most: len(data)})
}

// MountShortReads mounts a file system like MountWatchedFile. Reads return at most a number
// of bytes, also in the middle of the file, as some network file systems do.
func MountShortReads(t testing.TB, dir, name string, data []byte, most int) {
	t.Helper()
	mountFile(t, dir, name, &watchedFile{data: data, watch: func() {}, most: most, flags: fuse.FOPEN_DIRECT_IO})
}

// Getattr implements fs.NodeGetattrer.
func (f *watchedFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o644, uint64(len(f.data))
	return 0
}

// Open implements fs.NodeOpener.
func (f *watchedFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, f.flags, 0
}

// Read implements fs.NodeReader.
func (f *watchedFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.watch()
	end := min(off+int64(min(len(dest), f.most)), int64(len(f.data)))
	return fuse.ReadResultData(f.data[min(off, end):end]), 0
}
