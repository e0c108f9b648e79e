package mse

import (
	"bytes"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// What testdata/known.py prints, which is written from the specification alone.
//
//go:embed testdata/known.txt
var knownText string

// The exponents of both sides there.
var (
	xa = sha1.Sum([]byte("Xa"))
	xb = sha1.Sum([]byte("Xb"))
)

// A transcript is a handshake, and how the streams go on behind it.
type transcript struct {
	method   Method
	provided Method
	a, b     []byte
	saidA    []byte // "and on goes A", after the initial payload
	saidB    []byte // "so says B"
}

func (*transcript) chanceA() *chance { return &chance{xa, []byte("PadAPadAPadA"), 3} }
func (*transcript) chanceB() *chance { return &chance{xb, []byte("PadB"), 5} }

var knownSecret, known = parseKnown(knownText)

func parseKnown(text string) (secret []byte, all []*transcript) {
	sent := map[string][][]byte{}
	for line := range strings.Lines(text) {
		i := strings.LastIndexByte(line, ' ')
		b, err := hex.DecodeString(strings.TrimSpace(line[i+1:]))
		if err != nil {
			panic(err)
		}
		sent[line[:i]] = append(sent[line[:i]], b)
	}
	for _, method := range []Method{MethodPlaintext, MethodRC4} {
		a, b := sent[fmt.Sprint(int(method), " A")], sent[fmt.Sprint(int(method), " B")]
		tr := &transcript{method, method, bytes.Join(a[:2], nil), bytes.Join(b[:2], nil), a[2], b[2]}
		if method == MethodPlaintext {
			tr.provided = MethodPlaintext | MethodRC4
		}
		all = append(all, tr)
	}
	return sent["secret"][0], all
}

// A replay is a connection to a peer that sends fixed bytes, and ignores its input.
type replay struct {
	io.Reader
	wrote bytes.Buffer
}

func (r *replay) Write(b []byte) (int, error) { return r.wrote.Write(b) }

func replayed(said ...[]byte) *replay { return &replay{Reader: bytes.NewReader(bytes.Join(said, nil))} }

func TestKnownSecret(t *testing.T) {
	for _, x := range []struct{ mine, theirs *[exponentLen]byte }{{&xa, &xb}, {&xb, &xa}} {
		y, err := parseKey(public(x.theirs))
		if err != nil {
			t.Fatal(err)
		}
		if got := secret(y, x.mine); !bytes.Equal(got, knownSecret) {
			t.Errorf("secret %x, want %x", got, knownSecret)
		}
	}
}

// checkKnown compares one side of a handshake, over a connection that delivers in
// some way, and the streams behind it. The peer's stream may come in part with the
// handshake.
func checkKnown(t *testing.T, name string, tr *transcript, s *Session, err error, conn *replay, wrote []byte, says string, said []byte, hears string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if !bytes.Equal(conn.wrote.Bytes(), wrote) {
		t.Errorf("%s: wrote\n%x, want\n%x", name, conn.wrote.Bytes(), wrote)
	}
	if s.Method != tr.method || s.InfoHash != torrent {
		t.Errorf("%s: %v, %x", name, s.Method, s.InfoHash)
	}
	rest, _ := io.ReadAll(conn)
	s.Decrypt(rest)
	if got := string(s.Initial) + string(rest); got != hears {
		t.Errorf("%s: heard %q, want %q", name, got, hears)
	}
	b := []byte(says)
	s.Encrypt(b)
	if !bytes.Equal(b, said) {
		t.Errorf("%s: %q is %x, want %x", name, says, b, said)
	}
}

func TestKnown(t *testing.T) {
	deliveries := []struct {
		name string
		by   func(io.Reader) io.Reader
	}{
		{"at once", func(r io.Reader) io.Reader { return r }},
		{"byte by byte", iotest.OneByteReader},
		{"in halves", iotest.HalfReader},
		{"with the end of it", iotest.DataErrReader},
	}
	const heardA, heardB = "initial payloadand on goes A", "so says B"
	for _, tr := range known {
		for _, d := range deliveries {
			name := fmt.Sprintf("%v, %s", tr.method, d.name)
			a := replayed(tr.b, tr.saidB)
			a.Reader = d.by(a.Reader)
			s, err := initiate(a, torrent, Options{Methods: tr.provided}, []byte("initial payload"), tr.chanceA())
			checkKnown(t, name+", A", tr, s, err, a, tr.a, "and on goes A", tr.saidA, heardB)

			b := replayed(tr.a, tr.saidA)
			b.Reader = d.by(b.Reader)
			s, err = accept(b, nil, Options{Lookup: lookup}, tr.chanceB())
			checkKnown(t, name+", B", tr, s, err, b, tr.b, "so says B", tr.saidB, heardA)
		}
		// However much of it was read before, and though it was all.
		all := bytes.Join([][]byte{tr.a, tr.saidA}, nil)
		for n := range len(all) + 1 {
			first := bytes.Clone(all[:n])
			conn := replayed(all[n:])
			s, err := accept(conn, first, Options{Lookup: lookup}, tr.chanceB())
			checkKnown(t, fmt.Sprintf("%v, %d bytes first", tr.method, n), tr, s, err, conn, tr.b, "so says B", tr.saidB, heardA)
			if !bytes.Equal(first, all[:n]) {
				t.Errorf("Accept changed the first %d bytes", n)
			}
		}
	}
}

// Of first bytes there may be more than an input has room for.
func TestLongFirst(t *testing.T) {
	tr := known[1]
	s, err := accept(replayed(), bytes.Join([][]byte{tr.a, make([]byte, 5000)}, nil), Options{Lookup: lookup}, tr.chanceB())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(s.Initial), len("initial payload")+5000; got != want {
		t.Errorf("%d initial bytes, want %d", got, want)
	}
}

// A connection that ends anywhere in the handshake is one that ended too soon.
func TestCutOff(t *testing.T) {
	for _, tr := range known {
		for n := range len(tr.a) {
			if s, err := accept(replayed(tr.a[:n]), nil, Options{Lookup: lookup}, tr.chanceB()); s != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, %d bytes of A: %v", tr.method, n, err)
			}
		}
		for n := range len(tr.b) {
			if s, err := initiate(replayed(tr.b[:n]), torrent, Options{}, nil, tr.chanceA()); s != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, %d bytes of B: %v", tr.method, n, err)
			}
		}
	}
}

// A deaf is a replay that fails after some writes.
type deaf struct {
	*replay
	left int
}

var errDeaf = errors.New("deaf")

func (d *deaf) Write(b []byte) (int, error) {
	if d.left--; d.left < 0 {
		return 0, errDeaf
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	tr := known[0]
	for n := range 2 {
		if s, err := accept(&deaf{replayed(tr.a), n}, nil, Options{Lookup: lookup}, tr.chanceB()); s != nil || !errors.Is(err, errDeaf) {
			t.Errorf("accept, %d writes: %v", n, err)
		}
		if s, err := initiate(&deaf{replayed(tr.b), n}, torrent, Options{}, nil, tr.chanceA()); s != nil || !errors.Is(err, errDeaf) {
			t.Errorf("initiate, %d writes: %v", n, err)
		}
	}
}
