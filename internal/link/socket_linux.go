package link

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bt/internal/pool"
)

// A socket is the TCP connection of a peer. It is read and written by one goroutine.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	reading reading
	gathers bool
	written int64 // bytes accepted by the kernel
	taken   int64 // bytes acknowledged by the peer when await last asked
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	s := &socket{TCPConn: conn, raw: raw}
	s.reading.try = s.reading.read
	return s, err
}

// receive reads into the memory of an inbox, and returns how many bytes it has read. If wait
// is set, it waits for data until the read deadline, without holding memory. Otherwise it
// returns 0 if there is no data.
func (s *socket) receive(wait bool, in *inbox) (n int, err error) {
	r := &s.reading
	r.wait, r.in = wait, in
	err = s.raw.Read(r.try)
	n, readErr := r.n, r.err
	r.in, r.n, r.err = nil, 0, nil
	switch {
	case in.parts == nil:
		return 0, err
	case readErr == nil && n == 0:
		readErr = io.EOF
	}
	return n, readErr
}

// A reading is a call of receive. It is kept in the socket, since each call would allocate
// a closure otherwise.
type reading struct {
	try  func(fd uintptr) (done bool) // read
	wait bool
	in   *inbox
	n    int
	err  error
}

// read reads once, if there is data.
func (r *reading) read(fd uintptr) (done bool) {
	r.in.take()
	r.n, r.err = ignoringEINTR(func() (int, error) { return readv(fd, r.in.parts) })
	if r.err == unix.EAGAIN {
		r.in.give()
		r.n, r.err = 0, nil
		return !r.wait
	}
	return true
}

// readv reads into the parts of an inbox.
func readv(fd uintptr, parts [][]byte) (int, error) {
	var iov [2 * runLength]unix.Iovec
	for i, p := range parts {
		iov[i].Base = unsafe.SliceData(p)
		iov[i].SetLen(len(p))
	}
	n, _, errno := unix.Syscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&iov)), uintptr(len(parts)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// gather sets whether a wait for data ends only when gatherLength bytes have arrived. It
// reports whether that is so.
func (s *socket) gather(on bool) bool {
	if s.gathers == on {
		return on
	}
	least := 1
	if on {
		least = gatherLength
	}
	var err error
	controlErr := s.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, least)
	})
	s.gathers = on && err == nil && controlErr == nil
	return s.gathers
}

// iovecs is used by write; each call takes one.
var iovecs pool.Pool[[]unix.Iovec]

// write writes the parts in order, without copying them, so mapped files are sent
// from the page cache. It may wait for a disk but never for the peer, and returns how
// many bytes the kernel accepted. The error is EFAULT if a mapped file has shrunk or
// the disk has failed.
func (s *socket) write(parts [][]byte) (written int64, err error) {
	all := iovecs.Get()
	defer iovecs.Put(all)
	for _, p := range parts {
		if len(p) > 0 {
			v := unix.Iovec{Base: unsafe.SliceData(p)}
			v.SetLen(len(p))
			*all = append(*all, v)
		}
	}
	rest := *all
	controlErr := s.raw.Control(func(fd uintptr) {
		for len(rest) > 0 {
			var n int
			if n, err = ignoringEINTR(func() (int, error) { return writev(fd, rest) }); err != nil {
				return
			}
			written += int64(n)
			rest = advance(rest, n)
		}
	})
	runtime.KeepAlive(parts)
	clear(*all)
	*all = (*all)[:0]
	s.written += written
	if err == unix.EAGAIN {
		err = nil
	}
	return written, errors.Join(controlErr, err)
}

// await waits until the kernel accepts more data. It fails if the peer receives less
// than stallBytes within timeout.
func (s *socket) await(timeout time.Duration) error {
	// The runtime reports only changes from now on, so ask for the current state
	// first.
	ready := func(fd uintptr) bool {
		n, err := ignoringEINTR(func() (int, error) {
			return unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		})
		return n > 0 || err != nil
	}
	for {
		if err := s.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		err := s.raw.Write(ready)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		// The kernel reports room only when there is much of it. Until then, a slow
		// peer's progress shows only in the amount of unacknowledged data.
		taken := s.written - s.unsent()
		if taken-s.taken < stallBytes {
			return err
		}
		s.taken = taken
	}
}

// unsent returns the number of bytes that the peer has not acknowledged.
func (s *socket) unsent() int64 {
	n := 0
	_ = s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return int64(n)
}

// maxIovecs is the kernel's limit of iovecs per call.
const maxIovecs = 1024

func writev(fd uintptr, iov []unix.Iovec) (int, error) {
	iov = iov[:min(len(iov), maxIovecs)]
	n, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// advance drops the first n bytes of iov.
func advance(iov []unix.Iovec, n int) []unix.Iovec {
	for n > 0 {
		if length := int(iov[0].Len); n >= length {
			n -= length
			iov = iov[1:]
			continue
		}
		iov[0].Base = (*byte)(unsafe.Add(unsafe.Pointer(iov[0].Base), n))
		iov[0].SetLen(int(iov[0].Len) - n)
		break
	}
	return iov
}

func ignoringEINTR(f func() (int, error)) (int, error) {
	for {
		if n, err := f(); err != unix.EINTR {
			return n, err
		}
	}
}
