// Package mse is Message Stream Encryption, also called Protocol Encryption
// (MSE/PE), as Vuze specified it: the handshake that hides from whoever looks at
// the wire that a connection is one of BitTorrent, and the streams after it. There
// is no BEP for it. Both sides are here: Accept for the one that was connected to,
// Initiate for the one that connects.
//
// It protects nothing. The Diffie-Hellman exchange knows no identities, RC4 is
// broken, and the key that matters is the info-hash, which is public. So nothing
// here takes care to run in constant time.
//
//	A is who connects, B who listens. G is 2, P a prime of 96 bytes, all numbers
//	are big endian, HASH is SHA-1, and S, the shared secret, is 96 bytes.
//
//	         96 bytes  0..512
//	1 A->B   | Ya    | PadA |                            Ya = G^Xa mod P
//	2 B->A   | Yb    | PadB |                            Yb = G^Xb mod P
//	         20 bytes         20 bytes
//	3 A->B   | HASH(req1, S) | HASH(req2, info-hash) xor HASH(req3, S) |
//	         8        4                2           0..512 2         0..65535
//	         | VC = 0 | crypto_provide | len(PadC) | PadC | len(IA) | IA |
//	         8        4               2           0..512
//	4 B->A   | VC = 0 | crypto_select | len(PadD) | PadD | B's stream ...
//	5 A->B   A's stream, which IA began ...
//
// From the first VC on each direction is encrypted with RC4, A's with the key
// HASH(keyA, S, info-hash), B's with HASH(keyB, S, info-hash), after the first
// 1024 bytes of the key stream. What follows the handshake goes on with that, or
// is plain, by crypto_select. Nobody is told how long PadA and PadB are: B looks
// for HASH(req1, S), and A for VC as it comes out of the cipher.
//
// Not here: other methods than the two that there are, fallback to connections
// without MSE, and telling one from the other: a peer without MSE begins with the
// 20 bytes "\x13BitTorrent protocol" (BEP 3), and Ya does so by no chance.
package mse

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
)

// Method is what the streams after the handshake are encrypted with, by its
// number on the wire; or a set of such, one bit each.
type Method uint32

// The methods.
const (
	MethodPlaintext Method = 1 << iota // not at all: only the handshake is hidden
	MethodRC4                          // all of it
)

func (m Method) String() string {
	switch m {
	case MethodPlaintext:
		return "plaintext"
	case MethodRC4:
		return "RC4"
	case MethodPlaintext | MethodRC4:
		return "plaintext or RC4"
	}
	return fmt.Sprintf("Method(%#x)", uint32(m))
}

// MaxInitial is how long an initial payload may be, in bytes. The field could say
// 65535; what clients send is the handshake of BEP 3, which has 68.
const MaxInitial = 16 << 10

// Options say what a side agrees to. The zero value initiates.
type Options struct {
	// Methods are those that this side takes; 0 means both. Where both sides take
	// both, Accept selects Plaintext, which costs nothing. RC4 alone requires it.
	Methods Method

	// Lookup returns the info-hash of which req2 is the Req2, if its torrent is
	// here. Only Accept calls it, once; nil means that there are no torrents.
	Lookup func(req2 [20]byte) (infoHash [20]byte, ok bool)

	// Exchange, if non-nil, is called for each of the two computations of the key
	// exchange, with a func that takes some 20 and 100 µs of a CPU, and which it
	// calls before it returns nil, maybe in another goroutine. An error ends the
	// handshake. Only Accept calls it.
	Exchange func(compute func()) error
}

// exchange calls compute where Exchange wants it.
func (o *Options) exchange(compute func()) error {
	if o.Exchange == nil {
		compute()
		return nil
	}
	return o.Exchange(compute)
}

func (o *Options) methods() Method {
	if o.Methods == 0 {
		return MethodPlaintext | MethodRC4
	}
	return o.Methods
}

// Req2 is the name by which an initiator asks for a torrent: a map from it to the
// info-hash answers Options.Lookup. Of v2 torrents the info-hash is its first 20
// bytes (BEP 52).
func Req2(infoHash [20]byte) [20]byte { return hash("req2", infoHash[:]) }

// An Error says why what a peer sent is no handshake that can be agreed to. Errors
// of the connection are those of its Read and Write, wrapped; a connection that
// ends within the handshake is io.ErrUnexpectedEOF.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// Errors of peers that speak MSE well.
var (
	ErrTorrent error = &Error{"the peer asks for a torrent that is not here"}
	ErrMethod  error = &Error{"the peer and this side have no method of encryption in common"}
)

// Lengths in bytes.
const (
	hashLen     = sha1.Size
	exponentLen = 160 / 8 // as the specification recommends; more bits add nothing but work
	keyLen      = 768 / 8
	maxPad      = 512
	vcLen       = 8
)

// hash is HASH of the specification.
func hash(label string, parts ...[]byte) [hashLen]byte {
	b := append(make([]byte, 0, 4+keyLen+hashLen), label...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return sha1.Sum(b)
}

// masked is how step 3 names the torrent.
func masked(req2, req3 [hashLen]byte) [hashLen]byte {
	for i := range req2 {
		req2[i] ^= req3[i]
	}
	return req2
}

// A chance is all that a handshake leaves to chance.
type chance struct {
	exponent [exponentLen]byte
	pad      []byte // PadA or PadB
	zeros    int    // the length of PadC or PadD, which are zeros until someone extends them
}

func draw() *chance {
	var b [exponentLen + 4 + maxPad]byte
	rand.Read(b[:]) // never fails
	length := func(b []byte) int { return int(binary.BigEndian.Uint16(b)) % (maxPad + 1) }
	pad := b[exponentLen+4:]
	return &chance{
		exponent: [exponentLen]byte(b[:]),
		pad:      pad[:length(b[exponentLen:])],
		zeros:    length(b[exponentLen+2:]),
	}
}
