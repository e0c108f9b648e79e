//go:build unix

package piece

import (
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// longestPath is the length from which the system refuses a path.
const longestPath = unix.PathMax

// A directory is the parent directory of the file that a goroutine last opened. The next
// file is often in the same directory, and the system then need not resolve the whole
// path.
type directory struct {
	path   string
	fd     int
	opened bool
}

// at returns the arguments for openat(2): a directory and a path below it. It opens a
// directory when it is needed for the second time in a row.
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
		if err != nil { // such as a directory without read permission
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

// An openFile is the file that a worker is reading. It is not an os.File, which would
// allocate memory for each of millions of files.
type openFile struct {
	fd     int
	opened bool
}

func (f *openFile) open(d *directory, path string) error {
	dir, below := d.at(path)
	for {
		// O_NONBLOCK, in case the file was replaced by a FIFO without a writer.
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

func (f *openFile) identify() (Identity, error) { return IdentifyOpen(f.fd) }

func (f *openFile) readAt(buf []byte, offset int64) (int, error) {
	for byPages := false; ; {
		n, err := unix.Pread(f.fd, buf, offset)
		switch {
		case err == unix.EINTR:
		case err == unix.EIO && !byPages:
			ReadByPages(f.fd)
			byPages = true
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

// stat identifies the file at path or, unless follow is set, the link. Unlike os.Stat it
// allocates no memory.
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
	return identityOf(&st), st.Mode&unix.S_IFMT == unix.S_IFREG, nil
}

// maxOpenFiles is the number of files that a job may open: the limit of the process,
// less some for other uses.
func maxOpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 64
	}
	return int(min(limit.Cur, 1<<20)) - 32
}
