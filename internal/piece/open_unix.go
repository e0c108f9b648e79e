//go:build unix

package piece

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// An openFile is the file that a worker reads now. It does without os.File: a
// tree may have millions of files, and the poller has no use for them.
type openFile struct {
	fd     int
	opened bool
}

func (f *openFile) open(path string) error {
	for {
		// Not to wait for the writer of a FIFO that came between.
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
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
func stat(path string, follow bool) (id Identity, regular bool, err error) {
	call := unix.Stat
	if !follow {
		call = unix.Lstat
	}
	var st unix.Stat_t
	for {
		err := call(path, &st)
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
