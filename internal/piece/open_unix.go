//go:build unix

package piece

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// A directory is the one in which a goroutine has found a file. The next is most
// often in it as well, and then the system need not walk its whole path.
type directory struct {
	path   string
	fd     int
	opened bool
}

// at returns a path as system calls take it: below an open directory, which is
// opened for the second file in it.
func (d *directory) at(path string) (fd int, below string) {
	end := strings.LastIndexByte(path, '/')
	if end <= 0 || end == len(path)-1 {
		return unix.AT_FDCWD, path
	}
	if path[:end] != d.path {
		d.close()
		d.path = path[:end]
		return unix.AT_FDCWD, path
	}
	if !d.opened {
		fd, err := unix.Open(d.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil { // it may let no one list it
			return unix.AT_FDCWD, path
		}
		d.fd, d.opened = fd, true
	}
	return d.fd, path[end+1:]
}

func (d *directory) close() {
	if d.opened {
		_ = unix.Close(d.fd)
		d.opened = false
	}
}

// An openFile is the file that a worker reads now. It does without os.File: a
// tree may have millions of files, and the poller has no use for them.
type openFile struct {
	fd     int
	opened bool
}

func (f *openFile) open(d *directory, path string) error {
	dir, below := d.at(path)
	for {
		// Not to wait for the writer of a FIFO that came between.
		fd, err := unix.Openat(dir, below, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err == nil {
			f.fd, f.opened = fd, true
			return nil
		}
		if err != unix.EINTR {
			return &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

func (f *openFile) readAt(buf []byte, offset int64) (int, error) {
	for {
		n, err := unix.Pread(f.fd, buf, offset)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return max(n, 0), err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f *openFile) close() {
	if f.opened {
		_ = unix.Close(f.fd)
		f.opened = false
	}
}

// stat identifies the file at path, or the link there, without the memory that
// os.Stat would take.
func (d *directory) stat(path string, follow bool) (id Identity, regular bool, err error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	dir, below := d.at(path)
	var st unix.Stat_t
	for {
		err := unix.Fstatat(dir, below, &st, flags)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return id, false, &os.PathError{Op: "stat", Path: path, Err: err}
		}
	}
	id = Identity{Size: st.Size, ModTime: st.Mtim.Nano(), Dev: uint64(st.Dev), Ino: st.Ino}
	return id, st.Mode&unix.S_IFMT == unix.S_IFREG, nil
}

// maxOpenFiles is how many files a job may have open: the limit of the process,
// less what the rest of it needs.
func maxOpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 64
	}
	return int(min(limit.Cur, 1<<20)) - 32
}
