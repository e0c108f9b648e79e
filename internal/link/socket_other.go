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

// receive reads into rest or, if that is empty, into a buffer: n bytes of rest, or b. The
// caller calls giveBuffer with b. If wait is set, receive waits for data until the read
// deadline. Otherwise it returns nothing if there is no data.
func (s *socket) receive(wait, blocks bool, rest []byte) (n int, b []byte, err error) {
	if !wait {
		if err := s.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return 0, nil, err
		}
	}
	if len(rest) > 0 {
		n, err = s.Read(rest)
	} else {
		b = takeBuffer(blocks)
		var length int
		length, err = s.Read(b)
		b = b[:length]
	}
	if n > 0 || len(b) > 0 || !wait && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, b, err
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
