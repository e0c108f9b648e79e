//go:build !linux

package link

import (
	"errors"
	"net"
	"os"
	"time"
)

// A socket is the TCP connection of a peer. It is read and written by one goroutine.
type socket struct {
	*net.TCPConn
	since time.Time // since when the peer has received nothing; zero: it receives
}

func newSocket(conn *net.TCPConn) (*socket, error) { return &socket{TCPConn: conn}, nil }

// pollTime is how long to block in a read or write. There is no portable way to ask
// whether one would block.
const pollTime = 5 * time.Millisecond

// receive calls take with received data, in a buffer that take must not keep. If wait
// is set, it waits for data until the read deadline. Otherwise it returns nil without
// calling take if there is no data.
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

// write writes the parts in order, and returns how many bytes the system accepted.
func (s *socket) write(parts [][]byte) (written int64, err error) {
	if err := s.SetWriteDeadline(time.Now().Add(pollTime)); err != nil {
		return 0, err
	}
	all := net.Buffers(append([][]byte(nil), parts...))
	written, err = all.WriteTo(s.TCPConn)
	if written > 0 {
		s.since = time.Time{}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return written, err
}

// await waits for pollTime. It fails if the peer has received nothing for timeout.
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
