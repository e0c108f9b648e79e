package link

import "time"

// Room returns how many bytes should be written at once: about as many as the socket
// accepts.
func (l *Link) Room() int64 { return l.room }

// Idle returns the time until which nothing needs to be sent, not even a keep-alive.
func (l *Link) Idle() time.Time { return l.lastSent.Add(l.timeouts.KeepAlive) }

// Write writes parts in order, without a copy, on a link that does not encrypt. It may
// wait for a disk but not for the peer, and returns how many bytes the system has
// accepted. The error is EFAULT if a mapped file has shrunk or the disk has failed.
func (l *Link) Write(parts [][]byte) (n int64, err error) {
	length := int64(0)
	for _, p := range parts {
		length += int64(len(p))
	}
	n, err = l.write(parts)
	l.accepted(n, length)
	return n, err
}

// WriteEncrypted encrypts b and writes it as Write does. It changes b.
func (l *Link) WriteEncrypted(b []byte) (n int64, err error) {
	for n < int64(len(b)) {
		part := b[n:min(len(b), int(n)+encryptLength)]
		before := l.crypto.Mark()
		l.crypto.Encrypt(part)
		now, err := l.write([][]byte{part})
		n += now
		if now < int64(len(part)) {
			l.crypto.Rewind(before, int(now))
			l.accepted(n, int64(len(b)))
			return n, err
		}
	}
	l.accepted(n, n)
	return n, nil
}

// accepted records that the socket has accepted n of length bytes.
func (l *Link) accepted(n, length int64) {
	l.full = n < length
	if l.full {
		l.room = max(n, minRoom)
	} else {
		l.room = min(2*l.room, MaxWrite)
	}
}

// flush sends as many of the queued messages as the socket accepts.
func (l *Link) flush() error {
	if len(l.out) == 0 {
		return nil
	}
	l.crypto.Encrypt(l.out[l.sealed:])
	n, err := l.write([][]byte{l.out})
	if err != nil {
		return err
	}
	if l.full = n < int64(len(l.out)); l.full {
		l.out = append([]byte(nil), l.out[n:]...)
	} else {
		l.out = fitted(l.out[:0])
	}
	l.sealed = len(l.out)
	return nil
}

// await waits until the socket accepts more. Meanwhile, if the peer owes us blocks, it
// reads and handles messages.
func (l *Link) await(h Handler) error {
	l.full = false
	if h.Owes() == 0 {
		return l.socket.await(l.timeouts.Stall)
	}
	done := make(chan error, 1)
	go func() {
		done <- l.socket.await(l.timeouts.Stall)
		l.Wake()
	}()
	for {
		if len(l.out) >= maxOut { // no further message could be answered
			return <-done
		}
		if err := l.listen(time.Now().Add(l.timeouts.Drop), h); err != nil {
			l.Close()
			<-done
			return err
		}
		select {
		case err := <-done:
			return err
		default:
		}
	}
}

// write writes parts to the socket, and returns how many bytes it accepted.
func (l *Link) write(parts [][]byte) (n int64, err error) {
	n, err = l.socket.write(parts)
	if n > 0 {
		l.lastSent = time.Now()
	}
	return n, err
}
