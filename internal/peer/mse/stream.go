package mse

import (
	"bytes"
	"fmt"
	"io"
)

// A Session is a connection after its handshake. The nil Session is a connection
// without MSE, whose streams are plain.
//
// Encrypt and Decrypt work in place, so that a sender can fill a buffer with several
// messages, encrypt it at once and write it once. One goroutine may use Encrypt while
// another uses Decrypt. If Method is MethodPlaintext, they do nothing, and need not be
// called.
type Session struct {
	InfoHash [20]byte
	Method   Method

	// Initial is the beginning of the peer's stream, decrypted: the initial payload of
	// an initiator, and bytes that were read after the end of the handshake. The next
	// call of Decrypt continues after it.
	Initial []byte

	in, out *cipher // nil for plaintext
}

// Encrypt encrypts the next bytes to send, in place.
func (s *Session) Encrypt(b []byte) {
	if s != nil && s.out != nil {
		s.out.xor(b)
	}
}

// Encrypts reports whether Encrypt changes the bytes.
func (s *Session) Encrypts() bool { return s != nil && s.out != nil }

// A Mark is a position in the encrypted stream.
type Mark struct{ cipher cipher }

// Mark returns the current position of Encrypt.
func (s *Session) Mark() Mark { return Mark{*s.out} }

// Rewind sets the position of Encrypt to n bytes after a mark, if bytes after that were
// encrypted but will never be sent.
func (s *Session) Rewind(m Mark, n int) {
	*s.out = m.cipher
	var skipped [1024]byte
	for ; n > 0; n -= min(n, len(skipped)) {
		b := skipped[:min(n, len(skipped))]
		s.out.xor(b)
	}
}

// Decrypt decrypts the next received bytes, in place.
func (s *Session) Decrypt(b []byte) {
	if s != nil && s.in != nil {
		s.in.xor(b)
	}
}

// begin sets the method: it keeps or drops the ciphers of the handshake, and sets
// Initial from bytes that were read already.
func (s *Session) begin(m Method, rest []byte) {
	s.Method = m
	if m == MethodPlaintext {
		s.in, s.out = nil, nil
	}
	s.Decrypt(rest)
	s.Initial = append(s.Initial, rest...)
}

// newCipher returns the cipher of one direction.
func newCipher(label string, secret []byte, infoHash [20]byte) *cipher {
	key := hash(label, secret, infoHash[:])
	c := keyed(key[:])
	var skipped [1024]byte
	c.xor(skipped[:])
	return c
}

// An input is the input of a handshake. It may read bytes after the end of the
// handshake.
type input struct {
	conn io.Reader
	buf  []byte // read, but not consumed
	room [1024]byte
}

func newInput(conn io.Reader, first []byte) *input {
	in := &input{conn: conn}
	in.buf = append(in.room[:0], first...)
	return in
}

// fill reads until there are n bytes, and no more than fit into buf.
func (in *input) fill(n int, what string) error {
	if len(in.buf) >= n {
		return nil
	}
	have := copy(in.room[:], in.buf)
	more, err := io.ReadAtLeast(in.conn, in.room[have:], n-have)
	in.buf = in.room[:have+more]
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// take returns the next n bytes, which are valid until the next call.
func (in *input) take(n int, what string) ([]byte, error) {
	if err := in.fill(n, what); err != nil {
		return nil, err
	}
	b := in.buf[:n]
	in.buf = in.buf[n:]
	return b, nil
}

// open consumes n bytes and decrypts them.
func (in *input) open(c *cipher, n int, what string) ([]byte, error) {
	b, err := in.take(n, what)
	if err == nil {
		c.xor(b)
	}
	return b, err
}

// find consumes a pad and the mark after it.
func (in *input) find(mark []byte, what string) error {
	for range maxPad + 1 {
		if err := in.fill(len(mark), what); err != nil {
			return err
		}
		if bytes.HasPrefix(in.buf, mark) {
			in.buf = in.buf[len(mark):]
			return nil
		}
		in.buf = in.buf[1:]
	}
	return errorf("no %s behind %d bytes of pad", what, maxPad)
}
