package availability

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"

	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/peerid"
)

var testHash = [20]byte([]byte("the hash of a torren"))

// A fakePeer is a peer that accepts connections for testHash.
type fakePeer struct {
	hash    [20]byte
	id      [20]byte
	encrypt link.Encryption
	serve   func(p *peerConn) // after the handshakes; nil: it is closed
	refuse  bool              // it closes the connection before its handshake
}

// A peerConn is one connection of a fakePeer.
type peerConn struct {
	*link.Link
	tcp   net.Conn
	early []byte
	said  func(m peer.Message) // called for each message of ours
	out   []peer.Message
	err   error
}

// Handle, and the other methods, make it the handler of its link: it sends out and then
// waits.
func (p *peerConn) Handle(m peer.Message) error {
	if p.said != nil {
		m.Payload = append([]byte(nil), m.Payload...)
		p.said(m)
	}
	return nil
}
func (p *peerConn) Prepare() {
	for _, m := range p.out {
		p.Queue(m)
	}
	p.out = nil
}
func (p *peerConn) Send() (time.Time, error)                            { return time.Now().Add(time.Minute), nil }
func (p *peerConn) Midway() bool                                        { return false }
func (p *peerConn) Owes() int                                           { return 0 }
func (p *peerConn) Handled() error                                      { return nil }
func (p *peerConn) Rest()                                               {}
func (p *peerConn) Begun(peer.ID, []byte, int) (ignore bool, err error) { return false, nil }

// say sends messages, and then waits until the connection is closed.
func say(messages ...peer.Message) func(p *peerConn) {
	return func(p *peerConn) {
		p.out = messages
		p.err = p.Run(context.Background(), peer.UnknownPieces, p.early, p)
	}
}

// raw sends bytes, and then waits until the connection is closed.
func raw(b []byte) func(p *peerConn) {
	return func(p *peerConn) {
		if _, err := p.tcp.Write(b); err == nil {
			_, _ = io.Copy(io.Discard, p.tcp)
		}
	}
}

func extended(h peer.ExtendedHandshake) peer.Message {
	return peer.Message{ID: peer.IDExtended, Payload: h.Append(nil)[6:]}
}

// start starts the peer, and returns its address.
func (f fakePeer) start(t *testing.T) netip.AddrPort {
	t.Helper()
	if f.hash == [20]byte{} {
		f.hash = testHash
	}
	if f.id == [20]byte{} {
		f.id = peerid.New()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			tcp, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer tcp.Close()
				if !f.refuse {
					f.accept(t.Context(), tcp.(*net.TCPConn))
				}
			})
		}
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

func (f fakePeer) accept(ctx context.Context, tcp *net.TCPConn) {
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	defer stop()
	opening, err := link.Accept(ctx, tcp, link.AcceptOptions{
		Encryption: f.encrypt, Timeouts: &link.DefaultTimeouts,
		Lookup: func([20]byte) ([20]byte, bool) { return testHash, true },
	})
	if err != nil {
		return
	}
	ours := peer.Handshake{InfoHash: f.hash, PeerID: f.id}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	_, early, err := opening.Complete(ours)
	if err != nil || f.serve == nil {
		return
	}
	f.serve(&peerConn{Link: opening.Link(), tcp: tcp, early: early})
}

func TestAsk(t *testing.T) {
	const pieces = 11
	hello := extended(peer.ExtendedHandshake{Client: "Test 1.0"})
	partial := extended(peer.ExtendedHandshake{UploadOnly: true})
	closed := fakePeer{}.start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unreachable := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	var asked, sent sync.Map
	peers := []netip.AddrPort{
		fakePeer{serve: say(hello, haveAll)}.start(t),
		fakePeer{serve: say(hello, bitfield(0xff, 0xe0)), id: [20]byte{5}}.start(t), // a seed too
		fakePeer{serve: say(hello, bitfield(0xff, 0xc0)), encrypt: link.EncryptionRequire}.start(t),
		fakePeer{serve: say(haveNone, hello, have(0), have(1))}.start(t),
		fakePeer{serve: say(bitfield(0x80, 0), partial)}.start(t),
		fakePeer{serve: func(p *peerConn) {
			p.said = func(m peer.Message) { asked.Store(m.ID, true) }
			say(hello, haveNone, peer.Message{ID: peer.IDUnchoke})(p)
			sent.Store("err", p.err)
		}}.start(t),
		closed, unreachable, unreachable,
		netip.MustParseAddrPort("0.0.0.0:1"), netip.MustParseAddrPort("127.0.0.1:0"),
	}
	var progress []Result
	r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: pieces, Peers: peers, Client: "bt/test", Progress: func(r Result) { progress = append(progress, r) }})
	want := Result{Peers: 8, Asked: 8, Answered: 6, Unreachable: 1, Seeds: 2, PartialSeeds: 1, Pieces: pieces,
		Copies: 2.909, Rarest: Rarest{10, 2, 1}, Clients: r.Clients}
	if !r.isEqual(want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if len(progress) != 8 || progress[7].Answered != 6 || progress[7].Seeds != 2 {
		t.Errorf("progress: %+v", progress)
	}
	if name := r.Clients[peers[1]]; name != "Test 1.0" {
		t.Errorf("%v is %q", peers[1], name)
	}
	if name := r.Clients[peers[0]]; !strings.HasPrefix(name, "bt") {
		t.Errorf("%v is %q", peers[0], name)
	}
	// What we say: no pieces, and no interest.
	for _, id := range []peer.ID{peer.IDExtended, peer.IDHaveNone} {
		if _, ok := asked.Load(id); !ok {
			t.Errorf("the peer got no %v message", id)
		}
	}
	asked.Range(func(id, _ any) bool {
		if id != peer.IDExtended && id != peer.IDHaveNone {
			t.Errorf("the peer got a message: %v", id)
		}
		return true
	})
}

func (r Result) isEqual(o Result) bool {
	return r.Peers == o.Peers && r.Asked == o.Asked && r.Answered == o.Answered && r.Unreachable == o.Unreachable &&
		r.Seeds == o.Seeds && r.PartialSeeds == o.PartialSeeds && r.Pieces == o.Pieces && r.Copies == o.Copies && r.Rarest == o.Rarest
}

// What hostile peers say does not count, and they can't hold up the others.
func TestAskHostile(t *testing.T) {
	const pieces = 11
	flood := func(b []byte) func(p *peerConn) {
		return func(p *peerConn) {
			for {
				if _, err := p.tcp.Write(b); err != nil {
					return
				}
			}
		}
	}
	long := binary.BigEndian.AppendUint32(nil, 60<<10)
	for name, f := range map[string]fakePeer{
		"closes at once":             {refuse: true},
		"closes after the handshake": {},
		"says nothing":               {serve: raw(nil)},
		"another torrent":            {hash: [20]byte{1}, serve: say(haveAll)},
		"garbage":                    {serve: raw([]byte("this is no message of any kind, and long enough"))},
		"a huge length":              {serve: raw([]byte{0x7f, 0xff, 0xff, 0xff, 7})},
		"short bitfield":             {serve: say(bitfield(0xff))},
		"long bitfield":              {serve: say(bitfield(0xff, 0xff, 0xff))},
		"spare bits":                 {serve: say(bitfield(0xff, 0xff))},
		"have of no piece":           {serve: say(haveNone, have(11))},
		"have far away":              {serve: say(haveNone, have(1<<32-1))},
		"have all and bitfield":      {serve: say(haveAll, bitfield(0xff, 0xe0))},
		"a block":                    {serve: say(haveNone, peer.Message{ID: peer.IDPiece, Payload: make([]byte, 100)})},
		"the head of a block":        {serve: raw([]byte{0, 0, 0x40, 9, 7})},
		"a wrong extended handshake": {serve: say(haveNone, peer.Message{ID: peer.IDExtended, Payload: []byte("i1e")})},
		"a long extended handshake":  {serve: raw(append(long, 20, 0, 'd'))},
		"a flood of unchokes":        {serve: flood([]byte{0, 0, 0, 1, 1})},
		"a flood of extended":        {serve: flood(peer.Message{ID: peer.IDExtended, Extension: 9, Payload: make([]byte, 60<<10)}.Append(nil))},
	} {
		for _, known := range []int{pieces, 0} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: known, Peers: []netip.AddrPort{f.start(t)}, Timeout: time.Second})
				if name == "a flood of unchokes" {
					r.Answered, r.Pieces = 0, 0 // on a slow machine it is not too much
				}
				if known == 0 && r.Pieces == 0 && r.Answered == 1 { // the number of pieces shows what is wrong
					switch name {
					case "short bitfield", "long bitfield", "spare bits", "have of no piece":
						r.Answered, r.Seeds = 0, 0
					}
				}
				if r.Peers != 1 || r.Asked != 1 || r.Answered != 0 || r.Unreachable != 0 || r.Seeds != 0 || r.Known() {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

// A peer that sends a byte from time to time does not hold up the others.
func TestAskSlow(t *testing.T) {
	var left atomic.Bool
	slow := fakePeer{serve: func(p *peerConn) {
		for b := bitfield(make([]byte, 2)...).Append(nil); ; {
			if _, err := p.tcp.Write(b[:1]); err != nil {
				left.Store(true)
				return
			}
			b = append(b[1:], b[0])
			time.Sleep(200 * time.Millisecond)
		}
	}}
	began := time.Now()
	Ask(t.Context(), Options{InfoHash: testHash, Pieces: 11, Peers: []netip.AddrPort{slow.start(t)}, Timeout: time.Second})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	for end := time.Now().Add(time.Minute); !left.Load(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the connection is still open")
		}
	}
}

// One peer at two addresses counts once, and a host gets only so many connections.
func TestAskOnce(t *testing.T) {
	f := fakePeer{serve: say(extended(peer.ExtendedHandshake{}), haveAll), id: peerid.New()}
	r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: 1, Peers: []netip.AddrPort{f.start(t), f.start(t)}})
	if want := (Result{Peers: 1, Asked: 1, Answered: 1, Seeds: 1, Pieces: 1, Copies: 1, Rarest: Rarest{0, 1, 1}}); !r.isEqual(want) {
		t.Errorf("%+v, want %+v", r, want)
	}
	var many []netip.AddrPort
	for range 12 {
		many = append(many, fakePeer{serve: say(extended(peer.ExtendedHandshake{}), haveAll)}.start(t))
	}
	if r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: 1, Peers: many}); r.Peers != 12 || r.Asked != maxOfHost {
		t.Errorf("%+v", r)
	}
	if r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: 1, Peers: many, MaxPeers: 3}); r.Peers != 12 || r.Asked != 3 {
		t.Errorf("%+v", r)
	}
}

// A peer may answer with the other info-hash of a hybrid torrent.
func TestAskOtherHash(t *testing.T) {
	other := [20]byte{1}
	p := fakePeer{hash: other, serve: say(extended(peer.ExtendedHandshake{}), haveAll)}.start(t)
	for _, hashes := range [][][20]byte{nil, {testHash}, {testHash, other}} {
		r := Ask(t.Context(), Options{InfoHash: testHash, Hashes: hashes, Pieces: 1, Peers: []netip.AddrPort{p}})
		if want := len(hashes) / 2; r.Seeds != want || r.Answered != want {
			t.Errorf("%d info-hashes: %+v", len(hashes), r)
		}
	}
}

// Calls share a limit of connections.
func TestAskConnections(t *testing.T) {
	const most = 2
	var now atomic.Int32
	var over atomic.Bool
	var once sync.Once
	full := make(chan struct{})
	serve := func(p *peerConn) {
		n := now.Add(1)
		if n > most {
			over.Store(true)
		}
		if n == most {
			once.Do(func() { close(full) })
		}
		<-full
		now.Add(-1) // before the asker can close the connection
		say(extended(peer.ExtendedHandshake{}), haveAll)(p)
	}
	connections := semaphore.NewWeighted(most)
	var wg sync.WaitGroup
	for range 3 {
		var peers []netip.AddrPort
		for range 5 {
			peers = append(peers, fakePeer{serve: serve}.start(t))
		}
		wg.Go(func() {
			if r := Ask(t.Context(), Options{InfoHash: testHash, Pieces: 1, Peers: peers, Connections: connections, Timeout: time.Minute}); r.Seeds != 5 {
				t.Errorf("%+v", r)
			}
		})
	}
	wg.Wait()
	if over.Load() {
		t.Errorf("more than %d connections at once", most)
	}
}

// When the context ends, Ask returns what it knows.
func TestAskStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	seed := fakePeer{serve: say(extended(peer.ExtendedHandshake{}), haveAll)}.start(t)
	slow := fakePeer{serve: raw(nil)}.start(t)
	r := Ask(ctx, Options{InfoHash: testHash, Pieces: 1, Peers: []netip.AddrPort{seed, slow}, Timeout: time.Hour, Progress: func(r Result) { cancel() }})
	if r.Seeds != 1 || r.Copies != 1 {
		t.Errorf("%+v", r)
	}
	if r := Ask(ctx, Options{InfoHash: testHash, Peers: []netip.AddrPort{seed}}); r.Peers != 1 || r.Asked != 0 {
		t.Errorf("%+v", r)
	}
}

// infoOf returns an info dict of n pieces.
func infoOf(t *testing.T, n int) (info []byte, hash [20]byte) {
	t.Helper()
	raw := "d4:infod6:lengthi" + strconv.Itoa(n*16384) + "e4:name1:a12:piece lengthi16384e6:pieces" + strconv.Itoa(20*n) + ":" + strings.Repeat("x", 20*n) + "ee"
	m, err := metainfo.Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.InfoBytes(), m.InfoHashV1
}

// FuzzConn handles what a peer sends.
func FuzzConn(f *testing.F) {
	f.Add(binary.BigEndian.AppendUint32(nil, 1<<20))
	f.Add((&peer.ExtendedHandshake{Extensions: map[string]uint8{"ut_metadata": 3}, MetadataSize: 100}).Append(nil))
	f.Add((&peer.Metadata{Kind: peer.MetadataData, TotalSize: 3, Data: []byte("abc")}).Append(nil, 1))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	defer l.Close()
	socket, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		f.Fatal(err)
	}
	defer socket.Close()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, known := range []int{0, 11} {
			a := newAsker(Options{Pieces: known})
			l, err := link.New(socket.(*net.TCPConn), nil, &a.timeouts)
			if err != nil {
				t.Fatal(err)
			}
			c := &conn{asker: a, Link: l, began: time.Now()}
			pieces := peer.UnknownPieces
			if known > 0 {
				pieces = known
			}
			for b := b; len(b) > 0; {
				m, n, err := peer.Next(b, pieces)
				if err != nil {
					break
				}
				if n > len(b) {
					_, _ = c.Begun(m.ID, b, n) // must not panic
					break
				}
				if c.Handle(m) != nil {
					break
				}
				b = b[n:]
			}
			if len(c.claim.bits) > maxUnknown {
				t.Fatalf("%d bytes are kept", len(c.claim.bits))
			}
		}
	})
}

// metadataPeer returns a peer that sends an info dict on request.
func metadataPeer(hash [20]byte, info []byte, messages ...peer.Message) fakePeer {
	return fakePeer{hash: hash, serve: func(p *peerConn) {
		const id = 7
		theirs := uint8(0)
		p.said = func(m peer.Message) {
			if m.ID != peer.IDExtended {
				return
			}
			if m.Extension == peer.ExtHandshake {
				h, _ := peer.ParseExtendedHandshake(m.Payload)
				theirs = h.Extensions[peer.MetadataName]
				return
			}
			request, err := peer.ParseMetadata(m.Payload)
			if m.Extension != id || err != nil {
				return
			}
			data, _ := peer.MetadataPiece(info, request.Piece)
			answer := peer.Metadata{Kind: peer.MetadataData, Piece: request.Piece, TotalSize: len(info), Data: data}
			p.QueueBytes(func(b []byte) []byte { return answer.Append(b, theirs) })
		}
		say(append(messages, extended(peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: id}, MetadataSize: len(info)}))...)(p)
	}}
}

// The number of pieces of a magnet link is found out from the peers, of which some lie.
func TestAskMetadata(t *testing.T) {
	const pieces = 2500 // the info dict has several pieces itself
	info, hash := infoOf(t, pieces)
	lie := append([]byte(nil), info...)
	lie[len(lie)-3] ^= 1
	has := peer.FullBitfield(pieces)
	has.Clear(1234)
	most := peer.Message{ID: peer.IDBitfield, Payload: has}
	seed := fakePeer{hash: hash, serve: say(haveAll, extended(peer.ExtendedHandshake{}))}
	wrong := fakePeer{hash: hash, serve: say(bitfield(1, 2, 3), extended(peer.ExtendedHandshake{}))}
	for name, test := range map[string]struct {
		peers []fakePeer
		want  Result
	}{
		"one":              {[]fakePeer{metadataPeer(hash, info, most)}, Result{Answered: 1, Pieces: pieces, Copies: 0.999, Rarest: Rarest{1234, 0, 1}}},
		"with seed":        {[]fakePeer{metadataPeer(hash, info, most), seed}, Result{Answered: 2, Seeds: 1, Pieces: pieces, Copies: 1.999, Rarest: Rarest{1234, 1, 1}}},
		"a liar":           {[]fakePeer{metadataPeer(hash, lie, haveNone), metadataPeer(hash, info, most)}, Result{Answered: 1, Pieces: pieces, Copies: 0.999, Rarest: Rarest{1234, 0, 1}}},
		"a wrong bitfield": {[]fakePeer{wrong, metadataPeer(hash, info, most)}, Result{Answered: 1, Pieces: pieces, Copies: 0.999, Rarest: Rarest{1234, 0, 1}}},
		"no copy of it":    {[]fakePeer{seed, wrong}, Result{Answered: 2, Seeds: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{InfoHash: hash, Timeout: 10 * time.Second}
			for _, p := range test.peers {
				p.hash = hash
				o.Peers = append(o.Peers, p.start(t))
			}
			r := Ask(t.Context(), o)
			if name == "a liar" && r.Answered == 2 {
				r.Answered = 1 // it was not asked, so it is not known as one
			}
			test.want.Peers, test.want.Asked = len(test.peers), len(test.peers)
			if !r.isEqual(test.want) {
				t.Errorf("got  %+v\nwant %+v", r, test.want)
			}
		})
	}
}

// A peer is listened to for a limited time, whatever it says.
func TestTimes(t *testing.T) {
	const timeout = 5 * time.Second
	hello := extended(peer.ExtendedHandshake{})
	for _, test := range []struct {
		name  string
		plain bool // the peer has no extensions
		every time.Duration
		says  []peer.Message
		want  time.Duration
	}{
		{"nothing", false, 0, nil, timeout},
		{"all that counts", false, 0, []peer.Message{haveAll, hello}, 0},
		{"have all, no extended handshake", false, 0, []peer.Message{haveAll}, timeout},
		{"have all, no extensions", true, 0, []peer.Message{haveAll}, 0},
		{"a bitfield", false, 0, []peer.Message{hello, bitfield(0x80)}, timeout / 5},
		{"a bitfield, and pieces soon after", false, 500 * time.Millisecond, []peer.Message{hello, bitfield(0x80), have(1), have(2)}, 3*500*time.Millisecond + timeout/5},
		{"a have now and then", false, 900 * time.Millisecond, []peer.Message{hello, haveNone, have(1), have(2), have(3), have(4), have(5), have(6)}, timeout},
		{"pieces without a statement", false, 0, []peer.Message{hello, have(1)}, timeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			c := &conn{asker: newAsker(Options{Pieces: 8}), began: began}
			if !test.plain {
				c.hello.Set(peer.FeatureExtensions)
			}
			next := began
			for says := test.says; ; {
				if len(says) > 0 && !time.Now().Before(next) {
					if err := c.Handle(says[0]); err != nil {
						t.Fatal(err)
					}
					says, next = says[1:], next.Add(test.every)
					if test.every == 0 {
						continue // it arrives together with the next
					}
				}
				until, err := c.Send()
				if err != nil {
					if err != errHeard {
						t.Error(err)
					}
					break
				}
				if len(says) > 0 && next.Before(until) {
					until = next
				}
				time.Sleep(time.Until(until))
			}
			if got := time.Since(began); got != test.want {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
		})
	}
}
