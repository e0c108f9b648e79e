//go:build !linux

package seed

import (
	"errors"
	"net"
	"os"
	"time"
)

// A socket is a peer's TCP connection, read and written by one goroutine.
type socket struct {
	*net.TCPConn
	since time.Time // when the peer began not to take what is sent; zero: it takes
}

func newSocket(conn *net.TCPConn) (*socket, error) { return &socket{TCPConn: conn}, nil }

// pollTime is how long a peer is waited for at once: there is no way to ask what
// the system takes now.
const pollTime = 5 * time.Millisecond

// receive hands take what is there, in a buffer that take must not keep; with
// wait it waits for something until the read deadline. Without wait there may be
// nothing, and take is not called.
func (s *socket) receive(wait bool, take func([]byte) error) error {
	if !wait {
		if err := s.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
	}
	buf := buffers.Get()
	defer buffers.Put(buf)
	n, err := s.Read(buf[:readLength])
	if n > 0 {
		return take(buf[:n])
	}
	if !wait && errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// write hands the parts to the system in order, and returns how many bytes it took.
func (s *socket) write(parts [][]byte) (written int64, err error) {
	if err := s.SetWriteDeadline(time.Now().Add(pollTime)); err != nil {
		return 0, err
	}
	buffers := net.Buffers(append([][]byte(nil), parts...))
	written, err = buffers.WriteTo(s.TCPConn)
	if written > 0 {
		s.since = time.Time{}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return written, err
}

// await waits a little. A peer that took nothing within timeout is not waited
// for.
func (s *socket) await(timeout time.Duration) error {
	now := time.Now()
	if s.since.IsZero() {
		s.since = now
	}
	if now.Sub(s.since) >= timeout {
		return os.ErrDeadlineExceeded
	}
	time.Sleep(pollTime)
	return nil
}
