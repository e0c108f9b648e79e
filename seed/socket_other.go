//go:build !linux

package seed

import (
	"errors"
	"net"
	"os"
	"time"
)

// A socket is a peer's TCP connection, read and written by one goroutine.
type socket struct{ *net.TCPConn }

func newSocket(conn *net.TCPConn) (*socket, error) { return &socket{conn}, nil }

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
	n, err := s.Read(buf[:])
	if n > 0 {
		return take(buf[:n])
	}
	if !wait && errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// send writes the parts in order. check, if there is one, is asked each time before
// the system is given more. A peer that does not receive some of them
// within its patience is not waited for.
func (s *socket) send(parts [][]byte, check func() error, patience time.Duration) error {
	for len(parts) > 0 {
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		n, bytes := 0, 0
		for n < len(parts) && bytes < maxBlock {
			bytes += len(parts[n])
			n++
		}
		if err := s.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		buffers := net.Buffers(append([][]byte(nil), parts[:n]...))
		if _, err := buffers.WriteTo(s.TCPConn); err != nil {
			return err
		}
		parts = parts[n:]
	}
	return nil
}
