package peer

import "encoding/binary"

const (
	// HandshakeLength is the length of a handshake in bytes.
	HandshakeLength = 68

	// OpeningLength is the length of a handshake without its peer id.
	OpeningLength = HandshakeLength - 20
)

// greeting is the beginning of each handshake: the length of the protocol's name, and
// the name.
const greeting = "\x13BitTorrent protocol"

// GreetingLength is the number of bytes that IsHandshake needs.
const GreetingLength = len(greeting)

// A Feature is a bit of the reserved bytes, read as one big-endian number.
type Feature uint64

// The features. A feature is in effect if both sides set it.
const (
	FeatureDHT        Feature = 0x01     // reserved[7]: port messages (BEP 5)
	FeatureFast       Feature = 0x04     // reserved[7]: BEP 6
	FeatureV2         Feature = 0x10     // the v2 info-hash may be the answer to a v1 info-hash (BEP 52)
	FeatureExtensions Feature = 0x100000 // reserved[5]: extended messages (BEP 10)
)

// A Handshake is the first message of each side.
type Handshake struct {
	Reserved [8]byte  // unchanged; see Has
	InfoHash [20]byte // for v2 torrents the first 20 bytes (BEP 52)
	PeerID   [20]byte
}

// Has reports whether all of the features are set.
func (h *Handshake) Has(f Feature) bool {
	return binary.BigEndian.Uint64(h.Reserved[:])&uint64(f) == uint64(f)
}

// Set sets features.
func (h *Handshake) Set(f Feature) {
	binary.BigEndian.PutUint64(h.Reserved[:], binary.BigEndian.Uint64(h.Reserved[:])|uint64(f))
}

// Append appends the handshake.
func (h *Handshake) Append(b []byte) []byte {
	b = append(b, greeting...)
	b = append(b, h.Reserved[:]...)
	b = append(b, h.InfoHash[:]...)
	return append(b, h.PeerID[:]...)
}

// IsHandshake reports whether b begins with the first GreetingLength bytes of a
// handshake. Otherwise it may be an encrypted handshake, which looks random.
func IsHandshake(b []byte) bool {
	return len(b) >= GreetingLength && string(b[:GreetingLength]) == greeting
}

// ParseOpening parses the first OpeningLength bytes of a handshake; the PeerID is zero.
// The NAT check of a tracker sends no more before it waits for an answer.
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

// ParseHandshake parses the handshake at the start of b, which must have at least
// HandshakeLength bytes.
func ParseHandshake(b []byte) (h Handshake, err error) {
	if len(b) < HandshakeLength {
		return h, errorf("a handshake of %d bytes", len(b))
	}
	if h, err = ParseOpening(b); err == nil {
		h.PeerID = [20]byte(b[OpeningLength:])
	}
	return h, err
}
