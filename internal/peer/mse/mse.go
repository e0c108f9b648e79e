// Package mse implements Message Stream Encryption, also called Protocol Encryption
// (MSE/PE), as specified by Vuze: a handshake that hides from observers that a
// connection is BitTorrent, and the encrypted streams after it. There is no BEP for it.
// [Accept] is for the side that accepts a connection, and [Initiate] for the side that
// connects.
//
// It does not provide security. The Diffie-Hellman exchange is not authenticated, RC4
// is broken, and the info-hash, which serves as a key, is public. So nothing here runs
// in constant time.
//
// A is the side that connects, B the side that listens. G is 2, P a prime of 96 bytes,
// all numbers are big endian, HASH is SHA-1, and S, the shared secret, has 96 bytes.
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
// From the first VC on, each direction is encrypted with RC4, A's with the key
// HASH(keyA, S, info-hash), B's with HASH(keyB, S, info-hash), after dropping the first
// 1024 bytes of the key stream. After the handshake, the streams continue with that, or
// are plain, depending on crypto_select. The lengths of PadA and PadB are not sent: B
// searches for HASH(req1, S), and A for the encrypted VC.
//
// The package leaves out other methods, fallback to connections without MSE, and
// detection of MSE: a connection without MSE begins with the 20 bytes "\x13BitTorrent
// protocol" (BEP 3), with which Ya practically never begins.
package mse

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
)

// A Method is how the streams after the handshake are encrypted, as its number on the
// wire, or a bit set of such methods.
type Method uint32

// The methods.
const (
	MethodPlaintext Method = 1 << iota // no encryption after the handshake
	MethodRC4                          // RC4 for everything
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

// MaxInitial is the maximum length of the initial payload in bytes. The field allows
// 65535; clients send the handshake of BEP 3, which has 68.
const MaxInitial = 16 << 10

// Options are the options of either side. The zero value is valid for Initiate.
type Options struct {
	// Methods are the methods that this side accepts; 0 means both. If both sides
	// accept both, Accept selects MethodPlaintext, which costs nothing.
	Methods Method

	// Lookup returns the info-hash whose Req2 is req2, if the torrent exists. Accept
	// calls it once. Initiate does not use it. nil means that there are no torrents.
	Lookup func(req2 [20]byte) (infoHash [20]byte, ok bool)

	// Exchange, if not nil, is called by Accept for each of the two computations of the
	// key exchange. It must call compute, which takes about 20 and 100 µs of CPU time,
	// before it returns nil, and may do so in another goroutine. If it returns an
	// error, the handshake fails.
	Exchange func(compute func()) error
}

// exchange calls compute through Exchange, if that is not nil.
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

// Req2 returns the hash by which an initiator requests a torrent. Options.Lookup can
// use a map from it to the info-hash, which for v2 torrents is cut to 20 bytes (BEP
// 52).
func Req2(infoHash [20]byte) [20]byte { return hash("req2", infoHash[:]) }

// An Error reports an invalid or refused handshake. Errors of Read and Write are
// returned wrapped. If the connection ends within the handshake, the error is
// io.ErrUnexpectedEOF.
type Error struct{ Msg string }

func (e *Error) Error() string { return e.Msg }

func errorf(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// Errors for valid handshakes that are refused.
var (
	ErrTorrent error = &Error{"the peer asks for a torrent that is not here"}
	ErrMethod  error = &Error{"the peer and this side have no method of encryption in common"}
)

// Lengths in bytes.
const (
	hashLen     = sha1.Size
	exponentLen = 160 / 8 // as the specification recommends
	keyLen      = 768 / 8
	maxPad      = 512
	vcLen       = 8
)

// hash is the function HASH of the specification.
func hash(label string, parts ...[]byte) [hashLen]byte {
	b := append(make([]byte, 0, 4+keyLen+hashLen), label...)
	for _, p := range parts {
		b = append(b, p...)
	}
	return sha1.Sum(b)
}

// masked is the part of step 3 that identifies the torrent.
func masked(req2, req3 [hashLen]byte) [hashLen]byte {
	for i := range req2 {
		req2[i] ^= req3[i]
	}
	return req2
}

// A chance is the random values of a handshake.
type chance struct {
	exponent [exponentLen]byte
	pad      []byte // PadA or PadB
	zeros    int    // length of PadC or PadD, which are zeros
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
