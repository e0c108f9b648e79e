package peer

import "encoding/binary"

const (
	// HandshakeLength is the length of a handshake in bytes.
	HandshakeLength = 68

	// OpeningLength is the length of a handshake without its peer id.
	OpeningLength = HandshakeLength - 20
)

// greeting is what every handshake begins with: the length of the protocol's
// name, and the name.
const greeting = "\x13BitTorrent protocol"

// GreetingLength is how many bytes tell a handshake from anything else.
const GreetingLength = len(greeting)

// A Feature is a bit of the reserved bytes, which are read as one number here.
type Feature uint64

// The features. One holds for a connection where both sides set it.
const (
	FeatureDHT        Feature = 0x01     // reserved[7]: port messages (BEP 5)
	FeatureFast       Feature = 0x04     // reserved[7]: BEP 6
	FeatureV2         Feature = 0x10     // reserved[7]: a v1 info-hash may be answered with that of v2 (BEP 52)
	FeatureExtensions Feature = 0x100000 // reserved[5]: extended messages (BEP 10)
)

// A Handshake is what each side sends first.
type Handshake struct {
	Reserved [8]byte  // as sent; see Has
	InfoHash [20]byte // of v2 torrents the first 20 bytes (BEP 52)
	PeerID   [20]byte
}

// Has reports whether every one of the features is set.
func (h *Handshake) Has(f Feature) bool {
	return binary.BigEndian.Uint64(h.Reserved[:])&uint64(f) == uint64(f)
}

// Set sets features.
func (h *Handshake) Set(f Feature) {
	binary.BigEndian.PutUint64(h.Reserved[:], binary.BigEndian.Uint64(h.Reserved[:])|uint64(f))
}

// Append writes the handshake.
func (h *Handshake) Append(b []byte) []byte {
	b = append(b, greeting...)
	b = append(b, h.Reserved[:]...)
	b = append(b, h.InfoHash[:]...)
	return append(b, h.PeerID[:]...)
}

// IsHandshake reports whether b begins with a handshake's first GreetingLength
// bytes. What a stranger sends and is none may be an encrypted handshake, which
// looks like noise.
func IsHandshake(b []byte) bool {
	return len(b) >= GreetingLength && string(b[:GreetingLength]) == greeting
}

// ParseOpening reads the first OpeningLength bytes of a handshake; the PeerID is zero.
// That is all that a tracker's NAT check sends before it waits for an answer.
func ParseOpening(b []byte) (h Handshake, err error) {
	switch {
	case len(b) < OpeningLength:
		return h, errorf("a handshake of %d bytes", len(b))
	case !IsHandshake(b):
		return h, errorf("not a handshake of BitTorrent")
	}
	h.Reserved = [8]byte(b[20:])
	h.InfoHash = [20]byte(b[28:])
	return h, nil
}

// ParseHandshake reads the handshake that b begins with, of which all
// HandshakeLength bytes must be there; messages may follow.
func ParseHandshake(b []byte) (h Handshake, err error) {
	if len(b) < HandshakeLength {
		return h, errorf("a handshake of %d bytes", len(b))
	}
	if h, err = ParseOpening(b); err == nil {
		h.PeerID = [20]byte(b[OpeningLength:])
	}
	return h, err
}
