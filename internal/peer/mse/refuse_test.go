package mse

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// An endless is a connection to a peer that sends endless garbage after its bytes, and
// counts the bytes that were read.
type endless struct {
	said    io.Reader
	garbage *rand.ChaCha8
	read    int
}

func newEndless(said []byte) *endless {
	return &endless{said: bytes.NewReader(said), garbage: rand.NewChaCha8([32]byte{})}
}

func (e *endless) Read(b []byte) (int, error) {
	n, err := e.said.Read(b)
	if err == io.EOF {
		n, err = e.garbage.Read(b)
	}
	e.read += n
	return n, err
}

func (e *endless) Write(b []byte) (int, error) { return len(b), nil }

// step3 is that of A, with any text for its encrypted part.
func step3(infoHash [20]byte, plain []byte) []byte {
	req1 := hash("req1", knownSecret)
	name := masked(Req2(infoHash), hash("req3", knownSecret))
	plain = bytes.Clone(plain)
	newCipher("keyA", knownSecret, infoHash).xor(plain)
	return bytes.Join([][]byte{req1[:], name[:], plain}, nil)
}

// step4 is that of B, with any text.
func step4(plain []byte) []byte {
	plain = bytes.Clone(plain)
	newCipher("keyB", knownSecret, torrent).xor(plain)
	return plain
}

// offer is the text of step 3. It may lie on lengths.
func offer(vc uint64, provide uint32, padLen, pad, initialLen, initial int) []byte {
	b := binary.BigEndian.AppendUint64(nil, vc)
	b = binary.BigEndian.AppendUint32(b, provide)
	b = binary.BigEndian.AppendUint16(b, uint16(padLen))
	b = append(b, make([]byte, pad)...)
	b = binary.BigEndian.AppendUint16(b, uint16(initialLen))
	return append(b, make([]byte, initial)...)
}

// choice is the text of step 4.
func choice(vc uint64, selected uint32, padLen, pad int) []byte {
	b := binary.BigEndian.AppendUint64(nil, vc)
	b = binary.BigEndian.AppendUint32(b, selected)
	b = binary.BigEndian.AppendUint16(b, uint16(padLen))
	return append(b, make([]byte, pad)...)
}

// badKeys are those of which TestParseKey has more.
var badKeys = map[string][]byte{
	"0":   make([]byte, keyLen),
	"1":   append(make([]byte, keyLen-1), 1),
	"P-1": last.Bytes(),
	"P":   prime.Bytes(),
	"max": bytes.Repeat([]byte{0xff}, keyLen),
}

// checkRefusal compares an error with how it should begin: with nothing, where there
// should be none.
func checkRefusal(t *testing.T, name string, s *Session, err error, want string, read, most int) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (s != nil || err == nil || !strings.HasPrefix(err.Error(), want)):
		t.Errorf("%s: error %v, want %s…", name, err, want)
	}
	var refusal *Error
	if err != nil && !errors.As(err, &refusal) {
		t.Errorf("%s: %v is no *Error", name, err)
	}
	// Bytes read ahead are at most the size of the buffer.
	if read > most+1024 {
		t.Errorf("%s: %d bytes were read, of at most %d", name, read, most)
	}
}

func TestAcceptRefusals(t *testing.T) {
	ya := public(&xa)
	pad := func(n int) []byte { return make([]byte, n) }
	unknown := sha1.Sum([]byte("not here"))
	const (
		upToMark = keyLen + maxPad + hashLen
		upToHead = upToMark + hashLen + vcLen + 4 + 2
		most     = upToHead + maxPad + 2 + MaxInitial
	)
	plain := func(b []byte) []byte { return append(bytes.Clone(ya), step3(torrent, b)...) }
	good := offer(0, 3, 0, 0, 0, 0)
	for _, test := range []struct {
		name    string
		sent    []byte
		methods Method
		want    string
		most    int
	}{
		{"good", plain(good), 0, "", most},
		{"good, all as long as may be", bytes.Join([][]byte{ya, pad(maxPad), step3(torrent, offer(0, 3, maxPad, maxPad, MaxInitial, MaxInitial))}, nil), 0, "", most},
		{"garbage", nil, 0, "no HASH(req1, S) behind 512", upToMark},
		{"garbage behind a key", ya, 0, "no HASH(req1, S) behind 512", upToMark},
		{"a long PadA", bytes.Join([][]byte{ya, pad(maxPad + 1), step3(torrent, good)}, nil), 0, "no HASH(req1, S) behind 512", upToMark},
		{"another torrent", append(bytes.Clone(ya), step3(unknown, good)...), 0, ErrTorrent.Error(), upToMark + hashLen},
		{"garbage behind the mark", append(bytes.Clone(ya), step3(torrent, nil)[:hashLen]...), 0, ErrTorrent.Error(), upToMark + hashLen},
		{"garbage behind the torrent", plain(nil), 0, "the verification constant is", upToHead},
		{"VC 1", plain(offer(1, 3, 0, 0, 0, 0)), 0, "the verification constant is 0x1,", upToHead},
		{"the key of the other side", bytes.Join([][]byte{ya, step3(torrent, nil), step4(good)}, nil), 0, "the verification constant is", upToHead},
		{"no methods", plain(offer(0, 0, 0, 0, 0, 0)), 0, ErrMethod.Error(), upToHead},
		{"a strange method", plain(offer(0, 4, 0, 0, 0, 0)), 0, ErrMethod.Error(), upToHead},
		{"RC4 among strange ones", plain(offer(0, 0xfffffffe, 0, 0, 0, 0)), 0, "", most},
		{"plaintext where RC4 is required", plain(offer(0, 1, 0, 0, 0, 0)), MethodRC4, ErrMethod.Error(), upToHead},
		{"RC4 where plaintext is required", plain(offer(0, 2, 0, 0, 0, 0)), MethodPlaintext, ErrMethod.Error(), upToHead},
		{"a long PadC", plain(offer(0, 3, maxPad+1, maxPad+1, 0, 0)), 0, "PadC is of 513", upToHead},
		{"the longest PadC", plain(offer(0, 3, 65535, 65535, 0, 0)), 0, "PadC is of 65535", upToHead},
		{"a long initial payload", plain(offer(0, 3, 0, 0, MaxInitial+1, MaxInitial+1)), 0, "an initial payload of 16385", upToHead + 2},
		{"the longest initial payload", plain(offer(0, 3, 0, 0, 65535, 65535)), 0, "an initial payload of 65535", upToHead + 2},
	} {
		conn := newEndless(test.sent)
		s, err := accept(conn, nil, Options{Methods: test.methods, Lookup: lookup}, known[0].chanceB())
		checkRefusal(t, test.name, s, err, test.want, conn.read, test.most)
	}
	if most > 20<<10 {
		t.Errorf("a handshake of %d bytes, and the documentation says 20 KB", most)
	}
	for name, key := range badKeys {
		conn := newEndless(key)
		s, err := accept(conn, nil, Options{Lookup: lookup}, known[0].chanceB())
		checkRefusal(t, "the key "+name, s, err, "the public key", conn.read, keyLen)
	}
	conn := newEndless(plain(good))
	s, err := accept(conn, nil, Options{}, known[0].chanceB())
	checkRefusal(t, "no torrents", s, err, ErrTorrent.Error(), conn.read, upToMark+hashLen)
}

func TestInitiateRefusals(t *testing.T) {
	yb := public(&xb)
	const (
		upToMark = keyLen + maxPad + vcLen
		upToHead = upToMark + 4 + 2
		most     = upToHead + maxPad
	)
	plain := func(b []byte) []byte { return append(bytes.Clone(yb), step4(b)...) }
	for _, test := range []struct {
		name    string
		sent    []byte
		methods Method
		want    string
		most    int
	}{
		{"good", plain(choice(0, 2, 0, 0)), 0, "", most},
		{"good, all as long as may be", bytes.Join([][]byte{yb, make([]byte, maxPad), step4(choice(0, 1, maxPad, maxPad))}, nil), 0, "", most},
		{"garbage", nil, 0, "no verification constant behind 512", upToMark},
		{"garbage behind a key", yb, 0, "no verification constant behind 512", upToMark},
		{"a long PadB", bytes.Join([][]byte{yb, make([]byte, maxPad+1), step4(choice(0, 1, 0, 0))}, nil), 0, "no verification constant behind 512", upToMark},
		{"VC 1", plain(choice(1, 3, 0, 0)), 0, "no verification constant behind 512", upToMark},
		{"no method", plain(choice(0, 0, 0, 0)), 0, "the peer selects Method(0x0)", upToHead},
		{"two methods", plain(choice(0, 3, 0, 0)), 0, "the peer selects plaintext or RC4", upToHead},
		{"a strange method", plain(choice(0, 4, 0, 0)), 0, "the peer selects Method(0x4)", upToHead},
		{"plaintext where RC4 is required", plain(choice(0, 1, 0, 0)), MethodRC4, "the peer selects plaintext, and was offered RC4", upToHead},
		{"RC4 where plaintext is required", plain(choice(0, 2, 0, 0)), MethodPlaintext, "the peer selects RC4, and was offered plaintext", upToHead},
		{"a long PadD", plain(choice(0, 1, maxPad+1, maxPad+1)), 0, "PadD is of 513", upToHead},
		{"the longest PadD", plain(choice(0, 1, 65535, 65535)), 0, "PadD is of 65535", upToHead},
	} {
		conn := newEndless(test.sent)
		s, err := initiate(conn, torrent, Options{Methods: test.methods}, nil, known[0].chanceA())
		checkRefusal(t, test.name, s, err, test.want, conn.read, test.most)
	}
	for name, key := range badKeys {
		conn := newEndless(key)
		s, err := initiate(conn, torrent, Options{}, nil, known[0].chanceA())
		checkRefusal(t, "the key "+name, s, err, "the public key", conn.read, keyLen)
	}

	conn := &replay{Reader: strings.NewReader("")}
	if _, err := Initiate(conn, torrent, Options{}, make([]byte, MaxInitial+1)); err == nil || conn.wrote.Len() > 0 {
		t.Errorf("a long payload: %v, %d bytes written", err, conn.wrote.Len())
	}
}
