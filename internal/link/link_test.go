package link

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
)

var testHash = [20]byte{1, 2, 3}

// handshakeOf returns a handshake with a peer id that begins with id.
func handshakeOf(id byte) peer.Handshake {
	return peer.Handshake{InfoHash: testHash, PeerID: [20]byte{id}}
}

// listen returns a listener on loopback.
func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

// A side is one end of a connection after the handshakes.
type side struct {
	*Link
	theirs peer.Handshake
	early  []byte
	err    error
}

// connect connects two links, one that accepts and one that dials.
func connect(t testing.TB, accept Encryption, o DialOptions) (accepted, dialled side) {
	t.Helper()
	listener := listen(t)
	done := make(chan side)
	go func() {
		var s side
		tcp, err := listener.AcceptTCP()
		if err != nil {
			done <- side{err: err}
			return
		}
		opening, err := Accept(t.Context(), tcp, AcceptOptions{
			Encryption: accept, Timeouts: o.Timeouts,
			Lookup: func(req2 [20]byte) ([20]byte, bool) { return testHash, req2 == mse.Req2(testHash) },
		})
		if err != nil {
			tcp.Close()
			done <- side{err: err}
			return
		}
		s.Link = opening.Link()
		s.theirs, s.early, s.err = opening.Complete(handshakeOf('a'))
		done <- s
	}()
	dialled.Link, dialled.theirs, dialled.early, dialled.err = Dial(t.Context(), netip.MustParseAddrPort(listener.Addr().String()), handshakeOf('d'), o)
	accepted = <-done
	for _, s := range []side{accepted, dialled} {
		if s.Link != nil {
			t.Cleanup(s.Close)
		}
	}
	return accepted, dialled
}

func options(encrypt bool, e Encryption) DialOptions {
	return DialOptions{
		Timeouts: &DefaultTimeouts, Encrypt: encrypt, Encryption: e,
		Accepts: func(infoHash [20]byte) bool { return infoHash == testHash },
	}
}

// Both sides agree on a way to encrypt, or neither has a connection.
func TestHandshakes(t *testing.T) {
	for _, test := range []struct {
		accept    Encryption
		encrypt   bool
		dial      Encryption
		ok        bool
		encrypted bool
	}{
		{EncryptionPrefer, false, EncryptionPrefer, true, false},
		{EncryptionPrefer, false, EncryptionOff, true, false},
		{EncryptionPrefer, true, EncryptionPrefer, true, false},
		{EncryptionPrefer, true, EncryptionRequire, true, true},
		{EncryptionRequire, false, EncryptionPrefer, false, false},
		{EncryptionRequire, true, EncryptionPrefer, true, true},
		{EncryptionRequire, true, EncryptionRequire, true, true},
		{EncryptionOff, false, EncryptionPrefer, true, false},
		{EncryptionOff, true, EncryptionPrefer, false, false},
		{EncryptionOff, true, EncryptionRequire, false, false},
	} {
		accepted, dialled := connect(t, test.accept, options(test.encrypt, test.dial))
		if ok := accepted.err == nil && dialled.err == nil; ok != test.ok {
			t.Errorf("%v: %v, %v", test, accepted.err, dialled.err)
			continue
		}
		if !test.ok {
			if accepted.err == nil || dialled.err == nil {
				t.Errorf("%v: only one side has a connection: %v, %v", test, accepted.err, dialled.err)
			}
			continue
		}
		if accepted.Encrypts() != test.encrypted || dialled.Encrypts() != test.encrypted {
			t.Errorf("%v: %v, %v", test, accepted.Encrypts(), dialled.Encrypts())
		}
		if accepted.theirs.PeerID[0] != 'd' || dialled.theirs.PeerID[0] != 'a' {
			t.Errorf("%v: peer ids %q and %q", test, accepted.theirs.PeerID, dialled.theirs.PeerID)
		}
	}
}

// A peer that answers for another torrent is refused.
func TestDialOtherTorrent(t *testing.T) {
	o := options(false, EncryptionPrefer)
	o.Accepts = func([20]byte) bool { return false }
	if _, dialled := connect(t, EncryptionPrefer, o); !errors.Is(dialled.err, ErrOtherTorrent) || dialled.Link != nil {
		t.Errorf("%v", dialled.err)
	}
}

// Dial ends in time if a peer does not answer, and at once if its context ends.
func TestDialEnds(t *testing.T) {
	deaf := listen(t)
	addr := netip.MustParseAddrPort(deaf.Addr().String())
	short, long := DefaultTimeouts, DefaultTimeouts
	short.Handshake, long.Handshake = 50*time.Millisecond, 2*time.Minute
	for name, try := range map[string]func() error{
		"a timeout": func() error {
			o := options(false, EncryptionPrefer)
			o.Timeouts = &short
			_, _, _, err := Dial(t.Context(), addr, handshakeOf('d'), o)
			return err
		},
		"a timeout, encrypted": func() error {
			o := options(true, EncryptionPrefer)
			o.Timeouts = &short
			_, _, _, err := Dial(t.Context(), addr, handshakeOf('d'), o)
			return err
		},
		"a cancel": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			o := options(false, EncryptionPrefer)
			o.Timeouts = &long
			_, _, _, err := Dial(ctx, addr, handshakeOf('d'), o)
			return err
		},
	} {
		most := DefaultTimeouts.Handshake // must not take the place of the short one
		if name == "a cancel" {
			most = long.Handshake / 2
		}
		began := time.Now()
		err := try()
		if took := time.Since(began); err == nil || took >= most {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

// A player is a handler that sends blocks, and counts what it gets.
type player struct {
	*Link
	t       *testing.T
	expects bool
	left    int // bytes to send
	out     []byte
	got     atomic.Int64 // bytes of blocks
	haves   atomic.Int64
	end     func()
	want    int64 // end is called after that many
}

func (p *player) Prepare()       {}
func (p *player) Rest()          {}
func (p *player) Handled() error { return nil }

// Owes is enough that what it sends is gathered.
func (p *player) Owes() int {
	if p.expects {
		return gatherOwed
	}
	return 0
}

func (p *player) Midway() bool { return len(p.out) > 0 }

const playerBlock = 16 << 10

func (p *player) Send() (time.Time, error) {
	if len(p.out) == 0 {
		if p.left == 0 {
			return p.Idle(), nil
		}
		p.left -= playerBlock
		p.out = peer.AppendPieceHeader(nil, 0, 0, playerBlock)
		p.out = append(p.out, bytes.Repeat([]byte{7}, playerBlock)...)
	}
	var n int64
	var err error
	if p.Encrypts() {
		n, err = p.WriteEncrypted(bytes.Clone(p.out))
	} else {
		n, err = p.Write([][]byte{p.out[:5], p.out[5:]})
	}
	p.out = p.out[n:]
	return time.Time{}, err
}

func (p *player) Begun(peer.ID, []byte, int) (bool, error) { return false, nil }

func (p *player) Handle(m peer.Message) error {
	switch m.ID {
	case peer.IDPiece:
		if !bytes.Equal(m.Payload, bytes.Repeat([]byte{7}, playerBlock)) {
			p.t.Error("another block")
		}
		if p.got.Add(int64(len(m.Payload))) == p.want {
			p.end()
		}
		p.Queue(peer.Message{ID: peer.IDHave, Index: 1})
	case peer.IDHave:
		p.haves.Add(1)
	}
	return nil
}

// Two links that send much to each other at once both get everything, although neither
// socket can take it. This needs that each reads while it waits to write.
func TestBothWays(t *testing.T) {
	for _, encrypt := range []bool{false, true} {
		const each = 64 << 20
		accepted, dialled := connect(t, EncryptionPrefer, options(encrypt, EncryptionRequire))
		if accepted.err != nil || dialled.err != nil {
			t.Fatal(accepted.err, dialled.err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var ended atomic.Int64
		end := func() {
			if ended.Add(1) == 2 {
				cancel()
			}
		}
		a := &player{Link: accepted.Link, t: t, expects: true, left: each, end: end, want: each}
		d := &player{Link: dialled.Link, t: t, expects: true, left: each, end: end, want: each}
		done := make(chan error, 2)
		go func() { done <- a.Run(ctx, 1, accepted.early, a) }()
		go func() { done <- d.Run(ctx, 1, dialled.early, d) }()
		for range 2 {
			if err := <-done; ctx.Err() == nil {
				t.Fatal(err)
			}
		}
		if a.got.Load() != each || d.got.Load() != each || a.haves.Load() == 0 || d.haves.Load() == 0 {
			t.Errorf("encrypted %v: %d and %d bytes, %d and %d haves", encrypt, a.got.Load(), d.got.Load(), a.haves.Load(), d.haves.Load())
		}
	}
}

// A peer that takes nothing is dropped, whether or not it is read meanwhile.
func TestStall(t *testing.T) {
	for _, expects := range []bool{false, true} {
		short := DefaultTimeouts
		short.Stall = 100 * time.Millisecond
		o := options(false, EncryptionPrefer)
		o.Timeouts = &short
		accepted, dialled := connect(t, EncryptionPrefer, o)
		if accepted.err != nil || dialled.err != nil {
			t.Fatal(accepted.err, dialled.err)
		}
		a := &player{Link: accepted.Link, t: t, expects: expects, left: 1 << 30}
		if err := a.Run(t.Context(), 1, nil, a); err == nil || t.Context().Err() != nil {
			t.Errorf("expects %v: %v", expects, err)
		}
	}
}

// Wake calls Prepare while the link waits, also if it is called before it waits.
func TestWake(t *testing.T) {
	accepted, dialled := connect(t, EncryptionPrefer, options(false, EncryptionPrefer))
	if accepted.err != nil || dialled.err != nil {
		t.Fatal(accepted.err, dialled.err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := &preparer{player: player{Link: accepted.Link, t: t}, calls: make(chan int)}
	done := make(chan error)
	go func() { done <- p.Run(ctx, 1, nil, p) }()
	<-p.calls
	for i := range 1000 {
		if i%3 == 0 {
			time.Sleep(100 * time.Microsecond) // until it waits
		}
		accepted.Wake()
		<-p.calls
	}
	cancel()
	go func() {
		for range p.calls {
		}
	}()
	if err := <-done; err == nil {
		t.Error("Run ends without a reason")
	}
	close(p.calls)
}

// A preparer reports each call of Prepare.
type preparer struct {
	player
	calls chan int
}

func (p *preparer) Prepare() { p.calls <- 1 }

// A bitfield may come before the number of pieces is known. Once it is known, it is the
// limit of further ones.
func TestSetPieces(t *testing.T) {
	const pieces = 12
	accepted, dialled := connect(t, EncryptionPrefer, options(false, EncryptionPrefer))
	if accepted.err != nil || dialled.err != nil {
		t.Fatal(accepted.err, dialled.err)
	}
	bitfield := func(length int) []byte {
		return peer.Message{ID: peer.IDBitfield, Payload: make([]byte, length)}.Append(nil)
	}
	early := slices.Concat(bitfield(100_000), peer.Message{ID: peer.IDHaveAll}.Append(nil), bitfield(2), bitfield(3))
	p := &learner{player: player{Link: accepted.Link, t: t}, pieces: pieces}
	err := p.Run(t.Context(), peer.UnknownPieces, early, p)
	if !errors.Is(err, ErrProtocol) || !slices.Equal(p.bitfields, []int{100_000, 2}) {
		t.Errorf("bitfields of %d bytes, then %v", p.bitfields, err)
	}
}

// A learner learns the number of pieces from a have all message.
type learner struct {
	player
	pieces    int
	bitfields []int // their lengths
}

func (p *learner) Handle(m peer.Message) error {
	switch m.ID {
	case peer.IDHaveAll:
		p.SetPieces(p.pieces)
	case peer.IDBitfield:
		p.bitfields = append(p.bitfields, len(m.Payload))
	}
	return nil
}
