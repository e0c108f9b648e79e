package link

import (
	"errors"
	"fmt"
	"os"
	"time"

	"bt/internal/peer"
	"bt/internal/pool"
)

// readLength is the size of reads from a peer, enough for some five hundred requests.
const readLength = 8 << 10

// buffers are for reading. They are in proportion to CPUs, not to peers.
var buffers pool.Pool[[readLength]byte]

// maxPause is the longest sleep while messages of the peer wait. Between sleeps the
// connection may be closed or woken.
const maxPause = 100 * time.Millisecond

// listen reads and handles what the peer has sent. If until is not zero, it waits for
// data until then.
func (l *Link) listen(until time.Time, h Handler) error {
	wait := !until.IsZero()
	if l.more {
		if pause := time.Until(l.resume); wait && pause > 0 {
			time.Sleep(min(pause, time.Until(until), maxPause))
		}
		return l.parse(nil, h)
	}
	if wait {
		if alive := l.lastSent.Add(l.timeouts.KeepAlive); alive.Before(until) {
			until = alive
		}
		if end := l.lastReceived.Add(l.timeouts.Drop); end.Before(until) {
			until = end
		}
		if err := l.socket.SetReadDeadline(until); err != nil {
			return err
		}
		if l.woken.Swap(false) {
			return nil // perhaps before the deadline was set
		}
	}
	err := l.socket.receive(wait, func(b []byte) error { return l.take(b, h) })
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if !wait {
		// Clear an old deadline, or that of a Wake, which would keep further data from
		// being read.
		return l.socket.SetReadDeadline(time.Time{})
	}
	now := time.Now()
	if now.Sub(l.lastReceived) >= l.timeouts.Drop {
		return ErrSilent
	}
	if now.Sub(l.lastSent) >= l.timeouts.KeepAlive {
		l.Queue(peer.Message{ID: peer.IDKeepAlive})
	}
	l.shrink()
	h.Rest()
	return nil
}

// shrink frees buffers that an idle peer does not need.
func (l *Link) shrink() {
	if len(l.in) == 0 {
		l.in = nil
	}
	if len(l.out) == 0 {
		l.out = nil
	}
}

// take decrypts and handles received data. It does not keep b.
func (l *Link) take(b []byte, h Handler) error {
	l.lastReceived = time.Now()
	l.crypto.Decrypt(b)
	return l.parse(b, h)
}

// parse handles the messages in b, which is decrypted, and keeps an incomplete one in
// l.in.
func (l *Link) parse(b []byte, h Handler) error {
	n := min(l.skip, len(b))
	l.skip, b = l.skip-n, b[n:]
	if len(l.in) > 0 {
		// b continues the message in l.in.
		l.in = append(l.in, b...)
		b = l.in
	}
	l.more = false
	for len(b) > 0 {
		if len(l.out) >= maxOut || !l.resume.IsZero() && time.Until(l.resume) > 0 {
			l.more = true
			break
		}
		m, n, err := peer.Next(b, l.pieces)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if n > len(b) {
			ignore, err := h.Begun(m.ID, b, n)
			if err != nil {
				return err
			}
			if ignore {
				l.skip, b = n-len(b), nil
			}
			break
		}
		if err := h.Handle(m); err != nil {
			return err
		}
		b = b[n:]
	}
	l.in = fitted(append(l.in[:0], b...))
	return nil
}

// fitted returns b, copied if it has much spare capacity.
func fitted(b []byte) []byte {
	switch {
	case len(b) == 0 && cap(b) > 1<<10:
		return nil
	case cap(b) > len(b)+1<<10:
		return append(make([]byte, 0, len(b)), b...)
	}
	return b
}
