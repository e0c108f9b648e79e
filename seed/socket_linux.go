package seed

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
)

// A socket is a peer's TCP connection, read and written by one goroutine.
type socket struct {
	*net.TCPConn
	raw     syscall.RawConn
	written int64 // bytes that the system took
	taken   int64 // of these, by the peer: when that was last looked at
}

func newSocket(conn *net.TCPConn) (*socket, error) {
	raw, err := conn.SyscallConn()
	return &socket{TCPConn: conn, raw: raw}, err
}

// receive hands take what is there, in a buffer that take must not keep; with
// wait it waits for something until the read deadline. No buffer is held
// meanwhile. Without wait there may be nothing, and take is not called.
func (s *socket) receive(wait bool, take func([]byte) error) error {
	var buf *[bufferLength]byte
	var n int
	var readErr error
	err := s.raw.Read(func(fd uintptr) bool {
		buf = buffers.Get()
		n, readErr = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), buf[:readLength]) })
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

// iovecs are for one call of write each.
var iovecs pool[[]unix.Iovec]

// write hands the parts to the system in order, straight from where they are: a
// file that is mapped is not copied. It waits for disks and never for the peer, and
// returns how many bytes the system took. It is an EFAULT if a mapped file has
// become shorter, or the disk fails.
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

// await waits until the system takes more. A peer that does not receive stallBytes
// within timeout is not waited for.
func (s *socket) await(timeout time.Duration) error {
	// The runtime notices that the peer takes something only from here on, so what
	// was before is asked for.
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
		// The system says that there is room only when there is much. Until then
		// what a slow peer takes shows only in what the system still has.
		taken := s.written - s.unsent()
		if taken-s.taken < stallBytes {
			return err
		}
		s.taken = taken
	}
}

// unsent is how many bytes the system has that the peer has not acknowledged.
func (s *socket) unsent() int64 {
	n := 0
	_ = s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return int64(n)
}

// maxIovecs is how many parts the kernel takes at once.
const maxIovecs = 1024

func writev(fd uintptr, iov []unix.Iovec) (int, error) {
	iov = iov[:min(len(iov), maxIovecs)]
	n, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// advance drops the first n bytes.
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
