package mse

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

var torrent = sha1.Sum([]byte("a torrent"))

// lookup is that of a seed of two torrents.
var lookup = func() func([20]byte) ([20]byte, bool) {
	other := sha1.Sum([]byte("another"))
	m := map[[20]byte][20]byte{Req2(torrent): torrent, Req2(other): other}
	return func(req2 [20]byte) ([20]byte, bool) {
		h, ok := m[req2]
		return h, ok
	}
}()

// An end is one of a net.Pipe, with what TCP has and a pipe has not: room for what
// is sent, which arrives in parts of at most size bytes.
type end struct {
	net.Conn
	sent chan []byte
	size int
}

func pipe(size int) (a, b *end) {
	x, y := net.Pipe()
	return newEnd(x, size), newEnd(y, size)
}

func newEnd(conn net.Conn, size int) *end {
	e := &end{conn, make(chan []byte, 1<<16), size}
	go func() {
		defer e.Conn.Close()
		for b := range e.sent {
			e.Conn.Write(b) // to a peer that hung up nothing arrives
		}
	}()
	return e
}

func (e *end) Write(b []byte) (int, error) {
	for part := range chunks(bytes.Clone(b), e.size) {
		e.sent <- part
	}
	return len(b), nil
}

func chunks(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(len(b), size)
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// hangUp closes the connection after the sent bytes have arrived.
func (e *end) hangUp() { close(e.sent) }

// A side is the result of one side of a handshake.
type side struct {
	s   *Session
	err error
}

// talk sends a text and returns the first n bytes from the peer.
func (s *side) talk(e *end, text []byte, n int) []byte {
	defer e.hangUp()
	if s.err != nil {
		return nil
	}
	b := bytes.Clone(text)
	s.s.Encrypt(b[:len(b)/2])
	s.s.Encrypt(b[len(b)/2:])
	e.Write(b)
	rest := make([]byte, max(0, n-len(s.s.Initial)))
	io.ReadFull(e.Conn, rest)
	s.s.Decrypt(rest)
	return append(s.s.Initial, rest...)
}

func TestBothSides(t *testing.T) {
	fixed := func(n int) func() *chance {
		return func() *chance {
			c := draw()
			c.pad, c.zeros = make([]byte, n), n
			rand.Read(c.pad)
			return c
		}
	}
	handshake := append([]byte("\x13BitTorrent protocol"), make([]byte, 48)...)
	for _, methods := range []struct{ a, b, want Method }{
		{0, 0, MethodPlaintext},
		{0, MethodPlaintext, MethodPlaintext},
		{0, MethodRC4, MethodRC4},
		{MethodPlaintext, 0, MethodPlaintext},
		{MethodPlaintext, MethodPlaintext, MethodPlaintext},
		{MethodPlaintext, MethodRC4, 0},
		{MethodRC4, 0, MethodRC4},
		{MethodRC4, MethodPlaintext, 0},
		{MethodRC4, MethodRC4, MethodRC4},
		{MethodPlaintext | MethodRC4, MethodPlaintext | MethodRC4, MethodPlaintext},
	} {
		for _, pads := range []struct {
			name string
			draw func() *chance
		}{{"no pads", fixed(0)}, {"long pads", fixed(512)}, {"random pads", draw}} {
			for _, payload := range [][]byte{nil, handshake, make([]byte, MaxInitial)} {
				for _, size := range []int{1, 100, 1 << 20} {
					name := fmt.Sprintf("%v to %v, %s, payload of %d in parts of %d", methods.a, methods.b, pads.name, len(payload), size)
					synctest.Test(t, func(t *testing.T) {
						bothSides(t, name, methods.a, methods.b, methods.want, pads.draw, payload, size)
					})
				}
			}
		}
	}
}

func bothSides(t *testing.T, name string, ma, mb, want Method, draw func() *chance, payload []byte, size int) {
	a, b := pipe(size)
	saidA, saidB := bytes.Repeat([]byte("and so says A "), 100), bytes.Repeat([]byte("B says "), 300)
	var gotA, gotB []byte
	var sideA, sideB side
	done := make(chan struct{})
	go func() {
		defer close(done)
		sent := bytes.Clone(payload)
		sideA.s, sideA.err = initiate(a, torrent, Options{Methods: ma}, sent, draw())
		if !bytes.Equal(sent, payload) {
			t.Errorf("%s: Initiate changed the payload", name)
		}
		gotA = sideA.talk(a, saidA, len(saidB))
	}()
	first := make([]byte, 20)
	if _, err := io.ReadFull(b, first); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	peeked := bytes.Clone(first)
	sideB.s, sideB.err = accept(b, first, Options{Methods: mb, Lookup: lookup}, draw())
	if !bytes.Equal(first, peeked) {
		t.Errorf("%s: Accept changed the first bytes", name)
	}
	gotB = sideB.talk(b, saidB, len(payload)+len(saidA))
	<-done

	if want == 0 {
		if sideB.err != ErrMethod || !errors.Is(sideA.err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: errors %v and %v", name, sideA.err, sideB.err)
		}
		return
	}
	for _, got := range []struct {
		side
		text, want []byte
	}{{sideA, gotA, saidB}, {sideB, gotB, append(bytes.Clone(payload), saidA...)}} {
		switch {
		case got.err != nil:
			t.Errorf("%s: %v", name, got.err)
		case got.s.Method != want || got.s.InfoHash != torrent:
			t.Errorf("%s: %v, %x", name, got.s.Method, got.s.InfoHash)
		case !bytes.Equal(got.text, got.want):
			t.Errorf("%s: %d bytes %.20q, want %d, %.20q", name, len(got.text), got.text, len(got.want), got.want)
		}
	}
}

// A peer that waits for Yb before it sends PadA gets it.
func TestNoWaitForPad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		done := make(chan error)
		go func() {
			_, err := Accept(b, nil, Options{})
			done <- err
		}()
		if _, err := a.Write(public(&xa)); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(a, make([]byte, keyLen)); err != nil {
			t.Error(err)
		}
		a.Close()
		if err := <-done; err == nil {
			t.Error("accepted")
		}
	})
}

// Whatever a peer has sent when it falls silent, or if it does not read, the
// deadline of the connection ends the handshake.
func TestDeadlines(t *testing.T) {
	for _, test := range []struct {
		name  string
		reads bool
		sends []byte
		do    func(net.Conn) error
	}{
		{"accept nothing", true, nil, doAccept},
		{"accept half a key", true, known[0].a[:50], doAccept},
		{"accept a key", true, known[0].a[:keyLen], doAccept},
		{"accept most", true, known[0].a[:len(known[0].a)-1], doAccept},
		{"accept who does not read", false, known[0].a, doAccept},
		{"initiate to nothing", true, nil, doInitiate},
		{"initiate to a key", true, known[0].b[:keyLen], doInitiate},
		{"initiate to most", true, known[0].b[:len(known[0].b)-1], doInitiate},
		{"initiate to who does not read", false, nil, doInitiate},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				if test.reads {
					go io.Copy(io.Discard, there)
				}
				go there.Write(test.sends)
				begin := time.Now()
				here.SetDeadline(begin.Add(time.Minute))
				err := test.do(here)
				if took := time.Since(begin); took != time.Minute {
					t.Errorf("ended after %v: %v", took, err)
				}
				var timeout net.Error
				if !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("%v is no timeout", err)
				}
				there.Close()
			})
		})
	}
}

func doAccept(conn net.Conn) error {
	_, err := accept(conn, nil, Options{Lookup: lookup}, known[0].chanceB())
	return err
}

func doInitiate(conn net.Conn) error {
	_, err := initiate(conn, torrent, Options{}, nil, known[0].chanceA())
	return err
}

func TestNilSession(t *testing.T) {
	var s *Session
	b := []byte("as it is")
	s.Encrypt(b)
	s.Decrypt(b)
	if string(b) != "as it is" {
		t.Errorf("%q", b)
	}
}

func TestDraw(t *testing.T) {
	pads, zeros := map[int]bool{}, map[int]bool{}
	exponents := map[[exponentLen]byte]bool{}
	const n = 20_000
	for range n {
		c := draw()
		pads[len(c.pad)] = true
		zeros[c.zeros] = true
		exponents[c.exponent] = true
	}
	// A length stays out of so many with a chance of 10^-17.
	for _, lengths := range []map[int]bool{pads, zeros} {
		if len(lengths) != maxPad+1 || !lengths[0] || !lengths[maxPad] {
			t.Errorf("%d lengths", len(lengths))
		}
	}
	if len(exponents) != n {
		t.Errorf("%d exponents", len(exponents))
	}
}
