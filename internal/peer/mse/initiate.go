package mse

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Initiate does the handshake of the connecting side, for the torrent with the
// info-hash. payload, of at most MaxInitial bytes, is the beginning of this side's
// stream, usually the handshake of BEP 3; the next call of Encrypt continues after it.
// Initiate neither keeps nor changes payload.
//
// Initiate blocks until the handshake is complete or fails; the caller sets deadlines.
// A peer that refuses usually closes the connection without a reason.
func Initiate(conn io.ReadWriter, infoHash [20]byte, o Options, payload []byte) (*Session, error) {
	return initiate(conn, infoHash, o, payload, draw())
}

func initiate(conn io.ReadWriter, infoHash [20]byte, o Options, payload []byte, c *chance) (*Session, error) {
	if len(payload) > MaxInitial {
		return nil, fmt.Errorf("an initial payload of %d bytes, more than %d", len(payload), MaxInitial)
	}
	if _, err := conn.Write(append(public(&c.exponent), c.pad...)); err != nil {
		return nil, fmt.Errorf("writing Ya: %w", err)
	}
	in := newInput(conn, nil)
	key, err := in.take(keyLen, "Yb")
	if err != nil {
		return nil, err
	}
	yb, err := parseKey(key)
	if err != nil {
		return nil, err
	}

	shared := secret(yb, &c.exponent)
	s := &Session{
		InfoHash: infoHash,
		in:       newCipher("keyB", shared, infoHash),
		out:      newCipher("keyA", shared, infoHash),
	}
	req1 := hash("req1", shared)
	name := masked(Req2(infoHash), hash("req3", shared))
	offer := make([]byte, 0, 2*hashLen+vcLen+4+2+maxPad+2+len(payload))
	offer = append(offer, req1[:]...)
	offer = append(offer, name[:]...)
	offer = append(offer, make([]byte, vcLen)...)
	offer = binary.BigEndian.AppendUint32(offer, uint32(o.methods()))
	offer = binary.BigEndian.AppendUint16(offer, uint16(c.zeros))
	offer = append(offer, make([]byte, c.zeros)...)
	offer = binary.BigEndian.AppendUint16(offer, uint16(len(payload)))
	offer = append(offer, payload...)
	s.Encrypt(offer[2*hashLen:])
	if _, err := conn.Write(offer); err != nil {
		return nil, fmt.Errorf("writing crypto_provide: %w", err)
	}

	m, err := s.readChoice(in, o.methods())
	if err != nil {
		return nil, err
	}
	s.begin(m, in.buf)
	return s, nil
}

// readChoice reads step 4, and returns the method that the peer selected.
func (s *Session) readChoice(in *input, methods Method) (Method, error) {
	var vc [vcLen]byte
	s.Decrypt(vc[:]) // encrypting zeros gives the same bytes
	if err := in.find(vc[:], "verification constant"); err != nil {
		return 0, err
	}
	head, err := in.open(s.in, 4+2, "crypto_select")
	if err != nil {
		return 0, err
	}
	m := Method(binary.BigEndian.Uint32(head))
	pad := int(binary.BigEndian.Uint16(head[4:]))
	switch {
	case m != MethodPlaintext && m != MethodRC4 || m&methods == 0:
		return 0, errorf("the peer selects %v, and was offered %v", m, methods)
	case pad > maxPad:
		return 0, errorf("PadD is of %d bytes", pad)
	}
	_, err = in.open(s.in, pad, "PadD")
	return m, err
}
