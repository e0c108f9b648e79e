package link

import (
	"errors"
	"fmt"
	"os"
	"time"

	"bt/internal/peer"
)

// maxPause is the longest sleep while messages of the peer wait. Between sleeps the
// connection may be closed or woken.
const maxPause = 100 * time.Millisecond

// listen reads and handles what the peer has sent. If until is not zero, it waits for
// data until then.
func (l *Link) listen(until time.Time, h Handler) error {
	wait, gathers := !until.IsZero(), false
	if l.more {
		if pause := time.Until(l.resume); wait && pause > 0 {
			time.Sleep(min(pause, time.Until(until), maxPause))
		}
		return l.parse(nil, h)
	}
	if wait {
		until = earlier(until, l.lastSent.Add(l.timeouts.KeepAlive))
		until = earlier(until, l.lastReceived.Add(l.timeouts.Drop))
		if gathers = l.gathers(h); gathers {
			until = earlier(until, time.Now().Add(gatherTime))
		}
		if err := l.socket.SetReadDeadline(until); err != nil {
			return err
		}
		if l.woken.Swap(false) {
			return nil // perhaps before the deadline was set
		}
	}
	err := l.receive(wait, h)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if !wait || gathers {
		l.fast = l.fast && l.woken.Load() // or less than gatherLength has arrived
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
	l.shrink(h)
	h.Rest()
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// shrink frees buffers that an idle peer does not need. One that owes us blocks is not
// idle because of a Wake.
func (l *Link) shrink(h Handler) {
	if !l.woken.Load() || h.Owes() == 0 {
		l.in = append([]byte(nil), l.inbox.release(l.in)...)
	}
	if len(l.out) == 0 {
		l.out = nil
	}
}

// receive reads once from the socket, and handles what it has read.
func (l *Link) receive(wait bool, h Handler) error {
	l.choose(h.Owes() > 0)
	defer l.inbox.give()
	n, err := l.socket.receive(wait, &l.inbox)
	if err != nil || n == 0 {
		return err
	}
	l.fast = l.inbox.blocks && n >= gatherLength/2
	return l.take(n, h)
}

// take decrypts and handles n bytes that were received.
func (l *Link) take(n int, h Handler) error {
	l.lastReceived = time.Now()
	in := &l.inbox
	for left, i := n, 0; left > 0; i++ {
		p := in.parts[i]
		p = p[:min(left, len(p))]
		l.crypto.Decrypt(p)
		left -= len(p)
	}
	if !in.blocks {
		return l.parse(in.buffer[:n], h)
	}
	if err := l.takeSlots(n, h); err != nil {
		return err
	}
	return h.Handled()
}

// parse handles the messages in l.in and in b, which follows it and is decrypted.
func (l *Link) parse(b []byte, h Handler) error {
	if err := l.split(b, h); err != nil {
		return err
	}
	return h.Handled()
}

// split passes the messages in l.in and in b to the handler, and keeps the rest in l.in.
func (l *Link) split(b []byte, h Handler) error {
	if len(l.in) > 0 {
		b = l.join(b)
		done, err := l.handle(l.in, h)
		if err != nil {
			return err
		}
		if done > 0 {
			l.in = l.in[:copy(l.in, l.in[done:])]
		}
		if len(l.in) > 0 { // an incomplete message, and no b, or messages that must wait
			l.in = append(l.in, b...)
			return nil
		}
	}
	n := min(l.skip, len(b))
	l.skip, b = l.skip-n, b[n:]
	done, err := l.handle(b, h)
	if err != nil {
		return err
	}
	l.keep(b[done:], h.Owes() > 0)
	return nil
}

// join moves the end of the message in l.in from b, and returns the rest of b.
func (l *Link) join(b []byte) []byte {
	for len(b) > 0 {
		_, n, err := peer.Next(l.in, l.pieces)
		if err != nil || n <= len(l.in) {
			break
		}
		n = min(n-len(l.in), len(b))
		l.in, b = append(l.in, b[:n]...), b[n:]
	}
	return b
}

// handle handles the messages in b, and returns the length of those that are done. It sets
// l.more if the others must wait.
func (l *Link) handle(b []byte, h Handler) (done int, err error) {
	l.more = false
	for done < len(b) {
		if l.waits() {
			l.more = true
			break
		}
		m, n, err := peer.Next(b[done:], l.pieces)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if n > len(b)-done {
			ignore, err := h.Begun(m.ID, b[done:], n)
			if ignore {
				l.skip, done = n-(len(b)-done), len(b)
			}
			return done, err
		}
		if err := h.Handle(m); err != nil {
			return 0, err
		}
		done += n
	}
	return done, nil
}

// waits reports whether messages of the peer must wait.
func (l *Link) waits() bool {
	return len(l.out) >= maxOut || !l.resume.IsZero() && time.Until(l.resume) > 0
}

// keep keeps the start of a message, or messages that must wait, in l.in, which is empty.
func (l *Link) keep(b []byte, expects bool) {
	switch {
	case !expects || cap(l.in) > blockMessage:
		l.in = fitted(append(l.in, b...))
	case len(b) > 0 && cap(l.in) < blockMessage:
		l.in = append(make([]byte, 0, max(blockMessage, len(b))), b...)
	default:
		l.in = append(l.in, b...)
	}
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
