//go:build !linux

package link

import (
	"errors"
	"net"
	"os"
	"time"

	"bt/internal/pool"
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

// scratchLength is the size of reads from a peer that owes us blocks. The slots of an inbox
// have more room.
const scratchLength = 128 << 10

var scratches pool.Pool[[scratchLength]byte]

// receive reads into the memory of an inbox, and returns how many bytes it has read. If wait
// is set, it waits for data until the read deadline. Otherwise it returns 0 if there is no
// data.
func (s *socket) receive(wait bool, in *inbox) (n int, err error) {
	if !wait {
		if err := s.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return 0, err
		}
	}
	if !in.blocks {
		in.take()
		n, err = s.Read(in.buffer[:])
	} else {
		n, err = s.receiveBlocks(in)
	}
	if n > 0 || !wait && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// receiveBlocks reads into the slots of an inbox. The package net has no read into several
// buffers.
func (s *socket) receiveBlocks(in *inbox) (int, error) {
	scratch := scratches.Get()
	defer scratches.Put(scratch)
	n, err := s.Read(scratch[:])
	in.take()
	b := scratch[:n]
	for i := 0; len(b) > 0; i++ {
		b = b[copy(in.parts[i], b):]
	}
	return n, err
}

// gather returns false: reads do not wait for much data here.
func (s *socket) gather(bool) bool { return false }

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
