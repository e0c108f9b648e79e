package mse

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Accept does the handshake of the accepting side. first are bytes of the connection
// that were read already, to detect MSE. Accept neither keeps nor changes them. After
// an error the connection can't be used.
//
// Accept blocks until the handshake is complete or fails; the caller sets deadlines. It
// reads at most 20 KB. For each peer it allocates 2 KB, does a short modular
// exponentiation when the peer has sent its key, and a long one when the peer has sent
// more after the answer. It allocates more only if the peer requests a torrent that
// exists.
func Accept(conn io.ReadWriter, first []byte, o Options) (*Session, error) {
	return accept(conn, first, o, draw())
}

func accept(conn io.ReadWriter, first []byte, o Options, c *chance) (*Session, error) {
	in := newInput(conn, first)
	key, err := in.take(keyLen, "Ya")
	if err != nil {
		return nil, err
	}
	ya, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	var yb, shared []byte
	if err := o.exchange(func() { yb = public(&c.exponent) }); err != nil {
		return nil, err
	}
	if _, err := conn.Write(append(yb, c.pad...)); err != nil {
		return nil, fmt.Errorf("writing Yb: %w", err)
	}

	const mark = "HASH(req1, S)"
	if err := in.fill(hashLen, mark); err != nil {
		return nil, err
	}
	if err := o.exchange(func() { shared = secret(ya, &c.exponent) }); err != nil {
		return nil, err
	}
	req1 := hash("req1", shared)
	if err := in.find(req1[:], mark); err != nil {
		return nil, err
	}
	name, err := in.take(hashLen, "the torrent's hash")
	if err != nil {
		return nil, err
	}
	if o.Lookup == nil {
		return nil, ErrTorrent
	}
	infoHash, ok := o.Lookup(masked([hashLen]byte(name), hash("req3", shared)))
	if !ok {
		return nil, ErrTorrent
	}
	s := &Session{
		InfoHash: infoHash,
		in:       newCipher("keyA", shared, infoHash),
		out:      newCipher("keyB", shared, infoHash),
	}
	m, err := s.readOffer(in, o.methods())
	if err != nil {
		return nil, err
	}

	reply := make([]byte, vcLen, vcLen+4+2+maxPad)
	reply = binary.BigEndian.AppendUint32(reply, uint32(m))
	reply = binary.BigEndian.AppendUint16(reply, uint16(c.zeros))
	reply = append(reply, make([]byte, c.zeros)...)
	s.Encrypt(reply)
	if _, err := conn.Write(reply); err != nil {
		return nil, fmt.Errorf("writing crypto_select: %w", err)
	}
	s.begin(m, in.buf)
	return s, nil
}

// readOffer reads the encrypted part of step 3, and returns the method to select.
func (s *Session) readOffer(in *input, methods Method) (Method, error) {
	head, err := in.open(s.in, vcLen+4+2, "crypto_provide")
	if err != nil {
		return 0, err
	}
	if vc := binary.BigEndian.Uint64(head); vc != 0 {
		return 0, errorf("the verification constant is %#x, not 0", vc)
	}
	provided := Method(binary.BigEndian.Uint32(head[vcLen:]))
	pad := int(binary.BigEndian.Uint16(head[vcLen+4:]))
	if pad > maxPad {
		return 0, errorf("PadC is of %d bytes", pad)
	}
	var m Method
	switch common := provided & methods; {
	case common&MethodPlaintext != 0:
		m = MethodPlaintext
	case common&MethodRC4 != 0:
		m = MethodRC4
	default:
		return 0, ErrMethod
	}

	if _, err := in.open(s.in, pad, "PadC"); err != nil {
		return 0, err
	}
	b, err := in.open(s.in, 2, "the length of the initial payload")
	if err != nil {
		return 0, err
	}
	left := int(binary.BigEndian.Uint16(b))
	if left > MaxInitial {
		return 0, errorf("an initial payload of %d bytes", left)
	}
	for left > 0 { // in small steps: don't allocate memory before bytes arrive
		part, err := in.open(s.in, min(left, len(in.room)), "the initial payload")
		if err != nil {
			return 0, err
		}
		s.Initial = append(s.Initial, part...)
		left -= len(part)
	}
	return m, nil
}
