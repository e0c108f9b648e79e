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
	written int64 // bytes accepted by the kernel
	taken   int64 // bytes acknowledged by the peer when await last asked
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	return &socket{TCPConn: conn, raw: raw}, err
}

// receive calls take with received data, in a buffer that take must not keep. If wait
// is set, it waits for data until the read deadline, without holding a buffer.
// Otherwise it returns nil without calling take if there is no data.
func (s *socket) receive(wait bool, take func([]byte) error) error {
	var buf *[readLength]byte
	var n int
	var readErr error
	err := s.raw.Read(func(fd uintptr) bool {
		buf = buffers.Get()
		n, readErr = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), buf[:]) })
		if readErr == unix.EAGAIN {
			buffers.Put(buf)
			buf = nil
			return !wait
		}
		return true
	})
	if buf == nil {
		return err
	}
	defer buffers.Put(buf)
	switch {
	case readErr != nil:
		return readErr
	case n == 0:
		return io.EOF
	}
	return take(buf[:n])
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
