package testenv

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A SlowFile is the only file of a FUSE file system, which reads it at a constant rate,
// and counts the bytes.
type SlowFile struct {
	fs.Inode
	size int64
	rate float64 // bytes per second

	mu   sync.Mutex
	free time.Time       // when the disk has nothing to do
	seen map[int64]int64 // pages that were read, and how often
}

const slowPage = 4096

// NewSlowFile mounts the file system at dir until the test ends. The file is called name.
func NewSlowFile(t testing.TB, dir, name string, size int64, rate float64) *SlowFile {
	t.Helper()
	f := &SlowFile{size: size, rate: rate, seen: make(map[int64]int64)}
	mountFile(t, dir, name, f)
	return f
}

// mountFile mounts a file system with one file at dir until the test ends.
func mountFile(t testing.TB, dir, name string, file fs.InodeEmbedder) {
	t.Helper()
	Root(t) // to mount
	root := &fs.Inode{}
	server, err := fs.Mount(dir, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "slow", Name: "slow"},
		OnAdd: func(ctx context.Context) {
			root.AddChild(name, root.NewPersistentInode(ctx, file, fs.StableAttr{Mode: syscall.S_IFREG, Ino: 2}), true)
		},
	})
	if err != nil {
		Missing(t, "the right to mount a FUSE file system: "+err.Error())
	}
	t.Cleanup(func() {
		err := server.Unmount()
		for tries := 0; tries < 600 && err != nil; tries++ { // a process that has the file open may be about to end
			time.Sleep(100 * time.Millisecond)
			err = server.Unmount()
		}
		if err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
}

// Getattr implements fs.NodeGetattrer. The file is old enough that a cache believes it.
func (f *SlowFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size = 0o644, uint64(f.size)
	old := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	out.SetTimes(&old, &old, &old)
	return 0
}

// Open implements fs.NodeOpener.
func (f *SlowFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

// Read implements fs.NodeReader.
func (f *SlowFile) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	dest = dest[:max(min(int64(len(dest)), f.size-off), 0)]
	for i := range dest {
		at := uint64(off) + uint64(i)
		dest[i] = byte(at * 0x9e3779b97f4a7c15 >> 56)
	}
	time.Sleep(f.take(off, len(dest)))
	return fuse.ReadResultData(dest), 0
}

// take notes that pages are read, and returns how long that takes.
func (f *SlowFile) take(off int64, n int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	for page := off / slowPage; page*slowPage < off+int64(n); page++ {
		f.seen[page]++
	}
	if now := time.Now(); f.free.Before(now) {
		f.free = now
	}
	f.free = f.free.Add(time.Duration(float64(n) / f.rate * float64(time.Second)))
	return time.Until(f.free)
}

// Counts returns how many bytes were read, and how many of them more than once.
func (f *SlowFile) Counts() (read, again int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.seen {
		read += n * slowPage
		again += (n - 1) * slowPage
	}
	return read, again
}
