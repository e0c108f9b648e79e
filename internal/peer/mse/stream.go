package mse

import (
	"bytes"
	"crypto/rc4" // broken as it is: the protocol demands it, and it obfuscates and protects nothing
	"fmt"
	"io"
)

// A Session is a connection after its handshake. The nil Session is one without
// MSE: its streams are plain.
//
// Encrypt and Decrypt work in place, so that a sender fills a buffer with as many
// messages as it likes, encrypts it at one go and writes it once. They share
// nothing: one goroutine may send while another receives. Where Method is
// Plaintext they do nothing, and the bytes of files can go out without passing
// through here.
type Session struct {
	InfoHash [20]byte
	Method   Method

	// Initial is how the peer's stream begins, decrypted: the initial payload of
	// an initiator, and what came with the end of the handshake. Decrypt goes on
	// behind it.
	Initial []byte

	in, out *rc4.Cipher // nil for plaintext
}

// Encrypt makes the next bytes to be sent those that go over the wire.
func (s *Session) Encrypt(b []byte) {
	if s != nil && s.out != nil {
		s.out.XORKeyStream(b, b)
	}
}

// Encrypts reports whether Encrypt does anything.
func (s *Session) Encrypts() bool { return s != nil && s.out != nil }

// A Mark is a place in a stream that Encrypts.
type Mark struct{ cipher rc4.Cipher }

// Mark returns the place of the byte that Encrypt will begin with.
func (s *Session) Mark() Mark { return Mark{*s.out} }

// Rewind makes Encrypt go on n bytes behind a mark, for the bytes behind those were
// encrypted and will never be sent.
func (s *Session) Rewind(m Mark, n int) {
	*s.out = m.cipher
	var skipped [1024]byte
	for ; n > 0; n -= min(n, len(skipped)) {
		b := skipped[:min(n, len(skipped))]
		s.out.XORKeyStream(b, b)
	}
}

// Decrypt makes the next bytes received those that the peer meant.
func (s *Session) Decrypt(b []byte) {
	if s != nil && s.in != nil {
		s.in.XORKeyStream(b, b)
	}
}

// begin agrees on a method: it keeps or drops the ciphers of the handshake, and
// takes what has been read of the stream behind it.
func (s *Session) begin(m Method, rest []byte) {
	s.Method = m
	if m == MethodPlaintext {
		s.in, s.out = nil, nil
	}
	s.Decrypt(rest)
	s.Initial = append(s.Initial, rest...)
}

// newCipher returns the key stream of one direction.
func newCipher(label string, secret []byte, infoHash [20]byte) *rc4.Cipher {
	key := hash(label, secret, infoHash[:])
	c, err := rc4.NewCipher(key[:])
	if err != nil {
		panic(err) // only for keys of other lengths
	}
	var skipped [1024]byte
	c.XORKeyStream(skipped[:], skipped[:])
	return c
}

// An input is what comes in during a handshake. It is read as it comes, which may
// be past the end of the handshake.
type input struct {
	conn io.Reader
	buf  []byte // read and not yet taken
	room [1024]byte
}

func newInput(conn io.Reader, first []byte) *input {
	in := &input{conn: conn}
	in.buf = append(in.room[:0], first...)
	return in
}

// fill reads until there are n bytes, no more than there is room for.
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

// take returns the next n bytes, which are good until the next call.
func (in *input) take(n int, what string) ([]byte, error) {
	if err := in.fill(n, what); err != nil {
		return nil, err
	}
	b := in.buf[:n]
	in.buf = in.buf[n:]
	return b, nil
}

// open takes n bytes and decrypts them.
func (in *input) open(c *rc4.Cipher, n int, what string) ([]byte, error) {
	b, err := in.take(n, what)
	if err == nil {
		c.XORKeyStream(b, b)
	}
	return b, err
}

// find takes a pad and the mark behind it.
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
